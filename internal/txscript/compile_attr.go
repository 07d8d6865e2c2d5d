package txscript

import (
	"errors"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

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
	c.refuseAbsent(x)
	slices.Reverse(names)
	if ofFields[names[0]] {
		c.program.origins = true
	}
	var plain eval // of the first name, if it is a field's
	if id, attr, ok := c.fieldOf(x); ok && attr == "" {
		if plain = c.field(id, c.slotOf(id)); len(names) == 1 {
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

// ofFields are the attributes that a field has, and no value.
var ofFields = map[string]bool{"attr": true, "rir_confidence": true, "id": true}

// getter reads an attribute at one place of the source, which looks a column of rows
// up only once.
func (c *compiler) getter(name string) func(r *run, v value) (value, error) {
	if c.changes.apart {
		return func(_ *run, v value) (value, error) { return getAttr(v, name) }
	}
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
			if v, ok := r.cell(slot, name); ok {
				return v, nil
			}
		}
		v, err := getAttr(r.host.Globals[at], name)
		if err == nil && scalar(v) {
			s.variable = variable{v, true}
		}
		return v, err
	}
}

// slotOf returns where a run keeps a field that the source reads by name.
func (c *compiler) slotOf(id string) int {
	slot, known := c.changes.slots[id]
	if !known {
		slot = len(c.fields)
		c.fields = append(c.fields, id)
		c.changes.slots[id] = slot
	}
	return slot
}

// cell returns a field of the row whose column is at hand.
func (r *run) cell(slot int, name string) (value, bool) {
	s := &r.slots[slot]
	if !s.asked {
		s.asked, s.column = true, r.row.Cells(name)
	}
	if r.index < len(s.column) {
		return s.column[r.index], true
	}
	return value{}, false
}

// ownNames are the names of Python's own that can be read.
var ownNames = map[string]bool{"__name__": true, "__qualname__": true, "__doc__": true, "__cause__": true, "__context__": true, "__suppress_context__": true, "__module__": true, "__wrapped__": true, "__mro__": true, "__bases__": true, "__base__": true}

// getAttr returns v.name.
func getAttr(v value, name string) (value, error) {
	if s, ok := v.Object().(Fields); ok {
		f, found, err := s.Field(name)
		if found || err != nil {
			return f, err
		}
		if !strings.HasPrefix(name, "_") {
			return value{}, pyvalue.Raise("AttributeError", "Field '%s' is not defined", name)
		}
	}
	if name == "__class__" {
		return classOf(v), nil
	}
	if d := v.Derived(); d != nil {
		if a, found, err := derivedAttr(v, d, name); found || err != nil {
			return a, err
		}
	}
	if o, ok := v.Object().(interface {
		PyGetAttr(name string) (value, bool, error)
	}); ok {
		a, found, err := o.PyGetAttr(name)
		if found || err != nil {
			return a, err
		}
		if k, isClass := v.Object().(*userClass); isClass {
			return value{}, pyvalue.Raise("AttributeError", "type object '%s' has no attribute '%s'", k.name, name)
		}
	}
	if k, ok := v.Object().(*class); ok && strings.HasPrefix(name, "__") {
		if a, ok := k.unbound(name); ok {
			return a, nil
		}
	}
	if m, ok := dunder(v, name); ok {
		return m, nil
	}
	if strings.HasPrefix(name, "__") && !ownNames[name] {
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
	if n, ok := pyvalue.NumberAttr(v, name); ok {
		return n, nil
	}
	switch o := v.Object().(type) {
	case *module:
		return value{}, pyvalue.Raise("AttributeError", "module '%s' has no attribute '%s'", o.name, name)
	case *class:
		return value{}, pyvalue.Raise("AttributeError", "type object '%s' has no attribute '%s'", o.name, name)
	}
	return value{}, pyvalue.Raise("AttributeError", "'%s' object has no attribute '%s'", pyvalue.TypeName(v), name)
}

// getItem returns v[key]; an attribute is no item here, as it is in a template.
func getItem(r *run, v, key value) (value, error) {
	if s, ok := key.Object().(*pyvalue.Slicing); ok && v.Kind() != pyvalue.KindObject {
		if get, has, err := special(v, "__getitem__"); has || err != nil {
			if err != nil {
				return value{}, err
			}
			return pyvalue.CallValue(get, &pyvalue.Call{Args: []value{key}, Meter: r.meter})
		}
		return pyvalue.Slice(r.meter, v, s[0], s[1], s[2])
	}
	switch v.Kind() {
	case pyvalue.KindObject:
		if o, ok := v.Object().(interface {
			PyItem(key value) (value, error)
		}); ok {
			return o.PyItem(key)
		}
		return value{}, pyvalue.Raise("TypeError", "'%s' object is not subscriptable", pyvalue.TypeName(v))
	}
	return pyvalue.ItemOrMade(r.meter, v, key)
}

func setItem(r *run, container, key, v value) error {
	if container.Derived() != nil {
		if set, ok, err := special(container, "__setitem__"); ok || err != nil {
			if err == nil {
				_, err = r.call(set, &pyvalue.Call{Args: []value{key, v}, Meter: r.meter})
			}
			return err
		}
	}
	if l := container.List(); l != nil {
		if s, ok := key.Object().(*pyvalue.Slicing); ok {
			return pyvalue.AssignSlice(r.meter, l, s[0], s[1], s[2], func() ([]value, error) {
				items, err := pyvalue.Collect(r.meter, v)
				var e *pyvalue.Error
				if errors.As(err, &e) && e.Type == "TypeError" && pyvalue.Iterable(v) != nil {
					if s[2].IsNone() || pyvalue.Equal(s[2], pyvalue.Int(1)) {
						return nil, pyvalue.Raise("TypeError", "can only assign an iterable")
					}
					return nil, pyvalue.Raise("TypeError", "must assign iterable to extended slice")
				}
				return items, err
			})
		}
		i, err := listPosition(l, key)
		if err != nil {
			return err
		}
		l.Items[i] = v
		return nil
	}
	if d := container.Dict(); d != nil {
		if err := r.meter.Key(key); err != nil {
			return err
		}
		return d.Set(key, v)
	}
	switch o := container.Object().(type) {
	case *instance:
		return o.setItem(key, v)
	case *xmlElement:
		return o.setItem(key, v)
	}
	return pyvalue.Raise("TypeError", "'%s' object does not support item assignment", pyvalue.TypeName(container))
}

// listPosition returns where in a list an assignment or a del goes.
func listPosition(l *pyvalue.List, key value) (int64, error) {
	i, ok := key.Int64()
	if !ok {
		return 0, pyvalue.Raise("TypeError", "list indices must be integers or slices, not %s", pyvalue.TypeName(key))
	}
	if i < 0 {
		i += int64(len(l.Items))
	}
	if i < 0 || i >= int64(len(l.Items)) {
		return 0, pyvalue.Raise("IndexError", "list assignment index out of range")
	}
	return i, nil
}

func delItem(r *run, container, key value) error {
	if del, ok, err := special(container, "__delitem__"); ok || err != nil {
		if err == nil {
			_, err = r.call(del, &pyvalue.Call{Args: []value{key}, Meter: r.meter})
		}
		return err
	}
	if l := container.List(); l != nil {
		if s, ok := key.Object().(*pyvalue.Slicing); ok {
			return pyvalue.DeleteSlice(r.meter, l, s[0], s[1], s[2])
		}
		i, err := listPosition(l, key)
		if err != nil {
			return err
		}
		if err := r.meter.Step((int64(len(l.Items)) - i) / 16); err != nil {
			return err
		}
		l.Items = slices.Delete(l.Items, int(i), int(i)+1)
		return nil
	}
	if d := container.Dict(); d != nil {
		if err := r.meter.Key(key); err != nil {
			return err
		}
		_, found, err := d.Delete(key)
		if err == nil && !found {
			_, err = pyvalue.GetItem(r.meter, container, key) // which raises KeyError
		}
		return err
	}
	if e, ok := container.Object().(*xmlElement); ok {
		return e.delItem(key)
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
