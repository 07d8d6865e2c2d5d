package txscript

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/dlclark/regexp2"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

// pattern is a compiled regular expression.
type pattern struct {
	source string
	flags  int64
	re     *regexp2.Regexp
	names  map[string]int
	groups int
}

// Flags of the module re, as CPython numbers them.
const (
	flagIgnoreCase = 2
	flagMultiline  = 8
	flagDotAll     = 16
	flagVerbose    = 64
	flagASCII      = 256
)

// matchTimeout bounds one search: a pattern that backtracks for ever is not worth
// waiting for.
const matchTimeout = 500 * time.Millisecond

// patterns are kept, since formulas use the same ones for every row.
var patterns = struct {
	sync.Mutex
	m map[string]*pattern
}{m: make(map[string]*pattern)}

const maxPatterns = 1000

func compilePattern(source string, flags int64) (*pattern, error) {
	key := strconv.FormatInt(flags, 10) + ":" + source
	patterns.Lock()
	defer patterns.Unlock()
	if p := patterns.m[key]; p != nil {
		return p, nil
	}
	translated, names, err := translate(source)
	if err != nil {
		return nil, err
	}
	options := regexp2.None
	for flag, o := range map[int64]regexp2.RegexOptions{
		flagIgnoreCase: regexp2.IgnoreCase, flagMultiline: regexp2.Multiline, flagDotAll: regexp2.Singleline, flagVerbose: regexp2.IgnorePatternWhitespace,
	} {
		if flags&flag != 0 {
			options |= o
		}
	}
	re, err := regexp2.Compile(translated, options)
	if err != nil {
		return nil, &pyvalue.Error{Type: "error", Msg: strings.TrimPrefix(err.Error(), "error parsing regexp: ")}
	}
	re.MatchTimeout = matchTimeout
	p := &pattern{source: source, flags: flags, re: re, names: names, groups: len(re.GetGroupNumbers()) - 1}
	if len(patterns.m) >= maxPatterns {
		clear(patterns.m)
	}
	patterns.m[key] = p
	return p, nil
}

