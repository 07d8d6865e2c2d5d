package txscript

import (
	"errors"
	"fmt"
	"math"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/re"
)

// reFunction is a function of the module re, or a method of a compiled pattern:
// they differ in where the pattern comes from, and in that methods know positions
// and functions know flags.
type reFunction struct {
	names []string // of the arguments after the pattern
	// positions tells that the method takes pos and endpos.
	positions bool
	// substitutes tells that it is sub.
	substitutes bool
	run         func(r *run, s *subject) (value, error)
}

// subject is what a function of re works on.
type subject struct {
	pattern  *re.Pattern
	text     *re.Text
	from, to int
	args     []value // those after the pattern, in order; None for one that is not given
	few      [3]value
}

func reFunctions() map[string]reFunction { return reFunctionsOnUse.Get(makeReFunctions) }

var reFunctionsOnUse onuse.Value[map[string]reFunction]

func makeReFunctions() map[string]reFunction {
	return map[string]reFunction{
		"search":    {[]string{"string"}, true, false, one((*re.Pattern).Search)},
		"match":     {[]string{"string"}, true, false, one((*re.Pattern).Match)},
		"fullmatch": {[]string{"string"}, true, false, one((*re.Pattern).FullMatch)},
		"findall":   {[]string{"string"}, true, false, findAll},
		"finditer":  {[]string{"string"}, true, false, findIter},
		"split":     {[]string{"string", "maxsplit"}, false, false, split},
		"sub":       {[]string{"repl", "string", "count"}, false, true, func(r *run, s *subject) (value, error) { v, _, err := s.replaceAll(r); return v, err }},
		"subn": {[]string{"repl", "string", "count"}, false, false, func(r *run, s *subject) (value, error) {
			v, n, err := s.replaceAll(r)
			return pyvalue.NewTuple(v, pyvalue.Int(int64(n))), err
		}},
	}
}

// call binds the arguments of a function and runs it.
func (f reFunction) call(r *run, name string, p *re.Pattern, c *pyvalue.Call) (value, error) {
	names := f.names
	if f.positions {
		names = append(names[:len(names):len(names)], "pos", "endpos")
	}
	required := len(f.names)
	if last := f.names[required-1]; last == "maxsplit" || last == "count" {
		required--
	}
	if err := c.Check(name, required, names...); err != nil {
		return value{}, err
	}
	s := &subject{pattern: p, to: math.MaxInt}
	for i, n := range names {
		v, given := c.Arg(i, n)
		switch {
		case n == "pos" && given:
			s.from = position(v)
		case n == "endpos" && given:
			s.to = position(v)
		case n == "string":
			if err := s.setText(v); err != nil {
				return value{}, err
			}
		}
		s.args = append(s.args, v)
	}
	if err := r.meter.Step(1 + int64(s.text.Len()/16)); err != nil {
		return value{}, err
	}
	return f.run(r, s)
}

// setText takes a text, or bytes where the pattern is of bytes.
func (s *subject) setText(v value) error {
	switch isBytes := v.Kind() == pyvalue.KindBytes; {
	case !isBytes && !v.IsText():
		return pyvalue.Raise("TypeError", "expected string or bytes-like object, got '%s'", pyvalue.TypeName(v))
	case isBytes && !s.pattern.Bytes():
		return pyvalue.Raise("TypeError", "cannot use a string pattern on a bytes-like object")
	case !isBytes && s.pattern.Bytes():
		return pyvalue.Raise("TypeError", "cannot use a bytes pattern on a string-like object")
	case isBytes:
		s.text = re.NewBytes(v.Data())
	default:
		s.text = re.NewText(v.Text())
	}
	return nil
}

// textOf is what a pattern finds as a value: a text, or bytes.
func textOf(p *re.Pattern, text string) value {
	if p.Bytes() {
		return pyvalue.Bytes([]byte(text))
	}
	return pyvalue.Str(text)
}

func position(v value) int {
	n, ok := v.Int64()
	if !ok {
		return math.MaxInt
	}
	return int(n)
}

