package reqproc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/address"
	"github.com/exportpipeline/exportpipeline/internal/jsontext"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// Contexts are all the roots that a placeholder can have somewhere, besides the
// name of an iteration's item.
var Contexts = []string{"payload", "field", "property", "sequence", "token", "response", "found_value"}

// Options say what a template may name.
type Options struct {
	// Roots are the contexts of this place.
	Roots []string
	// Check looks at every path, and says what can be known to be wrong with it;
	// may be nil.
	Check func(p *Path) error
}

func (o Options) check(p *Path) error {
	root := p.Root()
	if !slices.Contains(o.Roots, root) {
		known := "expected one of " + strings.Join(o.Roots, ", ")
		if slices.Contains(Contexts, root) {
			return fmt.Errorf("{%s}: %s is not available here (%s)", p, root, known)
		}
		if best := settings.Nearest(root, o.Roots); best != "" {
			return fmt.Errorf("{%s}: %s is not known (did you mean %s?)", p, root, best)
		}
		return fmt.Errorf("{%s}: %s is not known (%s)", p, root, known)
	}
	if o.Check != nil {
		if err := o.Check(p); err != nil {
			return fmt.Errorf("{%s}: %w", p, err)
		}
	}
	return nil
}

// Template is a compiled value of the settings, whose texts may have placeholders.
type Template struct {
	node  node
	paths []*Path
}

// node is a part of a template.
type node interface {
	fill(ctx context.Context, s *Scope) (value, error)
}

type constant struct{ v value }

func (c constant) fill(context.Context, *Scope) (value, error) { return c.v, nil }

// Compile compiles a JSON value. The error joins a [*settings.Fault] for each
// text that is wrong, with its place below the value.
func Compile(data []byte, o Options) (*Template, error) {
	v, err := pyvalue.FromJSON(data, false)
	if err != nil {
		return nil, fmt.Errorf("not valid JSON: %w", err)
	}
	t := &Template{}
	var faults settings.Faults
	t.node = t.compile("", v, o, &faults)
	return t, faults.Err()
}

// CompileText compiles one text.
func CompileText(text string, o Options) (*Template, error) {
	t := &Template{}
	n, err := t.text(text, o)
	t.node = n
	return t, err
}

func (t *Template) compile(place string, v value, o Options, faults *settings.Faults) node {
	switch v.Kind() {
	case pyvalue.KindStr:
		n, err := t.text(v.Text(), o)
		faults.AddErr(place, err)
		return n
	case pyvalue.KindList:
		var l list
		fixed := true
		for i, item := range v.List().Items {
			n := t.compile(settings.Index(place, i), item, o, faults)
			_, isConstant := n.(constant)
			fixed = fixed && isConstant
			l = append(l, n)
		}
		if fixed {
			return constant{v}
		}
		return l
	case pyvalue.KindDict:
		var d dict
		fixed := true
		for k, item := range v.Dict().All() {
			at := settings.Join(place, k.Text())
			name, err := t.text(k.Text(), o)
			faults.AddErr(at, err)
			n := t.compile(at, item, o, faults)
			_, isConstant := n.(constant)
			_, plainName := name.(constant)
			fixed = fixed && isConstant && plainName
			d = append(d, member{k.Text(), name, n})
		}
		if fixed {
			return constant{v}
		}
		return d
	}
	return constant{v}
}

// placeholderIn finds a placeholder of the roots in a text or a list of texts.
func placeholderIn(v value, roots []string) (part, bool) {
	texts, isList := v.Items()
	if !isList {
		texts = []value{v}
	}
	for _, text := range texts {
		if !text.IsText() {
			continue
		}
		parts, _ := parse(text.Text()) // what is no path is no placeholder here
		for _, p := range parts {
			if p.path != nil && slices.Contains(roots, p.path.Root()) {
				return p, true
			}
		}
	}
	return part{}, false
}

// text compiles a text: alone, a placeholder keeps the type of its value.
func (t *Template) text(text string, o Options) (node, error) {
	parts, err := parse(text)
	if err != nil {
		return constant{pyvalue.Str(text)}, err
	}
	var faults []error
	placeholders := 0
	for _, p := range parts {
		if p.isText() {
			continue
		}
		placeholders++
		if p.empty {
			continue
		}
		if err := o.check(p.path); err != nil {
			faults = append(faults, err)
		}
		t.paths = append(t.paths, p.path)
	}
	if placeholders == 0 {
		return constant{pyvalue.Str(text)}, nil
	}
	if placeholders == 1 {
		blank := true
		for _, p := range parts {
			blank = blank && (!p.isText() || strip(p.text) == "")
		}
		if blank {
			for _, p := range parts {
				if !p.isText() {
					return exact{p}, errors.Join(faults...)
				}
			}
		}
	}
	return composite{parts, depthsOf(parts), quoted(parts)}, errors.Join(faults...)
}

