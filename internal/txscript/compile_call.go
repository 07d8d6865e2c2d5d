package txscript

import (
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

// call compiles a call.
func (c *compiler) call(x *callExpr) eval {
	c.walksAtOnce(x)
	if attr, ok := x.f.(*attrExpr); ok {
		return c.method(x, attr)
	}
	if quick := c.quick(x); quick != nil {
		return quick
	}
	fn, args := c.expr(x.f), c.callee(x, c.arguments(x))
	return func(r *run, f *frame) (value, error) {
		fn, err := fn(r, f)
		if err != nil {
			return value{}, err
		}
		return args(r, f, fn)
	}
}

// callee compiles the call of whatever the function is, with compiled arguments.
func (c *compiler) callee(x *callExpr, args func(r *run, f *frame) (*pyvalue.Call, error)) func(r *run, f *frame, fn value) (value, error) {
	ref := c.reference(x)
	return func(r *run, f *frame, fn value) (value, error) {
		call, err := args(r, f)
		if err != nil {
			return value{}, err
		}
		if s, ok := fn.Object().(*shower); ok && ref != nil {
			field, err := ref(r, f)
			if err != nil {
				return value{}, err
			}
			return r.show(s, call, field)
		}
		return r.call(fn, call)
	}
}

// quick compiles a call of the commonest functions, which loops over rows call for
// each row, without making a call of it; nil if it is none of them.
func (c *compiler) quick(x *callExpr) eval {
	name, ok := x.f.(*nameExpr)
	if !ok || !x.plain || !c.isOuter(name.name) {
		return nil
	}
	var apply func(r *run, v value) (value, error)
	switch {
	case len(x.args) == 2 && name.name == "default_to":
		v, otherwise := c.expr(x.args[0].value), c.expr(x.args[1].value)
		return func(r *run, f *frame) (value, error) {
			v, err := v(r, f)
			if err != nil {
				return value{}, err
			}
			d, err := otherwise(r, f)
			if err != nil {
				return value{}, err
			}
			return defaultTo(r, v, d)
		}
	case len(x.args) != 1:
		return nil
	case name.name == "is_empty":
		apply = func(_ *run, v value) (value, error) { return pyvalue.Bool(IsEmpty(v)), nil }
	case name.name == "is_set":
		apply = func(_ *run, v value) (value, error) { return pyvalue.Bool(!IsEmpty(v)), nil }
	case name.name == "str":
		apply = func(r *run, v value) (value, error) {
			text, err := pyvalue.String(r.meter, v)
			return pyvalue.Str(text), err
		}
	default:
		return nil
	}
	v := c.expr(x.args[0].value)
	return func(r *run, f *frame) (value, error) {
		v, err := v(r, f)
		if err != nil {
			return value{}, err
		}
		if err := r.meter.Step(1); err != nil {
			return value{}, err
		}
		return apply(r, v)
	}
}

// isOuter reports a name that is no variable.
func (c *compiler) isOuter(name string) bool {
	_, _, _, isVariable := c.scope.find(name)
	return !isVariable && !slices.Contains(c.options.Globals, name)
}

// method compiles x.name(…).
func (c *compiler) method(x *callExpr, attr *attrExpr) eval {
	if _, _, isField := c.fieldOf(attr); isField {
		attribute, args := c.attr(attr), c.callee(x, c.arguments(x))
		return func(r *run, f *frame) (value, error) {
			fn, err := attribute(r, f)
			if err != nil {
				return value{}, err
			}
			return args(r, f, fn)
		}
	}
	// A list that it is called on may be changed.
	c.changes.seen = c.changes.seen || changing[attr.name]
	on, name, args := c.expr(attr.x), attr.name, c.arguments(x)
	called := c.callee(x, args)
	return func(r *run, f *frame) (value, error) {
		v, err := on(r, f)
		if err != nil {
			return value{}, err
		}
		if v.Kind() == pyvalue.KindObject || !pyvalue.HasMethod(v, name) {
			fn, err := getAttr(v, name)
			if err != nil {
				return value{}, err
			}
			return called(r, f, fn)
		}
		call, err := args(r, f)
		if err != nil {
			return value{}, err
		}
		for i, a := range call.Args {
			// Methods of builtin classes walk over values, not over generators.
			if _, isLazy := a.Object().(*lazy); isLazy {
				items, err := r.collect(a)
				if err != nil {
					return value{}, err
				}
				call.Args[i] = pyvalue.NewList(items...)
			}
		}
		return pyvalue.CallMethod(r.meter, v, name, call)
	}
}

// arguments compiles the arguments of a call.
func (c *compiler) arguments(x *callExpr) func(r *run, f *frame) (*pyvalue.Call, error) {
	values := make([]eval, len(x.args))
	for i, a := range x.args {
		values[i] = c.expr(a.value)
	}
	if x.plain {
		return func(r *run, f *frame) (*pyvalue.Call, error) {
			call := &pyvalue.Call{Args: make([]value, len(values)), Meter: r.meter}
			for i, v := range values {
				var err error
				if call.Args[i], err = v(r, f); err != nil {
					return nil, err
				}
			}
			return call, nil
		}
	}
	args := x.args
	return func(r *run, f *frame) (*pyvalue.Call, error) {
		call := &pyvalue.Call{Meter: r.meter}
		for i, a := range args {
			v, err := values[i](r, f)
			if err != nil {
				return nil, err
			}
			switch {
			case a.stars == 1:
				items, err := r.collect(v)
				if err != nil {
					return nil, err
				}
				call.Args = append(call.Args, items...)
			case a.stars == 2:
				d := v.Dict()
				if d == nil {
					return nil, pyvalue.Raise("TypeError", "argument after ** must be a mapping, not %s", pyvalue.TypeName(v))
				}
				for k, v := range d.All() {
					if !k.IsText() {
						return nil, pyvalue.Raise("TypeError", "keywords must be strings")
					}
					call.Names, call.Named = append(call.Names, k.Text()), append(call.Named, v)
				}
			case a.name != "":
				call.Names, call.Named = append(call.Names, a.name), append(call.Named, v)
			default:
				call.Args = append(call.Args, v)
			}
		}
		return call, nil
	}
}

// attr compiles x.name, and what comes before it: x.y.name. Where the value before a
// name are fields, they are asked for what stands behind their field (field.total.id),
// since the value of a field is plain.
func (c *compiler) attr(x *attrExpr) eval {
	var names []string
	var base expr = x
	for first := x; ; {
		names = append(names, first.name)
		c.changes.seen = c.changes.seen || changing[first.name]
		base = first.x
		inner, ok := base.(*attrExpr)
		if !ok {
			x = first
			break
		}
		first = inner
	}
	slices.Reverse(names)
	var plain eval // of the first name, if it is a field's
	if id, attr, ok := c.fieldOf(x); ok && attr == "" {
		slot := slices.Index(c.fields, id)
		if slot < 0 {
			slot = len(c.fields)
			c.fields = append(c.fields, id)
		}
		if plain = c.field(id, slot); len(names) == 1 {
			return plain
		}
	}
	on := c.expr(base)
	gets := make([]func(r *run, v value) (value, error), len(names))
	for i, name := range names {
		gets[i] = c.getter(name)
	}
	if len(names) == 1 {
		get := gets[0]
		return func(r *run, f *frame) (value, error) {
			v, err := on(r, f)
			if err != nil {
				return value{}, err
			}
			return get(r, v)
		}
	}
	return func(r *run, f *frame) (value, error) {
		v, err := on(r, f)
		for i := 0; i < len(names) && err == nil; i++ {
			if s, ok := v.Object().(Fields); ok && i+1 < len(names) {
				behind, found, failed := s.FieldAttr(names[i], names[i+1])
				if found || failed != nil {
					v, err = behind, failed
					i++
					continue
				}
			}
			if i == 0 && plain != nil {
				v, err = plain(r, f)
			} else {
				v, err = gets[i](r, v)
			}
		}
		if err != nil {
			return value{}, err
		}
		return v, nil
	}
}

// getter reads an attribute at one place of the source, which looks a column of rows
// up only once.
func (c *compiler) getter(name string) func(r *run, v value) (value, error) {
	at := c.changes.sites
	c.changes.sites++
	return func(r *run, v value) (value, error) {
		if rows, ok := v.Object().(Columnar); ok && at < len(r.sites) {
			if table, i := rows.Row(); table != nil {
				s := &r.sites[at]
				if s.owner != table {
					s.owner, s.column = table, rows.Column(name)
				}
				if i < len(s.column) {
					return s.column[i], nil
				}
			}
		}
		return getAttr(v, name)
	}
}

// field compiles field.name, which is looked up once in a run.
func (c *compiler) field(name string, slot int) eval {
	at := slices.Index(c.options.Globals, c.options.Fields)
	return func(r *run, _ *frame) (value, error) {
		s := &r.slots[slot]
		if s.ok {
			return s.v, nil
		}
		if r.row != nil {
			if !s.asked {
				s.asked, s.column = true, r.row.Cells(name)
			}
			if r.index < len(s.column) {
				return s.column[r.index], nil
			}
		}
		v, err := getAttr(r.host.Globals[at], name)
		if err == nil && scalar(v) {
			s.variable = variable{v, true}
		}
		return v, err
	}
}

// getAttr returns v.name.
func getAttr(v value, name string) (value, error) {
	if s, ok := v.Object().(Fields); ok {
		f, found, err := s.Field(name)
		if found || err != nil {
			return f, err
		}
	}
	if strings.HasPrefix(name, "__") && name != "__name__" {
		return value{}, pyvalue.Raise("AttributeError", "'%s' object has no attribute '%s'", pyvalue.TypeName(v), name)
	}
	if o, ok := v.Object().(interface {
		PyAttr(name string) (value, bool)
	}); ok {
		if a, ok := o.PyAttr(name); ok {
			return a, nil
		}
	}
	if m, ok := pyvalue.Method(v, name); ok {
		return m, nil
	}
	return value{}, pyvalue.Raise("AttributeError", "'%s' object has no attribute '%s'", pyvalue.TypeName(v), name)
}

// getItem returns v[key]; an attribute is no item here, as it is in a template.
func getItem(v, key value) (value, error) {
	switch v.Kind() {
	case pyvalue.KindObject:
		if o, ok := v.Object().(interface {
			PyItem(key value) (value, error)
		}); ok {
			return o.PyItem(key)
		}
		return value{}, pyvalue.Raise("TypeError", "'%s' object is not subscriptable", pyvalue.TypeName(v))
	}
	return pyvalue.GetItem(v, key)
}

func setItem(_ *run, container, key, v value) error {
	if l := container.List(); l != nil {
		i, ok := key.Int64()
		if !ok {
			return pyvalue.Raise("TypeError", "list indices must be integers or slices, not %s", pyvalue.TypeName(key))
		}
		if i < 0 {
			i += int64(len(l.Items))
		}
		if i < 0 || i >= int64(len(l.Items)) {
			return pyvalue.Raise("IndexError", "list assignment index out of range")
		}
		l.Items[i] = v
		return nil
	}
	if d := container.Dict(); d != nil {
		return d.Set(key, v)
	}
	return pyvalue.Raise("TypeError", "'%s' object does not support item assignment", pyvalue.TypeName(container))
}

func delItem(container, key value) error {
	if l := container.List(); l != nil {
		i, ok := key.Int64()
		if !ok {
			return pyvalue.Raise("TypeError", "list indices must be integers or slices, not %s", pyvalue.TypeName(key))
		}
		if i < 0 {
			i += int64(len(l.Items))
		}
		if i < 0 || i >= int64(len(l.Items)) {
			return pyvalue.Raise("IndexError", "list assignment index out of range")
		}
		l.Items = slices.Delete(l.Items, int(i), int(i)+1)
		return nil
	}
	if d := container.Dict(); d != nil {
		_, found, err := d.Delete(key)
		if err == nil && !found {
			text, _ := pyvalue.Repr(nil, key) // of a key that can be hashed
			err = &pyvalue.Error{Type: "KeyError", Msg: text}
		}
		return err
	}
	does := "does not"
	switch container.Kind() {
	case pyvalue.KindStr, pyvalue.KindTuple, pyvalue.KindSet:
		if _, ok := key.Int64(); ok { // it is asked as a sequence
			does = "doesn't"
		}
	}
	return pyvalue.Raise("TypeError", "'%s' object %s support item deletion", pyvalue.TypeName(container), does)
}
