package reqproc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
)

type value = pyvalue.Value

// Scope is what the paths of one place can lead to.
type Scope struct {
	// Roots are the contexts: payload, field, property and so on.
	Roots map[string]pyvalue.Value
	// Fetch gets what stands behind an address (.@). nil means that .@ does nothing
	// here, as in conditions.
	Fetch func(ctx context.Context, address string) (pyvalue.Value, error)
	// Lenient counts what is not there as None instead of failing.
	Lenient bool
	// XML parses the text of a reply; nil for [xmldoc.ParseText].
	XML func(ctx context.Context, text string) (*xmldoc.Document, error)
	// Note is told what was passed over quietly; may be nil.
	Note func(format string, args ...any)

	// Raw reports whether a text that a path leads to is known to be what the document or a
	// person has there: no program has escaped it for anything. May be nil.
	Raw func(p *Path, text string) bool

	made  *pyvalue.Meter // what a filling has put together; see filling
	sent  bool           // values within strings of JSON are escaped
	odata bool           // and those within quotes
	late  bool           // the base64 of large files is made when it is sent
}

// maxMade bounds the texts that one filling puts together, in bytes: more than the base64
// of the base64 of the largest document.
const maxMade = 128 << 20

// filling returns the scope with a meter of its own.
func (s *Scope) filling(ctx context.Context) *Scope {
	in := *s
	in.made = pyvalue.NewMeter(ctx, pyvalue.Limits{Steps: maxSteps, TotalBytes: maxMade})
	return &in
}

// put counts a value that is put into what is filled, and looks at the context. The parts
// of a reply are not counted: they are in memory already, and written as they are.
func (s *Scope) put(v value) error {
	if text, ok := v.Spelling(); ok {
		return s.made.Grow(int64(len(text)))
	}
	if v.IsText() {
		return s.made.Grow(int64(len(v.Text())))
	}
	return s.made.Step(1)
}

func (s *Scope) note(format string, args ...any) {
	if s.Note != nil {
		s.Note(format, args...)
	}
}

// With returns a scope with one more root.
func (s *Scope) With(name string, v pyvalue.Value) *Scope {
	more := *s
	more.Roots = make(map[string]pyvalue.Value, len(s.Roots)+1)
	for k, root := range s.Roots {
		more.Roots[k] = root
	}
	more.Roots[name] = v
	return &more
}

// Members is a value whose members are looked up when they are asked for: the
// fields of an annotation, the keys of a payload.
type Members interface {
	pyvalue.Object
	// Member returns a member. If there is none, the error wraps [ErrNotThere].
	Member(ctx context.Context, name string) (pyvalue.Value, error)
}

// Elements is a value that has elements, such as the rows of a table.
type Elements interface {
	pyvalue.Object
	Elements() []pyvalue.Value
}

// Plain is a value that stands for a simpler one where it is used as a whole.
type Plain interface {
	pyvalue.Object
	// Plain returns a value without objects in it.
	Plain(ctx context.Context) (pyvalue.Value, error)
}

// Address is a value that .@ gets without an address: a file of this run.
type Address interface {
	pyvalue.Object
	Open(ctx context.Context) (pyvalue.Value, error)
}

// ErrNotThere means that a path leads to nothing.
var ErrNotThere = errors.New("there is no such value")

// ErrForeign means that .@ would lead to another domain.
var ErrForeign = errors.New(".@ does not leave Rossum's own domain; make a call_api stage for other hosts")

// NotThere makes an error that wraps [ErrNotThere] and names the known word that
// is most like the wrong one.
func NotThere(what, name string, known []string) error {
	if best := settings.Nearest(name, known); best != "" {
		return fmt.Errorf("%w: %s has no %s (did you mean %s?)", ErrNotThere, what, name, best)
	}
	return fmt.Errorf("%w: %s has no %s", ErrNotThere, what, name)
}

// Resolve follows the path. The error wraps [ErrNotThere] if it leads to nothing.
// A value of another package may come back; see [Simple].
func (p *Path) Resolve(ctx context.Context, s *Scope) (pyvalue.Value, error) {
	v, ok := s.Roots[p.Root()]
	if !ok {
		return value{}, fmt.Errorf("%w: %s is not known here", ErrNotThere, p.Root())
	}
	for i, step := range p.segments[1:] {
		var err error
		if v, err = step.follow(ctx, s, v, p.text[:p.segments[i].end]); err != nil {
			return value{}, err
		}
	}
	return v, nil
}

