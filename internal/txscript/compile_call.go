package txscript

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// call compiles a call.
func (c *compiler) call(x *callExpr) eval {
	c.walksAtOnce(x)
	if name, ok := x.f.(*nameExpr); ok && name.name == "eval" && c.isOuter("eval") {
		return c.evalCall(x)
	}
	if name, ok := x.f.(*nameExpr); ok && name.name == "super" && c.isOuter("super") {
		return c.superCall(x)
	}
	if attr, ok := x.f.(*attrExpr); ok {
		c.refuseAbsent(attr)
		return c.method(x, attr)
	}
	if quick := c.quick(x); quick != nil {
		return quick
	}
	fn, values := c.expr(x.f), c.values(x)
	args := c.callee(x, c.arguments(x, values))
	plain, owned := x.plain, c.changes.owned[x]
	return func(r *run, f *frame) (value, error) {
		fn, err := fn(r, f)
		if err != nil {
			return value{}, err
		}
		if own, ok := pyvalue.As[*closure](fn); ok && plain && own.code.takes(len(values)) {
			return own.direct(r, f, values, owned)
		}
		return args(r, f, fn)
	}
}

// callee compiles the call of whatever the function is, with compiled arguments.
func (c *compiler) callee(x *callExpr, args func(r *run, f *frame) (*pyvalue.Call, error)) func(r *run, f *frame, fn value) (value, error) {
	ref := c.reference(x)
	if ref == nil && len(x.args) > 1 && isShower(x.f) {
		c.program.origins = true
	}
	name, ok := x.f.(*nameExpr)
	briefly, known := ok && brief[name.name] && c.isOuter(name.name), c.briefOfModule(x.f)
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
		made, err := r.call(fn, call)
		if _, isClosure := fn.Object().(*closure); isClosure || briefly || known != nil && fn.Object() == known {
			r.done(call) // nobody keeps it
		}
		return made, err
	}
}

// brief are functions that do not keep their call, nor give it to what does.
var brief = map[string]bool{
	"len": true, "abs": true, "round": true, "sum": true, "min": true, "max": true, "any": true, "all": true, "divmod": true, "substitute": true,
	"float": true, "int": true, "str": true, "bool": true, "list": true, "sorted": true, "enumerate": true, "isinstance": true, "getattr": true, "hasattr": true,
}

// briefOfModule returns the function of the module re that an expression names, if it does
// not keep its call; nil for any other.
func (c *compiler) briefOfModule(f expr) pyvalue.Object {
	attr, ok := f.(*attrExpr)
	if !ok {
		return nil
	}
	if name, ok := attr.x.(*nameExpr); !ok || name.name != "re" {
		return nil
	}
	switch attr.name {
	case "sub", "search", "match", "fullmatch", "findall", "split":
		v, _ := reModule().Object().(*module).PyAttr(attr.name)
		return v.Object()
	}
	return nil
}

// isOuter reports a name that is not a variable.
func (c *compiler) isOuter(name string) bool {
	_, _, _, isVariable := c.scope.find(name)
	return !isVariable && !slices.Contains(c.options.Globals, name)
}

// method compiles x.name(…).
func (c *compiler) method(x *callExpr, attr *attrExpr) eval {
	_, _, isField := c.fieldOf(attr)
	if inner, ok := attr.x.(*attrExpr); ok && attr.name == "append" && isPath(inner) {
		isField = true // x.field.items.append: what it is called on may stand behind a field
	}
	// A list that it is called on may be changed.
	c.changes.seen = c.changes.seen || changing[attr.name]
	name, values := attr.name, c.values(x)
	args := c.arguments(x, values)
	owned := c.changes.owned[x]
	called, plain, quickly, ofBuiltin := c.callee(x, args), x.plain, quickMethod(name), pyvalue.MethodsOf(name)
	ofText, isOfText := pyvalue.TextMethodOf(name)
	if isField {
		attribute, on := c.attr(attr), c.expr(attr.x)
		return func(r *run, f *frame) (value, error) {
			// What stands behind a field is never named as a method of a text.
			if v, err := on(r, f); err == nil && isOfText && v.Kind() == pyvalue.KindStr {
				return r.callText(f, v, ofText, args)
			}
			fn, err := attribute(r, f)
			if err != nil {
				return value{}, err
			}
			return called(r, f, fn)
		}
	}
	on := c.expr(attr.x)
	return func(r *run, f *frame) (value, error) {
		v, err := on(r, f)
		if err != nil {
			return value{}, err
		}
		if isOfText && v.Kind() == pyvalue.KindStr && v.Derived() == nil {
			return r.callText(f, v, ofText, args)
		}
		if plain {
			if d := quickly.get(v, len(values)); d != nil {
				return r.dictGet(f, d, values)
			}
			if l := quickly.append(v, len(values)); l != nil {
				return r.listAppend(f, l, values[0])
			}
			if own, self := methodOf(v, name); own != nil && own.code.takes(1+len(values)) {
				return own.direct(r, f, values, owned, self)
			}
		}
		method := ofBuiltin.Of(v)
		if !method.Known() {
			fn, err := getAttr(v, name)
			if err != nil {
				return value{}, err
			}
			return called(r, f, fn)
		}
		return r.callMethod(f, v, method, args)
	}
}