// Fill returns the value with every placeholder filled in. The error names the
// placeholder; it wraps [ErrNotThere] if there is nothing to put in.
func (t *Template) Fill(ctx context.Context, s *Scope) (pyvalue.Value, error) {
	return t.node.fill(ctx, s.filling(ctx))
}

// FillText returns the filled value as a text, as Python's str() writes it; None
// is "".
func (t *Template) FillText(ctx context.Context, s *Scope) (string, error) {
	v, err := t.node.fill(ctx, s.filling(ctx))
	if err != nil {
		return "", err
	}
	return Text(ctx, v)
}

// Paths returns the paths of all placeholders.
func (t *Template) Paths() []*Path { return t.paths }

// Literal returns the value of a template without placeholders, and whether it is
// one.
func (t *Template) Literal() (pyvalue.Value, bool) {
	c, ok := t.node.(constant)
	return c.v, ok
}

// Members returns the templates of an object's values, in order, and whether the
// template is an object.
func (t *Template) Members() (names []string, values []*Template, ok bool) {
	switch n := t.node.(type) {
	case dict:
		for _, m := range n {
			names, values = append(names, m.name), append(values, &Template{node: m.node})
		}
		return names, values, true
	case constant:
		if n.v.Dict() == nil {
			return nil, nil, false
		}
		for k, v := range n.v.Dict().All() {
			names, values = append(names, k.Text()), append(values, &Template{node: constant{v}})
		}
		return names, values, true
	}
	return nil, nil, false
}

// Elements returns the number of elements of a list, -1 if the template is none.
func (t *Template) Elements() int {
	switch n := t.node.(type) {
	case list:
		return len(n)
	case constant:
		if items, ok := n.v.Items(); ok {
			return len(items)
		}
	}
	return -1
}

type list []node

func (l list) fill(ctx context.Context, s *Scope) (value, error) {
	items := make([]value, len(l))
	for i, n := range l {
		var err error
		if items[i], err = n.fill(ctx, s); err != nil {
			return value{}, below(settings.Index("", i), err)
		}
	}
	return pyvalue.NewList(items...), nil
}

type member struct {
	name string // as it was written
	key  node
	node node
}

type dict []member

func (d dict) fill(ctx context.Context, s *Scope) (value, error) {
	filled := pyvalue.NewDictSize(len(d))
	for _, m := range d {
		in := s
		if s.sent && !s.late && strings.HasPrefix(m.name, "$") {
			filter := *s
			filter.odata, in = true, &filter
		}
		v, err := m.node.fill(ctx, in)
		if err != nil {
			return value{}, below(m.name, err)
		}
		key, err := m.key.fill(ctx, s)
		if err == nil {
			key, err = Simple(ctx, key)
		}
		if err == nil {
			err = filled.Set(key, v)
		}
		if err != nil {
			return value{}, below(m.name, fmt.Errorf("as a key: %w", err))
		}
	}
	return filled.Value(), nil
}

// PlaceError says where in a template something went wrong.
type PlaceError struct {
	Place string
	Err   error
}

func (e *PlaceError) Error() string { return e.Place + ": " + e.Err.Error() }

func (e *PlaceError) Unwrap() error { return e.Err }

// SettingsPlace returns the place.
func (e *PlaceError) SettingsPlace() string { return e.Place }

// below puts a place before that of an error.
func below(place string, err error) error {
	if inner, ok := err.(*PlaceError); ok {
		return &PlaceError{settings.Join(place, inner.Place), inner.Err}
	}
	return &PlaceError{place, err}
}

// exact is a text that is one placeholder.
type exact struct{ part }

func (e exact) fill(ctx context.Context, s *Scope) (value, error) {
	v, err := e.resolve(ctx, s)
	if err != nil {
		return value{}, err
	}
	switch v.Object().(type) {
	case *Fetched, *encoded:
		return v, nil // its bytes may be wanted
	}
	simple, err := Simple(ctx, v)
	if err != nil {
		return value{}, fmt.Errorf("%s: %w", e.part, err)
	}
	if err := s.put(simple); err != nil {
		return value{}, fmt.Errorf("%s: %w", e.part, err)
	}
	return simple, nil
}

// composite is a text with placeholders in it.
type composite struct {
	parts  []part
	depths []int // within strings of JSON, of each part; nil if none is
	quoted []bool
}