// follow goes one step; before is the path up to here.
func (g segment) follow(ctx context.Context, s *Scope, v value, before string) (value, error) {
	switch {
	case g.fetch:
		return g.open(ctx, s, v, before)
	case g.isBracket && g.key.IsText():
		return segment{name: g.key.Text()}.follow(ctx, s, v, before)
	case g.isBracket:
		return g.element(ctx, v, before)
	}
	if m, ok := v.Object().(Members); ok {
		return m.Member(ctx, g.name)
	}
	if p, ok := v.Part(); ok {
		return g.memberOf(ctx, p, before)
	}
	switch d := v.Dict(); {
	case d != nil:
		if found, ok := d.GetStr(g.name); ok {
			return found, nil
		}
		return value{}, NotThere(before, g.name, keysOf(d))
	case v.IsNone():
		return value{}, fmt.Errorf("%w: %s is null, so it has no %s", ErrNotThere, before, g.name)
	}
	if found, ok, err := attribute(v, before, g.name); ok || err != nil {
		return found, err
	}
	if items, ok := elementsOf(v); ok {
		return value{}, noMember(before, g.name, len(items))
	}
	return value{}, fmt.Errorf("%w: %s is %s, so it has no %s", ErrNotThere, before, Describe(v), g.name)
}

// noMember says that a list of n has no members.
func noMember(before, name string, n int) error {
	return fmt.Errorf("%w: %s is a list of %d, so it has no %s; iterate over it, or take one with %s[0]", ErrNotThere, before, n, name, before)
}

// memberOf goes into an object of a reply that has not been made into values.
func (g segment) memberOf(ctx context.Context, p pyvalue.Part, before string) (value, error) {
	meter := meterOf(ctx)
	if p.IsList() {
		if found, ok, err := attribute(pyvalue.NewList(), before, g.name); ok || err != nil {
			return found, err
		}
		n, err := p.Len(meter)
		if err != nil {
			return value{}, err
		}
		return value{}, noMember(before, g.name, n)
	}
	found, ok, err := p.Member(meter, g.name)
	if ok || err != nil {
		return found, err
	}
	opened, err := p.Open(meter)
	if err != nil {
		return value{}, err
	}
	return value{}, NotThere(before, g.name, keysOf(opened.Dict()))
}

// meterOf bounds one look at a reply.
func meterOf(ctx context.Context) *pyvalue.Meter {
	return pyvalue.NewMeter(ctx, pyvalue.Limits{Steps: maxSteps, TotalBytes: maxBytes})
}

// attribute is what the engine finds with Python's getattr on what has no members: a part
// of a number. A method is there, too, of which nobody has any use.
func attribute(v value, before, name string) (found value, ok bool, err error) {
	if found, ok = pyvalue.NumberAttr(v, name); ok {
		return found, true, nil
	}
	isInternal := len(name) > 4 && strings.HasPrefix(name, "__") && strings.HasSuffix(name, "__")
	if isInternal || pyvalue.HasMethod(v, name) {
		return value{}, false, fmt.Errorf("%s.%s is part of Python and not a value: %s is %s", before, name, before, Describe(v))
	}
	return value{}, false, nil
}

func keysOf(d *pyvalue.Dict) []string {
	var names []string
	for _, k := range d.Keys() {
		names = append(names, k.Text())
	}
	return names
}

func elementsOf(v value) ([]value, bool) {
	if e, ok := v.Object().(Elements); ok {
		return e.Elements(), true
	}
	return v.Items()
}

func (g segment) element(ctx context.Context, v value, before string) (value, error) {
	index, _ := g.key.Int64() // brackets hold a text or a whole number

	if m, ok := v.Object().(Plain); ok && v.Object() != nil {
		if _, many := v.Object().(Elements); !many {
			plain, err := m.Plain(ctx)
			if err != nil {
				return value{}, err
			}
			v = plain
		}
	}
	if p, ok := v.Part(); ok && p.IsList() {
		return elementOf(ctx, p, index, before)
	}
	if v.IsText() {
		return characterOf(ctx, v, index, before)
	}
	items, ok := elementsOf(v)
	if !ok {
		return value{}, fmt.Errorf("%w: %s is %s and not a list; where one match makes an object of a list, iterate instead of taking [%d]", ErrNotThere, before, Describe(v), index)
	}
	at := int(index)
	if at < 0 {
		at += len(items)
	}
	if at < 0 || at >= len(items) {
		return value{}, fmt.Errorf("%w: %s has length %d, so there is no [%d]", ErrNotThere, before, len(items), index)
	}
	return items[at], nil
}

// elementOf takes an item of a list of a reply that has not been made into values.
func elementOf(ctx context.Context, p pyvalue.Part, index int64, before string) (value, error) {
	found, ok, err := p.Index(meterOf(ctx), index)
	if ok || err != nil {
		return found, err
	}
	n, err := p.Len(meterOf(ctx))
	if err != nil {
		return value{}, err
	}
	return value{}, fmt.Errorf("%w: %s has length %d, so there is no [%d]", ErrNotThere, before, n, index)
}

