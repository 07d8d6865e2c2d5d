package txscript

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func ofKind(kinds ...pyvalue.Kind) func(value) bool {
	return func(v value) bool {
		for _, k := range kinds {
			if v.Kind() == k {
				return true
			}
		}
		return false
	}
}

// classes are the builtin classes.
func classes() []*class { return classesOnUse.Get(makeClasses) }

var classesOnUse onuse.Value[[]*class]

func makeClasses() []*class {
	all := allClasses()
	for _, k := range all {
		if k.f == nil {
			k.f = notCalled(k.name)
		}
	}
	return all
}

func allClasses() []*class {
	return []*class{
		{builtin: builtin{"int", toInt}, has: ofKind(pyvalue.KindInt, pyvalue.KindBool)},
		{builtin: builtin{"float", toFloat}, has: ofKind(pyvalue.KindFloat)},
		{builtin: builtin{"bool", toBool}, has: ofKind(pyvalue.KindBool)},
		{builtin: builtin{"str", toStr}, has: ofKind(pyvalue.KindStr, pyvalue.KindMarkup)},
		{builtin: builtin{"bytes", toBytes}, has: ofKind(pyvalue.KindBytes)},
		{builtin: builtin{"list", toSequence('[', "list")}, has: ofKind(pyvalue.KindList)},
		{builtin: builtin{"tuple", toSequence('(', "tuple")}, has: ofKind(pyvalue.KindTuple)},
		{builtin: builtin{"set", toSequence('{', "set")}, has: func(v value) bool { return v.Kind() == pyvalue.KindSet && !v.Set().Frozen }},
		{builtin: builtin{"frozenset", toFrozenSet}, has: func(v value) bool { return v.Kind() == pyvalue.KindSet && v.Set().Frozen }},
		{builtin: builtin{"dict", toDict}, has: ofKind(pyvalue.KindDict)},
		{builtin: builtin{"range", apart(pyvalue.NewRange)}, has: func(v value) bool { _, ok := v.Object().(*pyvalue.Range); return ok }},
		{builtin: builtin{"zip", newZip}, has: ofClass("zip")},
		{builtin: builtin{"enumerate", newEnumerate}, has: ofClass("enumerate")},
		{builtin: builtin{"reversed", newReversed}, has: ofClass("reversed")},
		{builtin: builtin{"type", typeOf}, has: func(v value) bool {
			return isClass(v)
		}},
		{builtin: builtin{"property", newProperty}, has: func(v value) bool { _, ok := v.Object().(*property); return ok }},
		{builtin: builtin{"staticmethod", newWrapper(false)}, has: ofType("staticmethod")},
		{builtin: builtin{"classmethod", newWrapper(true)}, has: ofType("classmethod")},
		{builtin: builtin{"slice", apart(pyvalue.NewSlicing)}, has: ofType("slice")},
		{builtin: builtin{"object", newObject}, has: func(value) bool { return true }},
		{builtin: builtin{"NoneType", nil}, has: func(v value) bool { return pyvalue.TypeName(v) == "NoneType" }},
	}
}

func ofType(name string) func(value) bool {
	return func(v value) bool { return pyvalue.TypeName(v) == name }
}

func ofClass(name string) func(value) bool {
	return func(v value) bool {
		l, ok := v.Object().(*lazy)
		return ok && l.class == name
	}
}

func typeOf(r *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) == 3 && len(c.Names) == 0 {
		return r.newClass(c)
	}
	if err := c.Exactly("type", 1); err != nil {
		return value{}, err
	}
	return classOf(c.Args[0]), nil
}

// newClass is type(name, bases, attributes).
func (r *run) newClass(c *pyvalue.Call) (value, error) {
	from, isTuple := c.Args[1].Items()
	attrs := c.Args[2].Dict()
	if !c.Args[0].IsText() || !isTuple || attrs == nil {
		return value{}, pyvalue.Raise("TypeError", "type() takes a name, a tuple of classes and a dict")
	}
	k := &userClass{name: c.Args[0].Text(), r: r, attrs: pyvalue.NewDict()}
	for _, base := range from {
		if err := k.derive(base); err != nil {
			return value{}, err
		}
	}
	if err := k.linearise(); err != nil {
		return value{}, err
	}
	for name, v := range attrs.All() {
		if slices.Contains(refusedMethods, name.Text()) {
			return value{}, pyvalue.Raise("TypeError", "the method %s is not supported in formulas", name.Text())
		}
		k.own(v)
		k.attrs.SetStr(name.Text(), v)
	}
	return pyvalue.FromObject(k), k.makeMembers()
}

