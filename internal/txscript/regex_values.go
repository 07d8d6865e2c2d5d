package txscript

import (
	"fmt"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/re"
)

// patternValue is a compiled pattern as a value.
type patternValue struct{ p *re.Pattern }

// PyType implements [pyvalue.Object].
func (p *patternValue) PyType() string { return "re.Pattern" }

var flagNames = []struct {
	flag re.Flags
	name string
}{
	{re.IgnoreCase, "IGNORECASE"}, {re.Multiline, "MULTILINE"}, {re.DotAll, "DOTALL"}, {re.Verbose, "VERBOSE"}, {re.ASCII, "ASCII"},
}

// PyRepr prints what made the pattern.
func (p *patternValue) PyRepr() string {
	text, _ := pyvalue.Repr(nil, textOf(p.p, p.p.Source())) // without a meter a text can be printed
	var flags []string
	for _, f := range flagNames {
		if p.p.Flags()&f.flag != 0 {
			flags = append(flags, "re."+f.name)
		}
	}
	if flags != nil {
		text += ", " + strings.Join(flags, "|")
	}
	return "re.compile(" + text + ")"
}

// PyAttr returns what is known of the pattern, and its methods.
func (p *patternValue) PyAttr(name string) (value, bool) {
	switch name {
	case "pattern":
		return textOf(p.p, p.p.Source()), true
	case "flags":
		return pyvalue.Int(int64(p.p.Flags())), true
	case "groups":
		return pyvalue.Int(int64(p.p.Groups())), true
	case "groupindex":
		d := pyvalue.NewDict()
		for i := range p.p.Groups() {
			if n := p.p.Name(i + 1); n != "" {
				d.SetStr(n, pyvalue.Int(int64(i+1)))
			}
		}
		return d.Value(), true
	}
	f, ok := reFunctions()[name]
	if !ok {
		return value{}, false
	}
	return pyvalue.FromObject(&builtin{name, func(r *run, c *pyvalue.Call) (value, error) { return f.call(r, name, p.p, c) }}), true
}

// matchValue is a match as a value.
type matchValue struct{ m *re.Match }

// PyType implements [pyvalue.Object].
func (m *matchValue) PyType() string { return "re.Match" }

// PyTruth is true: there is a match.
func (m *matchValue) PyTruth() bool { return true }

// PyRepr prints the match.
func (m *matchValue) PyRepr() string {
	text, _ := pyvalue.Repr(nil, groupText(m.m, 0))
	from, to := m.m.Span(0)
	return fmt.Sprintf("<re.Match object; span=(%d, %d), match=%s>", from, to, text)
}

func groupOrNone(m *re.Match, n int) value {
	text, ok := m.Group(n)
	if !ok {
		return value{}
	}
	return textOf(m.Pattern, text)
}

// number finds a group by number or name.
func (m *matchValue) number(key value) (int, error) {
	n, ok := key.Int64()
	if key.IsText() {
		var i int
		i, ok = m.m.Pattern.Group(key.Text())
		n = int64(i)
	}
	if !ok || n < 0 || n > int64(m.m.Pattern.Groups()) {
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
	return groupOrNone(m.m, n), nil
}

// PyAttr returns what is known of the match, and its methods.
func (m *matchValue) PyAttr(name string) (value, bool) {
	switch last := m.m.LastGroup(); name {
	case "string":
		return textOf(m.m.Pattern, m.m.Text.String()), true
	case "re":
		return pyvalue.FromObject(&patternValue{m.m.Pattern}), true
	case "pos":
		return pyvalue.Int(int64(m.m.Pos)), true
	case "endpos":
		return pyvalue.Int(int64(m.m.EndPos)), true
	case "lastindex":
		if last == 0 {
			return value{}, true
		}
		return pyvalue.Int(int64(last)), true
	case "lastgroup":
		if last == 0 || m.m.Pattern.Name(last) == "" {
			return value{}, true
		}
		return pyvalue.Str(m.m.Pattern.Name(last)), true
	}
	f, ok := matchMethods()[name]
	if !ok {
		return value{}, false
	}
	return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) { return f(m, c) }}), true
}

func matchMethods() map[string]func(m *matchValue, c *pyvalue.Call) (value, error) {
	return matchMethodsOnUse.Get(makeMatchMethods)
}

var matchMethodsOnUse onuse.Value[map[string]func(m *matchValue, c *pyvalue.Call) (value, error)]

func makeMatchMethods() map[string]func(m *matchValue, c *pyvalue.Call) (value, error) {
	return map[string]func(m *matchValue, c *pyvalue.Call) (value, error){
		"group": func(m *matchValue, c *pyvalue.Call) (value, error) {
			if len(c.Args) == 0 {
				return groupOrNone(m.m, 0), nil
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
			items := make([]value, m.m.Pattern.Groups())
			for i := range items {
				items[i] = m.groupOr(i+1, c)
			}
			return pyvalue.NewTuple(items...), nil
		},
		"groupdict": func(m *matchValue, c *pyvalue.Call) (value, error) {
			d := pyvalue.NewDict()
			for n := 1; n <= m.m.Pattern.Groups(); n++ {
				if name := m.m.Pattern.Name(n); name != "" {
					d.SetStr(name, m.groupOr(n, c))
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
		"expand": func(m *matchValue, c *pyvalue.Call) (value, error) {
			if err := c.Check("expand", 1, "template"); err != nil {
				return value{}, err
			}
			text, _ := c.Arg(0, "template")
			t, err := templateOf(m.m.Pattern, text)
			if err != nil {
				return value{}, raise(err)
			}
			if err := c.Meter.Grow(int64(t.Size(m.m))); err != nil {
				return value{}, err
			}
			return textOf(m.m.Pattern, t.Expand(m.m)), nil
		},
	}
}

// groupOr is a group, or else the argument default.
func (m *matchValue) groupOr(n int, c *pyvalue.Call) value {
	if v := groupOrNone(m.m, n); !v.IsNone() {
		return v
	}
	otherwise, _ := c.Arg(0, "default")
	return otherwise
}

func (m *matchValue) span(c *pyvalue.Call) (start, end int64, err error) {
	n := 0
	if len(c.Args) > 0 {
		if n, err = m.number(c.Args[0]); err != nil {
			return 0, 0, err
		}
	}
	from, to := m.m.Span(n)
	return int64(from), int64(to), nil
}