// translate turns Python's syntax into that of regexp2, which is .NET's. All
// groups become plain ones, since .NET would number named ones last.
func translate(source string) (string, map[string]int, error) {
	var out strings.Builder
	names := make(map[string]int)
	group := 0
	inClass := false
	for i := 0; i < len(source); i++ {
		c := source[i]
		rest := source[i:]
		switch {
		case c == '\\' && i+1 < len(source):
			i++
			switch {
			case source[i] == 'Z' && !inClass:
				out.WriteString(`\z`)
			case source[i] == 'd' && inClass, source[i] == 'w' && inClass:
				out.WriteString(`\` + source[i:i+1])
			case source[i] == 'h', source[i] == 'y', source[i] == 'R', source[i] == 'G', source[i] == 'z', source[i] == 'p', source[i] == 'P', source[i] == 'k', source[i] == 'K', source[i] == 'e' || source[i] == 'c':
				return "", nil, &pyvalue.Error{Type: "error", Msg: fmt.Sprintf(`bad escape \%c at position %d`, source[i], i-1)}
			default:
				out.WriteString(source[i-1 : i+1])
			}
		case inClass:
			inClass = c != ']'
			if c == '[' {
				out.WriteByte('\\')
			}
			out.WriteByte(c)
		case c == '[':
			if text, end := negatedClass(rest); end > 0 {
				out.WriteString(text)
				i += end - 1
				continue
			}
			inClass = true
			out.WriteByte(c)
			if i+1 < len(source) && source[i+1] == '^' {
				i++
				out.WriteByte('^')
			}
			if i+1 < len(source) && source[i+1] == ']' {
				i++
				out.WriteString(`\]`)
			}
		case strings.HasPrefix(rest, "(?P<"):
			end := strings.IndexByte(rest, '>')
			if end < 0 {
				return "", nil, &pyvalue.Error{Type: "error", Msg: "missing >, unterminated name at position " + strconv.Itoa(i+4)}
			}
			group++
			names[rest[4:end]] = group
			out.WriteByte('(')
			i += end
		case strings.HasPrefix(rest, "(?P="):
			end := strings.IndexByte(rest, ')')
			n, ok := names[rest[4:max(4, end)]]
			if end < 0 || !ok {
				return "", nil, &pyvalue.Error{Type: "error", Msg: fmt.Sprintf("unknown group name at position %d", i+4)}
			}
			fmt.Fprintf(&out, `(?:\%d)`, n)
			i += end
		case c == '(' && !strings.HasPrefix(rest, "(?"):
			group++
			out.WriteByte(c)
		case c == '{' && strings.HasPrefix(rest, "{,"):
			out.WriteString("{0")
		default:
			out.WriteByte(c)
		}
	}
	return out.String(), names, nil
}

// negatedClass rewrites a class that has \W, \D or \S in it, which regexp2 does
// not join with the rest of a class as Python does. It returns the text and the
// length of the class, 0 if it is none of this kind.
func negatedClass(source string) (text string, end int) {
	i, not := 1, false
	if strings.HasPrefix(source, "[^") {
		i, not = 2, true
	}
	var rest strings.Builder
	var escapes []byte
	for first := true; i < len(source); first = false {
		c := source[i]
		switch {
		case c == ']' && !first:
			if escapes == nil {
				return "", 0
			}
			return joinClass(not, escapes, rest.String()), i + 1
		case c == '\\' && i+1 < len(source):
			if strings.IndexByte("WDS", source[i+1]) >= 0 {
				escapes = append(escapes, source[i+1])
			} else {
				rest.WriteString(source[i : i+2])
			}
			i += 2
			continue
		case c == '[' || c == ']':
			rest.WriteByte('\\')
		}
		rest.WriteByte(c)
		i++
	}
	return "", 0
}

func joinClass(not bool, escapes []byte, rest string) string {
	var out strings.Builder
	out.WriteString("(?:")
	if not {
		for _, e := range escapes {
			out.WriteString(`(?=\` + string(unicode.ToLower(rune(e))) + `)`)
		}
		if rest == "" {
			rest = `[\s\S]`
		} else {
			rest = "[^" + rest + "]"
		}
		out.WriteString(rest)
	} else {
		for _, e := range escapes {
			out.WriteString(`\` + string(rune(e)) + "|")
		}
		if rest == "" {
			rest = `(?!)`
		} else {
			rest = "[" + rest + "]"
		}
		out.WriteString(rest)
	}
	out.WriteString(")")
	return out.String()
}

// PyType implements [pyvalue.Object].
func (p *pattern) PyType() string { return "re.Pattern" }

// PyRepr prints what made the pattern.
func (p *pattern) PyRepr() string {
	text, _ := pyvalue.Repr(nil, pyvalue.Str(p.source)) // without a meter a text can be printed
	return "re.compile(" + text + ")"
}

// PyAttr returns the functions of re with the pattern as their first argument.
func (p *pattern) PyAttr(name string) (value, bool) {
	if name == "pattern" {
		return pyvalue.Str(p.source), true
	}
	f, ok := reFunctions[name]
	if !ok || name == "compile" || name == "escape" {
		return value{}, false
	}
	self := pyvalue.FromObject(p)
	return pyvalue.FromObject(&builtin{name, func(r *run, c *pyvalue.Call) (value, error) {
		return f(r, &pyvalue.Call{Args: append([]value{self}, c.Args...), Names: c.Names, Named: c.Named, Meter: c.Meter})
	}}), true
}

// subject are the arguments that all functions of re have.
type subject struct {
	p    *pattern
	text string
}

func argPattern(c *pyvalue.Call, name string, flagsAt int) (*pattern, error) {
	if len(c.Args) == 0 {
		return nil, pyvalue.Raise("TypeError", "%s() missing required argument 'pattern'", name)
	}
	flags := int64(0)
	if v, ok := c.Arg(flagsAt, "flags"); ok {
		flags, _ = v.Int64()
	}
	if p, ok := c.Args[0].Object().(*pattern); ok {
		return p, nil
	}
	if !c.Args[0].IsText() {
		return nil, pyvalue.Raise("TypeError", "first argument must be string or compiled pattern")
	}
	return compilePattern(c.Args[0].Text(), flags)
}

func argSubject(c *pyvalue.Call, name string, at, flagsAt int) (subject, error) {
	p, err := argPattern(c, name, flagsAt)
	if err != nil {
		return subject{}, err
	}
	v, ok := c.Arg(at, "string")
	if !ok {
		return subject{}, pyvalue.Raise("TypeError", "%s() missing 1 required positional argument: 'string'", name)
	}
	if !v.IsText() {
		return subject{}, pyvalue.Raise("TypeError", "expected string or bytes-like object, got '%s'", pyvalue.TypeName(v))
	}
	return subject{p, v.Text()}, nil
}

// each calls f with every match, none of which overlap.
func (s subject) each(r *run, f func(m *regexp2.Match) (bool, error)) error {
	if err := r.meter.Step(1 + int64(len(s.text)/16)); err != nil {
		return err
	}
	started := time.Now()
	m, err := s.p.re.FindStringMatch(s.text)
	for ; m != nil && err == nil; m, err = s.p.re.FindNextMatch(m) {
		if err := r.spent(started); err != nil {
			return err
		}
		started = time.Now()
		if more, err := f(m); err != nil || !more {
			return err
		}
	}
	if err == nil {
		return r.spent(started)
	}
	return timedOut(err)
}

// spent counts a search that took long as the steps that could have been made
// meanwhile: patterns can backtrack.
func (r *run) spent(since time.Time) error {
	return r.meter.Step(1 + int64(time.Since(since)/(100*time.Microsecond))*stepsPerSearch)
}

// stepsPerSearch is about what a tenth of a millisecond has time for.
const stepsPerSearch = 1000

func timedOut(err error) error {
	if err != nil {
		return fmt.Errorf("%w: a regular expression took longer than %v", pyvalue.ErrLimit, matchTimeout)
	}
	return nil
}

// anchored is a pattern that must fit from the beginning, and with whole to the end.
func anchored(r *run, c *pyvalue.Call, name string, whole bool) (value, error) {
	s, err := argSubject(c, name, 1, 2)
	if err != nil {
		return value{}, err
	}
	flags := s.p.flags
	source := `\A(?:` + s.p.source + `)`
	if flags&flagVerbose != 0 {
		source = `\A(?:` + s.p.source + "\n)"
	}
	if whole {
		source += `\Z`
	}
	// Global flags have to stand first.
	if strings.HasPrefix(s.p.source, "(?") {
		if end := strings.IndexByte(s.p.source, ')'); end > 2 && strings.Trim(s.p.source[2:end], "aiLmsux") == "" {
			source = s.p.source[:end+1] + `\A(?:` + s.p.source[end+1:] + `)`
			if whole {
				source += `\Z`
			}
		}
	}
	p, err := compilePattern(source, flags)
	if err != nil {
		return value{}, err
	}
	started := time.Now()
	m, err := p.re.FindStringMatch(s.text)
	if err != nil {
		return value{}, timedOut(err)
	}
	if m == nil {
		return value{}, r.spent(started)
	}
	return pyvalue.FromObject(&matchValue{s.p, m, s.text}), r.spent(started)
}

var reFunctions map[string]func(r *run, c *pyvalue.Call) (value, error)

func init() {
	for name, f := range map[string]func(r *run, c *pyvalue.Call) (value, error){
		"compile": func(_ *run, c *pyvalue.Call) (value, error) {
			p, err := argPattern(c, "compile", 1)
			if err != nil {
				return value{}, err
			}
			return pyvalue.FromObject(p), nil
		},
		"search": func(r *run, c *pyvalue.Call) (value, error) {
			s, err := argSubject(c, "search", 1, 2)
			if err != nil {
				return value{}, err
			}
			var found value
			err = s.each(r, func(m *regexp2.Match) (bool, error) {
				found = pyvalue.FromObject(&matchValue{s.p, m, s.text})
				return false, nil
			})
			return found, err
		},
		"match":     func(r *run, c *pyvalue.Call) (value, error) { return anchored(r, c, "match", false) },
		"fullmatch": func(r *run, c *pyvalue.Call) (value, error) { return anchored(r, c, "fullmatch", true) },
		"findall": func(r *run, c *pyvalue.Call) (value, error) {
			s, err := argSubject(c, "findall", 1, 2)
			if err != nil {
				return value{}, err
			}
			var list []value
			err = s.each(r, func(m *regexp2.Match) (bool, error) {
				switch s.p.groups {
				case 0:
					list = append(list, pyvalue.Str(m.String()))
				case 1:
					list = append(list, pyvalue.Str(m.GroupByNumber(1).String()))
				default:
					items := make([]value, s.p.groups)
					for i := range items {
						items[i] = pyvalue.Str(m.GroupByNumber(i + 1).String())
					}
					list = append(list, pyvalue.NewTuple(items...))
				}
				return true, r.meter.Grow(24)
			})
			return pyvalue.NewList(list...), err
		},
		"finditer": func(r *run, c *pyvalue.Call) (value, error) {
			s, err := argSubject(c, "finditer", 1, 2)
			return newLazy("callable_iterator", func(yield func(value) (bool, error)) error {
				return s.each(r, func(m *regexp2.Match) (bool, error) { return yield(pyvalue.FromObject(&matchValue{s.p, m, s.text})) })
			}), err
		},
		"sub": func(r *run, c *pyvalue.Call) (value, error) {
			v, _, err := replaceAll(r, c, "sub")
			return v, err
		},
		"subn": func(r *run, c *pyvalue.Call) (value, error) {
			v, n, err := replaceAll(r, c, "subn")
			return pyvalue.NewTuple(v, pyvalue.Int(int64(n))), err
		},
		"split": split,
		"escape": func(_ *run, c *pyvalue.Call) (value, error) {
			if err := exactly(c, "escape", 1); err != nil {
				return value{}, err
			}
			var out strings.Builder
			for _, ch := range c.Args[0].Text() {
				if strings.ContainsRune("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", ch) {
					out.WriteByte('\\')
				}
				out.WriteRune(ch)
			}
			return pyvalue.Str(out.String()), nil
		},
	} {
		reFunctions[name] = f
		reModule.Object().(*module).attrs[name] = pyvalue.FromObject(&builtin{name, f})
	}
}

var reModule = func() value {
	reFunctions = make(map[string]func(r *run, c *pyvalue.Call) (value, error))
	flags := make(map[string]value)
	for name, n := range map[string]int64{
		"I": flagIgnoreCase, "IGNORECASE": flagIgnoreCase, "M": flagMultiline, "MULTILINE": flagMultiline, "S": flagDotAll, "DOTALL": flagDotAll,
		"X": flagVerbose, "VERBOSE": flagVerbose, "U": 32, "UNICODE": 32,
	} {
		flags[name] = pyvalue.Int(n)
	}
	flags["error"] = pyvalue.FromObject(excClasses["error"])
	return newModule("re", nil, flags)
}()

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