// classOf returns the class of a value.
func classOf(v value) value {
	if k := userClassOf(v); k != nil {
		return pyvalue.FromObject(k)
	}
	if e, ok := v.Object().(*exception); ok {
		return pyvalue.FromObject(excClasses[e.class])
	}
	if d, ok := v.Object().(*decimalValue); ok {
		return pyvalue.FromObject(d.of.class)
	}
	if elementClass().has(v) {
		return pyvalue.FromObject(elementClass())
	}
	name := pyvalue.TypeName(v)
	for _, k := range classes() {
		if k.name == name {
			return pyvalue.FromObject(k)
		}
	}
	if k := clock.ClassOf(v); k != nil {
		return pyvalue.FromObject(k)
	}
	return pyvalue.FromObject(&class{builtin: builtin{name, notCalled(name)}, has: func(other value) bool { return pyvalue.TypeName(other) == name }})
}

// PyEqual compares classes by name: some are made when they are asked for.
func (k *class) PyEqual(other value) bool {
	o, ok := other.Object().(interface{ Name() string })
	return ok && o.Name() == k.name
}

// PyHash makes a class a key.
func (k *class) PyHash() (string, error) { return "class " + k.name, nil }

func isInstance(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("isinstance", 2); err != nil {
		return value{}, err
	}
	ok, err := instanceOf(r, c.Args[0], c.Args[1])
	return pyvalue.Bool(ok), err
}

// maxClassTuples bounds the nesting of the tuples that isinstance and issubclass take; CPython's
// bound is a little higher.
const maxClassTuples = 900

// anyClass reports whether something holds of a class, or of one in a union or a tuple, which
// may have tuples in it. The rest is not looked at then.
func (r *run) anyClass(of value, where string, depth int, holds func(value) (bool, error)) (bool, error) {
	if err := r.meter.Step(1); err != nil {
		return false, err
	}
	var all []value
	u, isUnion := of.Object().(*union)
	switch {
	case isUnion:
		all = u.of
	case of.Kind() != pyvalue.KindTuple:
		return holds(of)
	case depth > maxClassTuples:
		return false, pyvalue.Raise("RecursionError", "maximum recursion depth exceeded in %s", where)
	default:
		all, _ = of.Items()
	}
	for _, one := range all {
		if ok, err := r.anyClass(one, where, depth+1, holds); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func instanceOf(r *run, v, of value) (bool, error) {
	return r.anyClass(of, "__instancecheck__", 0, func(k value) (bool, error) { return instanceOfOne(v, k) })
}

func instanceOfOne(v, of value) (bool, error) {
	switch k := of.Object().(type) {
	case *instance: // what collections.abc and numbers have
		if has, ok, err := k.invoke("__instancecheck__", v); ok || err != nil {
			return pyvalue.Truth(has), err
		}
	case *class:
		return k.has(v), nil
	case *clock.Class:
		return k.Has(v), nil
	case *userClass:
		own := userClassOf(v)
		return own != nil && own.is(k), nil
	case *enumBase:
		own := userClassOf(v)
		return own != nil && own.isEnum, nil
	case *excClass:
		e, ok := v.Object().(*exception)
		return ok && derives(e.class, k.name), nil
	}
	return false, pyvalue.Raise("TypeError", "isinstance() arg 2 must be a type, a tuple of types, or a union")
}

func toInt(r *run, c *pyvalue.Call) (value, error) {
	for _, name := range c.Names {
		if name != "base" {
			return value{}, pyvalue.Raise("TypeError", "'%s' is an invalid keyword argument for int()", name)
		}
	}
	if len(c.Args) == 0 {
		if len(c.Names) > 0 {
			return value{}, pyvalue.Raise("TypeError", "int() missing string argument")
		}
		return pyvalue.Int(0), nil
	}
	v := c.Args[0]
	if base, ok := c.Arg(1, "base"); ok {
		n, isInt := base.Int64()
		if !v.IsText() || !isInt {
			return value{}, pyvalue.Raise("TypeError", "int() can't convert non-string with explicit base")
		}
		return pyvalue.ParseInt(r.meter, v.Text(), int(max(-1, min(n, 37)))) // an int of 32 bits does not hold every n
	}
	switch v.Kind() {
	case pyvalue.KindInt, pyvalue.KindBool:
		return pyvalue.Pos(v)
	case pyvalue.KindFloat:
		f, _ := v.Float64()
		return pyvalue.FloatToInt(f)
	case pyvalue.KindStr, pyvalue.KindMarkup:
		return pyvalue.ParseInt(r.meter, v.Text(), 10)
	}
	if o, ok := v.Object().(interface{ PyInt() (value, error) }); ok {
		return o.PyInt()
	}
	return value{}, pyvalue.Raise("TypeError", "int() argument must be a string, a bytes-like object or a real number, not '%s'", pyvalue.TypeName(v))
}

func toFloat(r *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) == 0 {
		return pyvalue.Float(0), nil
	}
	v := c.Args[0]
	if v.IsText() {
		return pyvalue.ParseFloat(r.meter, v.Text())
	}
	if v.IsNumber() {
		f, ok := v.Float64()
		if !ok {
			return value{}, pyvalue.Raise("OverflowError", "int too large to convert to float")
		}
		return pyvalue.Float(f), nil
	}
	if o, ok := v.Object().(interface{ PyReal() (float64, error) }); ok {
		f, err := o.PyReal()
		return pyvalue.Float(f), err
	}
	return value{}, pyvalue.Raise("TypeError", "float() argument must be a string or a real number, not '%s'", pyvalue.TypeName(v))
}

func toBool(_ *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) == 0 {
		return pyvalue.Bool(false), nil
	}
	return pyvalue.Bool(pyvalue.Truth(c.Args[0])), nil
}

