package txscript

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/decimal"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// decimalContext is what getcontext returns.
type decimalContext struct {
	decimal.Context
	of *decimals
}

// maxPrecision bounds the precision of a context.
const maxPrecision = 1_000_000

// decimalErrors are the exceptions of the module, and what each derives from.
var decimalErrors = map[string]string{
	"DecimalException": "ArithmeticError", "InvalidOperation": "DecimalException", "DivisionByZero": "DecimalException", "Inexact": "DecimalException",
	"Rounded": "DecimalException", "Clamped": "DecimalException", "Subnormal": "DecimalException", "Overflow": "Inexact", "Underflow": "Inexact",
	"FloatOperation": "DecimalException",
}

func newDecimals(r *run) *decimals {
	m := &decimals{r: r}
	m.reset()
	m.class = &class{builtin: builtin{"decimal.Decimal", m.make}, has: func(v value) bool { _, ok := v.Object().(*decimalValue); return ok }}
	m.class.attrs = map[string]value{"from_float": pyvalue.FromObject(&builtin{"from_float", m.make})}
	all := map[string]value{"Decimal": pyvalue.FromObject(m.class)}
	for _, mode := range decimal.Roundings {
		all[string(mode)] = pyvalue.Str(string(mode))
	}
	for name := range decimalErrors {
		all[name] = pyvalue.FromObject(excClasses[name])
	}
	m.module = newModule("decimal", map[string]func(*run, *pyvalue.Call) (value, error){
		"getcontext": func(_ *run, c *pyvalue.Call) (value, error) {
			return pyvalue.FromObject(m.current), c.Exactly("getcontext", 0)
		},
		"setcontext": func(_ *run, c *pyvalue.Call) (value, error) {
			k, ok := first(c.Args).Object().(*decimalContext)
			if !ok {
				return value{}, pyvalue.Raise("TypeError", "optional argument must be a context")
			}
			m.current = k
			return value{}, nil
		},
		"Context":      m.newContext(decimal.Default),
		"localcontext": m.local,
	}, all)
	return m
}

// reset gives the module the default context.
func (m *decimals) reset() { m.current = &decimalContext{decimal.Default, m} }

func (m *decimals) newContext(from decimal.Context) func(*run, *pyvalue.Call) (value, error) {
	return func(_ *run, c *pyvalue.Call) (value, error) {
		k := &decimalContext{from, m}
		for i, v := range c.Args {
			if i > 1 {
				return value{}, pyvalue.Raise("TypeError", "a context has only prec and rounding in formulas")
			}
			if err := k.PySetAttr([]string{"prec", "rounding"}[i], v); err != nil {
				return value{}, err
			}
		}
		for i, name := range c.Names {
			if err := k.PySetAttr(name, c.Named[i]); err != nil {
				return value{}, err
			}
		}
		return pyvalue.FromObject(k), nil
	}
}

// localContext is what localcontext returns, for a with.
type localContext struct{ own, before *decimalContext }

func (m *decimals) local(r *run, c *pyvalue.Call) (value, error) {
	from := m.current.Context
	if len(c.Args) > 0 && !c.Args[0].IsNone() {
		k, ok := c.Args[0].Object().(*decimalContext)
		if !ok {
			return value{}, pyvalue.Raise("TypeError", "optional argument must be a context")
		}
		from = k.Context
	}
	own, err := m.newContext(from)(r, &pyvalue.Call{Names: c.Names, Named: c.Named, Meter: c.Meter})
	if err != nil {
		return value{}, err
	}
	return pyvalue.FromObject(&localContext{own: own.Object().(*decimalContext)}), nil
}

// PyType implements [pyvalue.Object].
func (*localContext) PyType() string { return "decimal.ContextManager" }

// managed returns what a with calls at its beginning and end.
func (l *localContext) managed() (enter, exit value) {
	m := l.own.of
	return pyvalue.FromObject(&builtin{"__enter__", func(*run, *pyvalue.Call) (value, error) {
			l.before, m.current = m.current, l.own
			return pyvalue.FromObject(l.own), nil
		}}), pyvalue.FromObject(&builtin{"__exit__", func(*run, *pyvalue.Call) (value, error) {
			m.current = l.before
			return pyvalue.Bool(false), nil
		}})
}

// PyType implements [pyvalue.Object].
func (*decimalContext) PyType() string { return "decimal.Context" }

// PyAttr returns prec and rounding, and what makes numbers and contexts.
func (k *decimalContext) PyAttr(name string) (value, bool) {
	switch name {
	case "prec":
		return pyvalue.Int(k.Prec), true
	case "rounding":
		return pyvalue.Str(string(k.Rounding)), true
	case "copy":
		return pyvalue.FromObject(&builtin{name, k.of.newContext(k.Context)}), true
	case "create_decimal":
		return pyvalue.FromObject(&builtin{name, func(r *run, c *pyvalue.Call) (value, error) {
			v, err := k.of.make(r, c)
			if err != nil {
				return value{}, err
			}
			return k.of.value(k.Round(v.Object().(*decimalValue).d))
		}}), true
	}
	return k.operation(name)
}

// PySetAttr sets prec and rounding.
func (k *decimalContext) PySetAttr(name string, v value) error {
	switch name {
	case "prec":
		n, ok := v.Int64()
		if !ok {
			return pyvalue.Raise("TypeError", "an integer is required")
		}
		if n < 1 || n > maxPrecision {
			return pyvalue.Raise("ValueError", "valid range for prec is [1, %d]", maxPrecision)
		}
		k.Prec = n
		return nil
	case "rounding":
		mode, err := roundingOf(v)
		if err == nil {
			k.Rounding = mode
		}
		return err
	}
	return pyvalue.Raise("AttributeError", "'decimal.Context' object has no attribute '%s' in formulas", name)
}

func roundingOf(v value) (decimal.Rounding, error) {
	mode := decimal.Rounding(v.Text())
	if !v.IsText() || !slices.Contains(decimal.Roundings, mode) {
		return "", pyvalue.Raise("TypeError", "valid values for rounding are:\n  [ROUND_CEILING, ROUND_FLOOR, ROUND_UP, ROUND_DOWN,\n"+
			"   ROUND_HALF_UP, ROUND_HALF_DOWN, ROUND_HALF_EVEN,\n   ROUND_05UP]")
	}
	return mode, nil
}

// PyAttr returns the methods of a number.
func (o *decimalValue) PyAttr(name string) (value, bool) {
	switch name {
	case "real":
		return pyvalue.FromObject(o), true
	case "imag":
		v, _ := o.of.value(decimal.Decimal{}, nil)
		return v, true
	}
	f, ok := decimalMethods()[name]
	if !ok {
		return value{}, false
	}
	return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) {
		return o.call(name, f, c)
	}}), true
}

// decimalImport returns what an import from the module binds: what belongs to the
// run's own context.
func decimalImport(s *importStmt) func(r *run) value {
	if s.attr == "" {
		return func(r *run) value { return r.decimals().module }
	}
	if _, ok := newDecimals(nil).module.Object().(*module).attrs[s.attr]; !ok {
		unsupported(s.at(), s.attr+" of the module decimal")
	}
	return func(r *run) value { return r.decimals().module.Object().(*module).attrs[s.attr] }
}
