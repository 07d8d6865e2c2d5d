package jinja

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// Options of [Compile]; the zero value works.
type Options struct {
	// Place is where the template stands in the settings, such as
	// export_configs[0].file_content_template.
	Place string
	// Lines says that the settings hold the template as a list of lines, so that
	// errors name the element.
	Lines bool
}

// Limits bound a rendering. A field that is 0 gets the default.
type Limits struct {
	Steps       int64 // operations; 200 million
	OutputBytes int64 // 64 MiB
	ValueBytes  int64 // of a single value; 64 MiB
	TotalBytes  int64 // of all values that are made; 1 GiB
	Depth       int   // of calls of macros and recursive loops; 200
}

// Defaults of [Limits].
const (
	DefaultSteps       = 200_000_000
	DefaultOutputBytes = 64 << 20
	DefaultValueBytes  = 64 << 20
	DefaultTotalBytes  = 1 << 30
	DefaultDepth       = 200
)

func (l Limits) withDefaults() Limits {
	for _, p := range []struct {
		field *int64
		value int64
	}{{&l.Steps, DefaultSteps}, {&l.OutputBytes, DefaultOutputBytes}, {&l.ValueBytes, DefaultValueBytes}, {&l.TotalBytes, DefaultTotalBytes}} {
		if *p.field == 0 {
			*p.field = p.value
		}
	}
	if l.Depth == 0 {
		l.Depth = DefaultDepth
	}
	return l
}

// Template is a compiled template. It may be rendered by several goroutines.
type Template struct {
	name   string
	source string
	opts   Options
	body   exec
	fn     *function
	blocks map[string]*blockCode // what self knows
	names  []string              // variables that may come from outside, by index
	index  map[string]int
	sites  int // places that read an attribute
}

// Compile compiles a template; name is for messages. The error is an [*Error]
// with Type TemplateSyntaxError or TemplateAssertionError.
func Compile(name, source string, o Options) (*Template, error) {
	t := &Template{name: name, source: normalise(source), opts: o, index: make(map[string]int), fn: &function{}, blocks: make(map[string]*blockCode)}
	if !utf8.ValidString(source) {
		return nil, t.error("TemplateSyntaxError", 0, "the template is not UTF-8", nil)
	}
	list, err := parse(t.source)
	if err != nil {
		return nil, t.syntax(err)
	}
	root := &scope{fn: t.fn, slots: make(map[string]int), isRoot: true}
	root.analyse(list)
	c := &compiler{t: t, scope: root, root: root}
	if t.body, err = c.body(list); err != nil {
		return nil, t.syntax(err)
	}
	return t, nil
}

func (t *Template) contextIndex(name string) int {
	i, ok := t.index[name]
	if !ok {
		i = len(t.names)
		t.index[name] = i
		t.names = append(t.names, name)
	}
	return i
}

// Uses reports whether the template may read a variable from outside.
func (t *Template) Uses(name string) bool { _, ok := t.index[name]; return ok }