func toStr(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Check("str", 0, "object", "encoding", "errors"); err != nil {
		return value{}, err
	}
	v, ok := c.Arg(0, "object")
	if !ok {
		return pyvalue.Str(""), nil
	}
	rest := &pyvalue.Call{Meter: r.meter}
	for i, name := range []string{"encoding", "errors"} {
		if a, given := c.Arg(i+1, name); given {
			if !a.IsText() {
				return value{}, pyvalue.Raise("TypeError", "str() argument '%s' must be str, not %s", name, pyvalue.TypeName(a))
			}
			rest.Names, rest.Named = append(rest.Names, name), append(rest.Named, a)
		}
	}
	if len(rest.Names) > 0 {
		if v.Kind() != pyvalue.KindBytes {
			if v.IsText() {
				return value{}, pyvalue.Raise("TypeError", "decoding str is not supported")
			}
			return value{}, pyvalue.Raise("TypeError", "decoding to str: need a bytes-like object, %s found", pyvalue.TypeName(v))
		}
		return pyvalue.CallMethod(r.meter, v, "decode", rest)
	}
	text, err := pyvalue.String(r.meter, v)
	return pyvalue.Str(text), err
}

func toSequence(kind byte, name string) func(r *run, c *pyvalue.Call) (value, error) {
	return func(r *run, c *pyvalue.Call) (value, error) {
		if len(c.Args) == 0 && len(c.Names) == 0 {
			return sequence(r.meter, kind, nil)
		}
		if len(c.Args) != 1 || len(c.Names) > 0 {
			return value{}, pyvalue.Raise("TypeError", "%s expected at most 1 argument, got %d", name, len(c.Args))
		}
		items, err := pyvalue.Collect(r.meter, c.Args[0])
		if err != nil {
			return value{}, err
		}
		return sequence(r.meter, kind, items)
	}
}

func toFrozenSet(r *run, c *pyvalue.Call) (value, error) {
	v, err := toSequence('{', "frozenset")(r, c)
	if err != nil {
		return value{}, err
	}
	return pyvalue.Freeze(v), nil
}