// raise turns an error of package re into the exception that Python raises.
func raise(err error) error {
	if err == nil {
		return nil
	}
	var fault *re.Error
	var group *re.GroupError
	var other *re.ValueError
	switch {
	case errors.As(err, &fault):
		return &pyvalue.Error{Type: "error", Msg: fault.Error()}
	case errors.As(err, &group):
		return &pyvalue.Error{Type: "IndexError", Msg: group.Error()}
	case errors.As(err, &other):
		return &pyvalue.Error{Type: other.Type, Msg: other.Msg}
	case errors.Is(err, re.ErrLimit):
		return fmt.Errorf("%w: %w", pyvalue.ErrLimit, err)
	}
	return err
}

// each calls f with every match.
func (s *subject) each(r *run, f func(m *re.Match) (bool, error)) error {
	return raise(s.pattern.Each(r.meter, s.text, s.from, s.to, f))
}

type search func(p *re.Pattern, meter re.Meter, t *re.Text, from, to int) (*re.Match, error)

// one makes a function that gives one match or None.
func one(find search) func(r *run, s *subject) (value, error) {
	return func(r *run, s *subject) (value, error) {
		m, err := find(s.pattern, r.meter, s.text, s.from, s.to)
		if m == nil || err != nil {
			return value{}, raise(err)
		}
		return pyvalue.FromObject(&matchValue{m}), nil
	}
}

func findAll(r *run, s *subject) (value, error) {
	var list []value
	groups := s.pattern.Groups()
	err := s.each(r, func(m *re.Match) (bool, error) {
		switch groups {
		case 0:
			list = append(list, groupText(m, 0))
		case 1:
			list = append(list, groupText(m, 1))
		default:
			items := make([]value, groups)
			for i := range items {
				items[i] = groupText(m, i+1)
			}
			list = append(list, pyvalue.NewTuple(items...))
		}
		from, to := m.Span(0)
		return true, r.meter.Grow(int64(24 + to - from))
	})
	return pyvalue.NewList(list...), err
}

// groupText is the text of a group, "" if it took no part.
func groupText(m *re.Match, n int) value {
	text, _ := m.Group(n)
	return textOf(m.Pattern, text)
}

func findIter(r *run, s *subject) (value, error) {
	return r.lazy("callable_iterator", func(yield func(value) (bool, error)) error {
		return s.each(r, func(m *re.Match) (bool, error) { return yield(pyvalue.FromObject(&matchValue{m})) })
	}), nil
}

func split(r *run, s *subject) (value, error) {
	most, _ := s.args[1].Int64()
	if most < 0 {
		return pyvalue.NewList(s.args[0]), nil
	}
	var list []value
	at, n := 0, int64(0)
	err := s.each(r, func(m *re.Match) (bool, error) {
		from, to := m.Span(0)
		grown := int64(24 + from - at)
		list = append(list, textOf(s.pattern, s.text.Slice(at, from)))
		for i := range s.pattern.Groups() {
			list = append(list, groupOrNone(m, i+1))
		}
		at = to
		n++
		return most == 0 || n < most, r.meter.Grow(grown)
	})
	return pyvalue.NewList(append(list, textOf(s.pattern, s.text.Slice(at, s.text.Len())))...), err
}

// reModule is the module.
func reModule() value { return reModuleOnUse.Get(makeReModule) }

var reModuleOnUse onuse.Value[value]