// quickMethod tells which of the commonest methods a name is of, which are called
// without making a call of it.
type quickMethod string

// get returns the dict that get is called of with n arguments, nil for anything else.
func (q quickMethod) get(v value, n int) *pyvalue.Dict {
	if q != "get" || n < 1 || n > 2 {
		return nil
	}
	return v.PlainDict()
}

// append returns the list that append is called of with n arguments, nil for anything
// else.
func (q quickMethod) append(v value, n int) *pyvalue.List {
	if q != "append" || n != 1 {
		return nil
	}
	return v.PlainList()
}

// dictGet is d.get(key) or d.get(key, otherwise).
func (r *run) dictGet(f *frame, d *pyvalue.Dict, args []eval) (value, error) {
	key, err := args[0](r, f)
	if err != nil {
		return value{}, err
	}
	var otherwise value
	if len(args) > 1 {
		if otherwise, err = args[1](r, f); err != nil {
			return value{}, err
		}
	}
	if err := r.meter.Step(1); err != nil {
		return value{}, err
	}
	v, ok, err := d.GetWithin(r.meter, key)
	if !ok {
		v = otherwise
	}
	return v, err
}

// listAppend is l.append(v).
func (r *run) listAppend(f *frame, l *pyvalue.List, arg eval) (value, error) {
	v, err := arg(r, f)
	if err != nil {
		return value{}, err
	}
	if err := r.meter.Step(1); err != nil {
		return value{}, err
	}
	return value{}, l.Append(r.meter, v)
}

// callText calls a method of str, none of which keeps its call.
func (r *run) callText(f *frame, v value, method pyvalue.TextMethod, args func(r *run, f *frame) (*pyvalue.Call, error)) (value, error) {
	call, err := args(r, f)
	if err != nil {
		return value{}, err
	}
	made, err := method.Call(r.meter, v, call)
	r.done(call)
	return made, err
}

// callMethod calls a method of a builtin class, none of which keeps its call.
func (r *run) callMethod(f *frame, v value, method pyvalue.BuiltinMethod, args func(r *run, f *frame) (*pyvalue.Call, error)) (value, error) {
	call, err := args(r, f)
	if err != nil {
		return value{}, err
	}
	made, err := method.Call(r.meter, v, call)
	r.done(call)
	return made, err
}

// values compiles what the arguments of a call are.
func (c *compiler) values(x *callExpr) []eval {
	values := make([]eval, len(x.args))
	for i, a := range x.args {
		values[i] = c.expr(a.value)
	}
	return values
}

// arguments makes a call of the compiled values of its arguments.
func (c *compiler) arguments(x *callExpr, values []eval) func(r *run, f *frame) (*pyvalue.Call, error) {
	if x.plain {
		return func(r *run, f *frame) (*pyvalue.Call, error) {
			call := r.newCall(len(values))
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
				if err := call.Spread(v); err != nil {
					return nil, err
				}
			case a.stars == 2:
				if v.Dict() == nil && isMapping(v) {
					items := pyvalue.NewDict()
					if err := pyvalue.UpdateDict(r.meter, items, v); err != nil {
						return nil, err
					}
					v = items.Value()
				}
				if err := call.SpreadNamed(calledName(x), v); err != nil {
					return nil, err
				}
			case a.name != "":
				if slices.Contains(call.Names, a.name) { // **others had it
					return nil, pyvalue.Raise("TypeError", "%s() got multiple values for keyword argument '%s'", calledName(x), a.name)
				}
				call.Names, call.Named = append(call.Names, a.name), append(call.Named, v)
			default:
				call.Args = append(call.Args, v)
			}
		}
		return call, nil
	}
}

// calledName is what errors call a function.
func calledName(x *callExpr) string {
	switch f := x.f.(type) {
	case *nameExpr:
		return f.name
	case *attrExpr:
		return f.name
	}
	return "function"
}
