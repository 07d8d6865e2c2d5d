package txscript

import (
	"math"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// quick compiles a call of the commonest functions, which loops over rows call for
// each row, without making a call of it; nil for any other call.
func (c *compiler) quick(x *callExpr) eval {
	name, ok := x.f.(*nameExpr)
	if !ok || !x.plain || !c.isOuter(name.name) || c.scope.module().allows != nil {
		return nil
	}
	switch len(x.args) {
	case 1:
		if apply := quickOne(name.name); apply != nil {
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
	case 2:
		if apply := quickTwo(name.name); apply != nil {
			a, b := c.expr(x.args[0].value), c.expr(x.args[1].value)
			return func(r *run, f *frame) (value, error) {
				u, err := a(r, f)
				if err != nil {
					return value{}, err
				}
				v, err := b(r, f)
				if err != nil {
					return value{}, err
				}
				if err := r.meter.Step(1); err != nil {
					return value{}, err
				}
				return apply(r, u, v)
			}
		}
	}
	return nil
}

// quickOne returns a function of one argument, nil for one that is not among the
// commonest.
func quickOne(name string) func(r *run, v value) (value, error) {
	switch name {
	case "float", "len", "abs":
		return quickly(name)
	case "is_empty":
		return func(_ *run, v value) (value, error) { return pyvalue.Bool(IsEmpty(v)), nil }
	case "is_set":
		return func(_ *run, v value) (value, error) { return pyvalue.Bool(!IsEmpty(v)), nil }
	case "str":
		return func(r *run, v value) (value, error) {
			text, err := pyvalue.String(r.meter, v)
			return pyvalue.Str(text), err
		}
	}
	return nil
}

// quickTwo is quickOne for two arguments.
func quickTwo(name string) func(r *run, u, v value) (value, error) {
	switch name {
	case "default_to":
		return defaultTo
	case "round":
		return func(r *run, u, v value) (value, error) { return pyvalue.Round(r.meter, u, v) }
	case "min", "max":
		op := pyvalue.CmpLt
		if name == "max" {
			op = pyvalue.CmpGt
		}
		return func(r *run, u, v value) (value, error) {
			better, err := pyvalue.CompareWithin(r.meter, op, v, u)
			if better && err == nil {
				u = v
			}
			return u, err
		}
	}
	return nil
}

// quickly returns a builtin function of one argument that knows the commonest values.
func quickly(name string) func(r *run, v value) (value, error) {
	known := map[string]func(v value) (made value, ok bool, err error){"float": floatOf, "len": lenOf, "abs": absOf}[name]
	var whole func(*run, *pyvalue.Call) (value, error)
	switch o := builtins()[name].Object().(type) {
	case *class:
		whole = o.f
	case *builtin:
		whole = o.f
	}
	return func(r *run, v value) (value, error) {
		if made, ok, err := known(v); ok {
			return made, err
		}
		call := r.newCall(1)
		call.Args[0] = v
		made, err := whole(r, call)
		r.done(call)
		return made, err
	}
}

func floatOf(v value) (made value, ok bool, err error) {
	const long = 64 // which is counted where there is a meter
	if v.Kind() != pyvalue.KindStr || v.Derived() != nil || len(v.Text()) > long {
		return value{}, false, nil
	}
	made, err = pyvalue.ParseFloat(nil, v.Text())
	return made, true, err
}

func lenOf(v value) (made value, ok bool, err error) {
	if l := v.PlainList(); l != nil {
		return pyvalue.Int(int64(len(l.Items))), true, nil
	}
	if d := v.PlainDict(); d != nil {
		return pyvalue.Int(int64(d.Len())), true, nil
	}
	return value{}, false, nil
}

func absOf(v value) (made value, ok bool, err error) {
	if v.Kind() != pyvalue.KindFloat || v.Derived() != nil {
		return value{}, false, nil
	}
	f, ok := v.Float64()
	return pyvalue.Float(math.Abs(f)), ok, nil
}
