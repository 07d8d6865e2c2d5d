package txscript

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

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