// Render renders the template to w. Output is written as it comes, in large
// pieces; after an error w has got a part of it. The error is an [*Error] with
// Python's exception, or wraps [pyvalue.ErrLimit], the context's error, or what
// w returned.
//
// Values in vars are not copied: a template that calls list.append on one of
// them changes it. Do not share them with another rendering then.
func (t *Template) Render(ctx context.Context, w io.Writer, vars map[string]pyvalue.Value, limits Limits) error {
	limits = limits.withDefaults()
	s := &state{t: t, w: w, limits: limits, context: make([]value, len(t.names)), near: make([]int, t.sites)}
	s.meter = pyvalue.NewMeter(ctx, pyvalue.Limits{Steps: limits.Steps, ValueBytes: limits.ValueBytes, TotalBytes: limits.TotalBytes})
	for i, name := range t.names {
		v, ok := vars[name]
		if !ok {
			v = missing
		}
		s.context[i] = v
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	f := s.newFrame(t.fn.size, nil)
	if err := t.body(f); err != nil {
		return t.at(0, err)
	}
	return s.flush()
}

// RenderString renders the template to a string.
func (t *Template) RenderString(ctx context.Context, vars map[string]pyvalue.Value, limits Limits) (string, error) {
	var b strings.Builder
	err := t.Render(ctx, &b, vars, limits)
	return b.String(), err
}

func (s *state) tooMuchOutput() error {
	return fmt.Errorf("%w: output of more than %d bytes", pyvalue.ErrLimit, s.limits.OutputBytes)
}

// Error says what is wrong with a template, or went wrong in it, and where.
type Error struct {
	// Type is Python's exception: TemplateSyntaxError, UndefinedError, TypeError…
	Type string
	Msg  string
	// Place is where the template stands in the settings, with the index of the
	// line where the settings hold a list of lines.
	Place string
	Line  int    // from 1
	Col   int    // in characters, from 1
	Text  string // of the line
	Err   error  // what the value's own error was, if there was one
}

// Error returns the message, and below it the line with a caret.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Place != "" {
		b.WriteString(e.Place + ": ")
	}
	fmt.Fprintf(&b, "line %d, column %d: %s", e.Line, e.Col, e.Type)
	if e.Msg != "" {
		b.WriteString(": " + e.Msg)
	}
	text, caret := excerpt(e.Text, e.Col)
	b.WriteString("\n | " + text + "\n | " + caret + "^")
	return b.String()
}

// SettingsPlace returns the place in the settings.
func (e *Error) SettingsPlace() string { return e.Place }

func (e *Error) Unwrap() error { return e.Err }

// maxExcerpt is how many characters of a line a message shows.
const maxExcerpt = 100

func excerpt(line string, col int) (text, before string) {
	all := []rune(line)
	from := 0
	if len(all) > maxExcerpt {
		from = max(0, min(col-1-maxExcerpt/2, len(all)-maxExcerpt))
		all = all[from : from+maxExcerpt]
	}
	for _, r := range all[:min(len(all), max(0, col-1-from))] {
		if r == '\t' {
			before += "\t"
		} else {
			before += " "
		}
	}
	return string(all), before
}

func (t *Template) syntax(err error) error {
	var s *syntaxError
	if errors.As(err, &s) {
		if s.python {
			return t.error("SyntaxError", s.pos, s.msg, nil)
		}
		if s.assertion {
			return t.error("TemplateAssertionError", s.pos, s.msg, nil)
		}
		return t.error("TemplateSyntaxError", s.pos, s.msg, nil)
	}
	return t.error("TemplateSyntaxError", 0, err.Error(), err)
}

// at gives an error of a rendering its place, if it has none yet.
func (t *Template) at(pos int, err error) error {
	var placed *Error
	if errors.As(err, &placed) {
		return err
	}
	var py *pyvalue.Error
	err = pyvalue.Shown(err)
	if errors.As(err, &py) {
		return t.error(py.Type, pos, py.Msg, err)
	}
	if errors.Is(err, pyvalue.ErrLimit) {
		return t.error("Limit", pos, err.Error(), err)
	}
	return err
}

func (t *Template) error(class string, pos int, msg string, err error) *Error {
	pos = min(pos, len(t.source))
	line := 1 + strings.Count(t.source[:pos], "\n")
	begin := strings.LastIndexByte(t.source[:pos], '\n') + 1
	text, _, _ := strings.Cut(t.source[begin:], "\n")
	place := t.opts.Place
	if t.opts.Lines && place != "" {
		place += "[" + strconv.Itoa(line-1) + "]"
	}
	return &Error{class, msg, place, line, 1 + utf8.RuneCountInString(t.source[begin:pos]), text, err}
}

func (t *Template) lineText(pos int) string {
	return strconv.Itoa(1 + strings.Count(t.source[:min(pos, len(t.source))], "\n"))
}