func makeReModule() value {
	attrs := map[string]value{"error": pyvalue.FromObject(excClasses["error"])}
	for name, n := range map[string]re.Flags{
		"I": re.IgnoreCase, "IGNORECASE": re.IgnoreCase, "M": re.Multiline, "MULTILINE": re.Multiline, "S": re.DotAll, "DOTALL": re.DotAll,
		"X": re.Verbose, "VERBOSE": re.Verbose, "U": re.Unicode, "UNICODE": re.Unicode, "A": re.ASCII, "ASCII": re.ASCII, "NOFLAG": 0,
	} {
		attrs[name] = pyvalue.Int(int64(n))
	}
	define := func(name string, f func(r *run, c *pyvalue.Call) (value, error)) {
		attrs[name] = pyvalue.FromObject(&builtin{name, f})
	}
	for name, f := range reFunctions() {
		define(name, func(r *run, c *pyvalue.Call) (value, error) { return f.module(r, name, c) })
	}
	define("compile", func(_ *run, c *pyvalue.Call) (value, error) {
		if err := c.Check("compile", 1, "pattern", "flags"); err != nil {
			return value{}, err
		}
		p, err := patternOf(c, 1)
		if err != nil {
			return value{}, err
		}
		return pyvalue.FromObject(&patternValue{p}), nil
	})
	define("escape", func(_ *run, c *pyvalue.Call) (value, error) {
		if err := c.Check("escape", 1, "pattern"); err != nil {
			return value{}, err
		}
		text, _ := c.Arg(0, "pattern")
		if text.Kind() == pyvalue.KindBytes {
			return pyvalue.Bytes(re.EscapeBytes(text.Data())), nil
		}
		return pyvalue.Str(re.Escape(text.Text())), nil
	})
	define("purge", func(*run, *pyvalue.Call) (value, error) { return value{}, nil })
	return newModule("re", nil, attrs)
}

// module calls the function with a pattern as its first argument and flags as its
// last.
func (f reFunction) module(r *run, name string, c *pyvalue.Call) (value, error) {
	required := len(f.names) + 1
	if len(f.names) > 1 {
		required-- // maxsplit and count may be left out
	}
	if n := len(c.Args); len(c.Names) == 0 && required <= n && n <= len(f.names)+1 {
		return f.positional(r, c)
	}
	all := append(append([]string{"pattern"}, f.names...), "flags")
	if err := c.Check(name, required, all...); err != nil {
		return value{}, err
	}
	p, err := patternOf(c, len(f.names)+1)
	if err != nil {
		return value{}, err
	}
	rest := &pyvalue.Call{Meter: c.Meter}
	for i, n := range f.names {
		if v, ok := c.Arg(i+1, n); ok {
			rest.Names, rest.Named = append(rest.Names, n), append(rest.Named, v)
		}
	}
	return f.call(r, name, p, rest)
}

// positional is module for the commonest calls: without names, and without flags.
func (f reFunction) positional(r *run, c *pyvalue.Call) (value, error) {
	if f.substitutes && len(c.Args) == 3 {
		if v, done, err := r.replaceText(c); done {
			return v, err
		}
	}
	p, err := patternOf(c, len(f.names)+1)
	if err != nil {
		return value{}, err
	}
	s := &subject{pattern: p, to: math.MaxInt}
	s.args = s.few[:len(f.names)]
	for i, v := range c.Args[1:] {
		if s.args[i] = v; f.names[i] == "string" {
			if err := s.setText(v); err != nil {
				return value{}, err
			}
		}
	}
	if err := r.meter.Step(1 + int64(s.text.Len()/16)); err != nil {
		return value{}, err
	}
	return f.run(r, s)
}

// patternOf compiles the first argument, unless it is a pattern already.
func patternOf(c *pyvalue.Call, flagsAt int) (*re.Pattern, error) {
	first, _ := c.Arg(0, "pattern")
	flags := int64(0)
	if v, ok := c.Arg(flagsAt, "flags"); ok {
		flags, _ = v.Int64()
	}
	if p, ok := first.Object().(*patternValue); ok {
		if flags != 0 {
			return nil, pyvalue.Raise("ValueError", "cannot process flags argument with a compiled pattern")
		}
		return p.p, nil
	}
	if first.Kind() == pyvalue.KindBytes {
		p, err := re.CompileBytes(c.Meter, first.Data(), re.Flags(flags))
		return p, raise(err)
	}
	if !first.IsText() {
		return nil, pyvalue.Raise("TypeError", "first argument must be string or compiled pattern")
	}
	p, err := re.CompileWithin(c.Meter, first.Text(), re.Flags(flags))
	return p, raise(err)
}