// depthsOf returns within how many strings of JSON each part is; nil if the text is not JSON,
// or no placeholder is within a string of it.
func depthsOf(parts []part) []int {
	return jsontext.DepthsOf(parts, func(p part) (string, bool) { return p.text, p.isText() })
}

// within escapes a value for the strings of JSON that a part is in, if the text is to be sent.
func (c composite) within(i int, text string, s *Scope) string {
	p := c.parts[i]
	if s.odata && c.quoted[i] {
		doubled := address.DoubleQuotes(text)
		if doubled != text {
			s.note("%s within the quotes of a filter: its quotes were doubled, which the engine does not do", p)
		}
		return doubled
	}
	if !s.sent || c.depths == nil || c.depths[i] == 0 {
		return text
	}
	escaped, made := jsontext.Escape([]byte(text), c.depths[i], func() bool { return s.Raw != nil && p.base64 == 0 && s.Raw(p.path, text) })
	switch made {
	case jsontext.Escaped:
		s.note("%s within a string of JSON: characters that JSON does not allow there were escaped, which the engine does not do", p)
	case jsontext.Kept:
		s.note("%s within a string of JSON: it has escapes of JSON already, and was left as it is", p)
	}
	return string(escaped)
}

// quoted says of each part whether it is within single quotes of the settings' own text.
func quoted(parts []part) []bool {
	within := make([]bool, len(parts))
	open, last := false, 0 // whether a quote is open, and the part with the last one
	for i, p := range parts {
		within[i] = open
		if !p.isText() {
			continue
		}
		if n := strings.Count(p.text, "'"); n > 0 {
			last = i
			open = open != (n%2 == 1)
		}
	}
	clear(within[last:]) // nothing ends what begins there
	return within
}

func (c composite) fill(ctx context.Context, s *Scope) (value, error) {
	var chunks []Chunk // before out
	var out strings.Builder
	for i, p := range c.parts {
		if p.isText() {
			if err := s.made.Grow(int64(len(p.text))); err != nil {
				return value{}, err
			}
			out.WriteString(p.text)
			continue
		}
		v, err := p.resolve(ctx, s)
		if err != nil {
			return value{}, err
		}
		if e, ok := v.Object().(*encoded); ok {
			chunks = append(chunks, Chunk{[]byte(out.String()), e.chunks[0].File})
			out.Reset()
			continue
		}
		text, err := Text(ctx, v)
		if err == nil {
			text = c.within(i, text, s)
			err = s.made.Grow(int64(len(text)))
		}
		if err != nil {
			return value{}, fmt.Errorf("%s: %w", p, err)
		}
		out.WriteString(text)
	}
	if chunks != nil {
		return pyvalue.FromObject(&encoded{append(chunks, Chunk{Text: []byte(out.String())})}), nil
	}
	return pyvalue.Str(out.String()), nil
}

// Part is a part of a filled text; Path is the placeholder's, nil for literal text.
type Part struct {
	Text string
	Path *Path
}

// Parts fills a text in and tells what its parts come from. It is for places where not
// every text may stand, such as an address.
func (t *Template) Parts(ctx context.Context, s *Scope) ([]Part, error) {
	var parts []part
	switch n := t.node.(type) {
	case composite:
		parts = n.parts
	case exact:
		parts = []part{n.part}
	default:
		text, err := t.FillText(ctx, s)
		return []Part{{Text: text}}, err
	}
	s = s.filling(ctx)
	filled := make([]Part, 0, len(parts))
	for _, p := range parts {
		if p.isText() {
			filled = append(filled, Part{Text: p.text})
			continue
		}
		v, err := p.resolve(ctx, s)
		if err != nil {
			return nil, err
		}
		text, err := Text(ctx, v)
		if err == nil {
			err = s.made.Grow(int64(len(text)))
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		filled = append(filled, Part{text, p.path})
	}
	return filled, nil
}

func (p part) resolve(ctx context.Context, s *Scope) (value, error) {
	if p.empty {
		s.note("%s holds no path, so nothing is put in", p)
		return pyvalue.None(), nil
	}
	v, err := p.path.Resolve(ctx, s)
	if err != nil && s.Lenient && (errors.Is(err, ErrNotThere) || errors.Is(err, ErrForeign)) {
		s.note("%s counts as null: %v", p, err)
		return pyvalue.None(), nil
	}
	if err != nil {
		return value{}, fmt.Errorf("%s: %w", p, err)
	}
	if _, ok := v.Part(); ok {
		if v, err = Simple(ctx, v); err != nil {
			return value{}, fmt.Errorf("%s: %w", p, err)
		}
	}
	for range p.base64 {
		if v, err = p.encode(ctx, s, v); err != nil {
			return value{}, fmt.Errorf("%s: %w", p, err)
		}
	}
	return v, nil
}