func toDict(r *run, c *pyvalue.Call) (value, error) {
	d := pyvalue.NewDict()
	if len(c.Args) > 1 {
		return value{}, pyvalue.Raise("TypeError", "dict expected at most 1 argument, got %d", len(c.Args))
	}
	if len(c.Args) == 1 {
		from := c.Args[0]
		if _, ok := from.Object().(*lazy); ok {
			items, err := pyvalue.Collect(r.meter, from)
			if err != nil {
				return value{}, err
			}
			from = pyvalue.NewList(items...)
		}
		if err := pyvalue.UpdateDict(r.meter, d, from); err != nil {
			return value{}, err
		}
	}
	for i, name := range c.Names {
		d.SetStr(name, c.Named[i])
	}
	return d.Value(), nil
}

func newZip(r *run, c *pyvalue.Call) (value, error) {
	over, strict := c.Args, false
	for i, name := range c.Names {
		if name != "strict" {
			return value{}, pyvalue.Raise("TypeError", "zip() got an unexpected keyword argument '%s'", name)
		}
		strict = pyvalue.Truth(c.Named[i])
	}
	return r.lazy("zip", func(yield func(value) (bool, error)) error {
		if len(over) == 0 {
			return nil
		}
		return r.zip(over, strict, func(items []value) (bool, error) { return yield(pyvalue.NewTuple(items...)) })
	}), allIterable(over)
}

func newEnumerate(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Check("enumerate", 1, "iterable", "start"); err != nil {
		return value{}, err
	}
	over, _ := c.Arg(0, "iterable")
	n := int64(0)
	if start, ok := c.Arg(1, "start"); ok {
		if n, ok = start.Int64(); !ok {
			return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(start))
		}
	}
	return r.lazy("enumerate", func(yield func(value) (bool, error)) error {
		return pyvalue.Each(over, func(v value) (bool, error) {
			n++
			return yield(pyvalue.NewPair(pyvalue.Int(n-1), v))
		})
	}), pyvalue.Iterable(over)
}

func newReversed(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("reversed", 1); err != nil {
		return value{}, err
	}
	v := c.Args[0]
	if o, ok := v.Object().(*instance); ok {
		return o.reversed()
	}
	if _, isLazy := v.Object().(*lazy); isLazy || v.Kind() == pyvalue.KindSet || pyvalue.Iterable(v) != nil {
		return value{}, pyvalue.Raise("TypeError", "'%s' object is not reversible", pyvalue.TypeName(v))
	}
	return r.lazy("reversed", func(yield func(value) (bool, error)) error {
		items, err := pyvalue.Collect(r.meter, v)
		if err != nil {
			return err
		}
		for i := len(items) - 1; i >= 0; i-- {
			if more, err := yield(items[i]); err != nil || !more {
				return err
			}
		}
		return nil
	}), nil
}

// isSubclass is issubclass.
func isSubclass(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("issubclass", 2); err != nil {
		return value{}, err
	}
	if !isClass(c.Args[0]) {
		return value{}, pyvalue.Raise("TypeError", "issubclass() arg 1 must be a class")
	}
	ok, err := r.anyClass(c.Args[1], "__subclasscheck__", 0, func(of value) (bool, error) {
		if !isClass(of) {
			return false, pyvalue.Raise("TypeError", "issubclass() arg 2 must be a class, a tuple of classes, or a union")
		}
		return subclass(c.Args[0], of), nil
	})
	return pyvalue.Bool(ok), err
}

func subclass(k, of value) bool {
	if o, ok := of.Object().(*class); ok && o.name == "object" {
		return true
	}
	switch k := k.Object().(type) {
	case *userClass:
		switch of := of.Object().(type) {
		case *userClass:
			return k.is(of)
		case *excClass:
			return k.exception != "" && derives(k.exception, of.name)
		case *enumBase:
			return k.isEnum
		case *class:
			return k.base != nil && (k.base.name == of.name)
		}
	case *excClass:
		o, ok := of.Object().(*excClass)
		return ok && derives(k.name, o.name)
	case *class:
		o, ok := of.Object().(*class)
		return ok && (k.name == o.name || k.name == "bool" && o.name == "int")
	}
	return false
}