// characterOf takes a character of a text, which may be a reply.
func characterOf(ctx context.Context, text value, index int64, before string) (value, error) {
	found, err := pyvalue.GetItem(meterOf(ctx), text, pyvalue.Int(index))
	if err == nil {
		return found, nil
	}
	n, err := longtext.RuneCount(text.Text(), meterOf(ctx).Look)
	if err != nil {
		return value{}, err
	}
	return value{}, fmt.Errorf("%w: %s has length %d, so there is no [%d]", ErrNotThere, before, n, index)
}

func (g segment) open(ctx context.Context, s *Scope, v value, before string) (value, error) {
	if s.Fetch == nil {
		s.note(".@ gets nothing in a condition: %s is compared as it is; get it with get_content first", before)
		return v, nil
	}
	if local, ok := v.Object().(Address); ok {
		return local.Open(ctx)
	}
	if _, many := v.Object().(Elements); many {
		s.note("%s is a list and not a URL, so .@ fetches nothing and it is used as it is", before)
		return v, nil
	}
	plain, err := Simple(ctx, v)
	if err != nil {
		return value{}, err
	}
	if !plain.IsText() || !IsURL(plain.Text()) {
		if !plain.IsNone() {
			s.note("%s is not a URL, so .@ fetches nothing and it is used as it is", before)
		}
		return v, nil
	}
	return s.Fetch(ctx, plain.Text())
}

// IsURL reports whether a text is an address that .@ can get: http or https, in any
// case, and a host.
func IsURL(text string) bool {
	scheme, rest, _ := strings.Cut(text, "://")
	if !strings.EqualFold(scheme, "https") && !strings.EqualFold(scheme, "http") {
		return false
	}
	return rest != "" && !strings.ContainsRune("/?#", rune(rest[0]))
}

// Simple returns the value without objects of other packages, as JSON or a text
// can hold it; None for what has no value.
//
// A list or an object that is so already is returned as it is: those of a reply are large.
func Simple(ctx context.Context, v pyvalue.Value) (pyvalue.Value, error) {
	return simplified(ctx, meterOf(ctx), v)
}

// isSimple reports whether a value has no objects of other packages in it.
func isSimple(m *pyvalue.Meter, v value) (bool, error) {
	if err := m.Step(1); err != nil {
		return false, err
	}
	switch v.Kind() {
	case pyvalue.KindObject:
		return false, nil
	case pyvalue.KindList, pyvalue.KindTuple:
		items, _ := v.Items()
		for _, item := range items {
			if simple, err := isSimple(m, item); err != nil || !simple {
				return false, err
			}
		}
	case pyvalue.KindDict:
		for _, item := range v.Dict().All() {
			if simple, err := isSimple(m, item); err != nil || !simple {
				return false, err
			}
		}
	}
	return true, nil
}

func simplified(ctx context.Context, m *pyvalue.Meter, v value) (value, error) {
	if simple, err := isSimple(m, v); err != nil || simple {
		return v, err
	}
	switch v.Kind() {
	case pyvalue.KindObject:
		if p, ok := v.Object().(Plain); ok {
			return p.Plain(ctx)
		}
		if p, ok := v.Part(); ok {
			return p.Whole(m)
		}
		return value{}, fmt.Errorf("%s cannot be used as a value", Describe(v))
	case pyvalue.KindList, pyvalue.KindTuple:
		items, _ := v.Items()
		simple := make([]value, len(items))
		for i, item := range items {
			var err error
			if simple[i], err = simplified(ctx, m, item); err != nil {
				return value{}, err
			}
		}
		if v.Kind() == pyvalue.KindTuple {
			return pyvalue.NewTuple(simple...), nil
		}
		return pyvalue.NewList(simple...), nil
	case pyvalue.KindDict:
		simple := pyvalue.NewDictSize(v.Dict().Len())
		for k, item := range v.Dict().All() {
			s, err := simplified(ctx, m, item)
			if err != nil {
				return value{}, err
			}
			if err := simple.Set(k, s); err != nil {
				return value{}, err
			}
		}
		return simple.Value(), nil
	}
	return v, nil
}

// Describe says what kind of thing a value is.
func Describe(v pyvalue.Value) string {
	switch v.Kind() {
	case pyvalue.KindNone, pyvalue.KindUndefined:
		return "null"
	case pyvalue.KindBool:
		return "a boolean"
	case pyvalue.KindInt, pyvalue.KindFloat:
		return "a number"
	case pyvalue.KindStr, pyvalue.KindMarkup:
		return "a string"
	case pyvalue.KindBytes:
		return "bytes"
	case pyvalue.KindList, pyvalue.KindTuple, pyvalue.KindSet:
		return "a list"
	case pyvalue.KindDict:
		return "an object"
	}
	switch p, ok := v.Part(); {
	case ok && p.IsList():
		return "a list"
	case ok:
		return "an object"
	}
	return v.Object().PyType()
}
