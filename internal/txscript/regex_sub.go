package txscript

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/dlclark/regexp2"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

func split(r *run, c *pyvalue.Call) (value, error) {
	s, err := argSubject(c, "split", 1, 3)
	if err != nil {
		return value{}, err
	}
	most := int64(0)
	if v, ok := c.Arg(2, "maxsplit"); ok {
		most, _ = v.Int64()
	}
	text := []rune(s.text)
	var list []value
	at, n := 0, int64(0)
	err = s.each(r, func(m *regexp2.Match) (bool, error) {
		list = append(list, pyvalue.Str(string(text[at:m.Index])))
		for i := range s.p.groups {
			list = append(list, group(m, i+1))
		}
		at = m.Index + m.Length
		n++
		return most == 0 || n < most, r.meter.Grow(24)
	})
	return pyvalue.NewList(append(list, pyvalue.Str(string(text[at:])))...), err
}

// replaceAll is re.sub: the arguments are pattern, repl, string, count, flags.
func replaceAll(r *run, c *pyvalue.Call, name string) (value, int, error) {
	s, err := argSubject(c, name, 2, 4)
	if err != nil {
		return value{}, 0, err
	}
	repl, ok := c.Arg(1, "repl")
	if !ok {
		return value{}, 0, pyvalue.Raise("TypeError", "%s() missing 1 required positional argument: 'repl'", name)
	}
	most := int64(0)
	if v, ok := c.Arg(3, "count"); ok {
		most, _ = v.Int64()
	}
	with := func(m *regexp2.Match) (string, error) {
		v, err := r.call(repl, &pyvalue.Call{Args: []value{pyvalue.FromObject(&matchValue{s.p, m, s.text})}, Meter: r.meter})
		if err != nil {
			return "", err
		}
		if !v.IsText() {
			return "", pyvalue.Raise("TypeError", "expected str instance, %s found", pyvalue.TypeName(v))
		}
		return v.Text(), nil
	}
	if repl.IsText() {
		template, err := parseTemplate(repl.Text(), s.p)
		if err != nil {
			return value{}, 0, err
		}
		with = func(m *regexp2.Match) (string, error) { return template.expand(m), nil }
	}
	text := []rune(s.text)
	var out strings.Builder
	at, n := 0, 0
	err = s.each(r, func(m *regexp2.Match) (bool, error) {
		out.WriteString(string(text[at:m.Index]))
		put, err := with(m)
		if err != nil {
			return false, err
		}
		out.WriteString(put)
		at = m.Index + m.Length
		n++
		return most == 0 || int64(n) < most, r.meter.Grow(int64(len(put)))
	})
	out.WriteString(string(text[at:]))
	return pyvalue.Str(out.String()), n, err
}

// template is a replacement text: literals, and groups.
type template []templatePart

type templatePart struct {
	text  string
	group int // -1 for a literal
}

func parseTemplate(text string, p *pattern) (template, error) {
	var t template
	literal := func(s string) { t = append(t, templatePart{s, -1}) }
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			end := strings.IndexByte(text[i:], '\\')
			if end < 0 || i+end == len(text)-1 && text[i] == '\\' {
				end = len(text) - i
			}
			literal(text[i : i+max(end, 1)])
			i += max(end, 1) - 1
			continue
		}
		i++
		c := text[i]
		switch {
		case c == 'g' && strings.HasPrefix(text[i:], "g<"):
			end := strings.IndexByte(text[i:], '>')
			if end < 0 {
				return nil, &pyvalue.Error{Type: "error", Msg: "missing >, unterminated name"}
			}
			name := text[i+2 : i+end]
			n, err := strconv.Atoi(name)
			if err != nil {
				var ok bool
				if n, ok = p.names[name]; !ok {
					return nil, &pyvalue.Error{Type: "IndexError", Msg: "unknown group name '" + name + "'"}
				}
			}
			t = append(t, templatePart{"", n})
			i += end
		case c >= '1' && c <= '9':
			n := int(c - '0')
			if i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9' {
				i++
				n = n*10 + int(text[i]-'0')
			}
			t = append(t, templatePart{"", n})
		case simpleEscapes[c] != 0 && c != '"' && c != '\'':
			literal(string(rune(simpleEscapes[c])))
		case unicode.IsLetter(rune(c)):
			return nil, &pyvalue.Error{Type: "error", Msg: fmt.Sprintf(`bad escape \%c at position %d`, c, i-1)}
		case c == '0':
			literal("\x00")
		default:
			literal(text[i-1 : i+1])
		}
	}
	for _, part := range t {
		if part.group > p.groups {
			return nil, &pyvalue.Error{Type: "error", Msg: fmt.Sprintf("invalid group reference %d", part.group)}
		}
	}
	return t, nil
}

func (t template) expand(m *regexp2.Match) string {
	var out strings.Builder
	for _, p := range t {
		if p.group < 0 {
			out.WriteString(p.text)
		} else if g := m.GroupByNumber(p.group); g != nil {
			out.WriteString(g.String())
		}
	}
	return out.String()
}

// substitute is Rossum's own: a pattern, what to put, and the text.
func substitute(r *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) > 2 && IsEmpty(c.Args[2]) {
		return pyvalue.Str(""), nil
	}
	if len(c.Args) > 2 && !c.Args[2].IsText() {
		text, err := pyvalue.String(r.meter, c.Args[2])
		if err != nil {
			return value{}, err
		}
		c.Args[2] = pyvalue.Str(text)
	}
	v, _, err := replaceAll(r, c, "substitute")
	return v, err
}
