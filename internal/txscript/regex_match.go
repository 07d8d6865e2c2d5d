package txscript

import (
	"fmt"

	"github.com/dlclark/regexp2"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

// matchValue is a match as a value.
type matchValue struct {
	p    *pattern
	m    *regexp2.Match
	text string
}

// PyType implements [pyvalue.Object].
func (m *matchValue) PyType() string { return "re.Match" }

// PyTruth is true: there is a match.
func (m *matchValue) PyTruth() bool { return true }

// PyRepr prints the match.
func (m *matchValue) PyRepr() string {
	text, _ := pyvalue.Repr(nil, pyvalue.Str(m.m.String()))
	return fmt.Sprintf("<re.Match object; span=(%d, %d), match=%s>", m.m.Index, m.m.Index+m.m.Length, text)
}

// group returns a group's text, None if it took no part.
func group(m *regexp2.Match, n int) value {
	g := m.GroupByNumber(n)
	if g == nil || len(g.Captures) == 0 {
		return value{}
	}
	return pyvalue.Str(g.String())
}

// number finds a group by number or name.
func (m *matchValue) number(key value) (int, error) {
	n, ok := key.Int64()
	if key.IsText() {
		var i int
		i, ok = m.p.names[key.Text()]
		n = int64(i)
	}
	if !ok || n < 0 || n > int64(m.p.groups) {
		return 0, pyvalue.Raise("IndexError", "no such group")
	}
	return int(n), nil
}

// PyItem returns m[group].
func (m *matchValue) PyItem(key value) (value, error) {
	n, err := m.number(key)
	if err != nil {
		return value{}, err
	}
	return group(m.m, n), nil
}

// PyAttr returns the methods of a match.
func (m *matchValue) PyAttr(name string) (value, bool) {
	f, ok := matchMethods[name]
	if name == "string" {
		return pyvalue.Str(m.text), true
	}
	if !ok {
		return value{}, false
	}
	return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) { return f(m, c) }}), true
}

var matchMethods = map[string]func(m *matchValue, c *pyvalue.Call) (value, error){
	"group": func(m *matchValue, c *pyvalue.Call) (value, error) {
		if len(c.Args) == 0 {
			return group(m.m, 0), nil
		}
		items := make([]value, len(c.Args))
		for i, a := range c.Args {
			var err error
			if items[i], err = m.PyItem(a); err != nil {
				return value{}, err
			}
		}
		if len(items) == 1 {
			return items[0], nil
		}
		return pyvalue.NewTuple(items...), nil
	},
	"groups": func(m *matchValue, c *pyvalue.Call) (value, error) {
		otherwise, _ := c.Arg(0, "default")
		items := make([]value, m.p.groups)
		for i := range items {
			if items[i] = group(m.m, i+1); items[i].IsNone() {
				items[i] = otherwise
			}
		}
		return pyvalue.NewTuple(items...), nil
	},
	"groupdict": func(m *matchValue, c *pyvalue.Call) (value, error) {
		otherwise, _ := c.Arg(0, "default")
		d := pyvalue.NewDict()
		for n := 1; n <= m.p.groups; n++ {
			for name, i := range m.p.names {
				if i == n {
					v := group(m.m, n)
					if v.IsNone() {
						v = otherwise
					}
					d.SetStr(name, v)
				}
			}
		}
		return d.Value(), nil
	},
	"start": func(m *matchValue, c *pyvalue.Call) (value, error) {
		s, _, err := m.span(c)
		return pyvalue.Int(s), err
	},
	"end": func(m *matchValue, c *pyvalue.Call) (value, error) {
		_, e, err := m.span(c)
		return pyvalue.Int(e), err
	},
	"span": func(m *matchValue, c *pyvalue.Call) (value, error) {
		s, e, err := m.span(c)
		return pyvalue.NewTuple(pyvalue.Int(s), pyvalue.Int(e)), err
	},
}

func (m *matchValue) span(c *pyvalue.Call) (start, end int64, err error) {
	n := 0
	if len(c.Args) > 0 {
		if n, err = m.number(c.Args[0]); err != nil {
			return 0, 0, err
		}
	}
	g := m.m.GroupByNumber(n)
	if g == nil || len(g.Captures) == 0 {
		return -1, -1, nil
	}
	return int64(g.Index), int64(g.Index + g.Length), nil
}
