package txscript

import (
	"errors"
	"math"
	"math/big"
	"strconv"

	"github.com/exportpipeline/exportpipeline/internal/python/decimal"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// decimals is the module decimal of a run, with its context.
type decimals struct {
	r       *run
	current *decimalContext
	class   *class
	module  value
}

// decimals returns the module of the run.
func (r *run) decimals() *decimals {
	if r.decimal == nil {
		r.decimal = newDecimals(r)
	}
	return r.decimal
}

// decimalValue is a Decimal.
type decimalValue struct {
	d  decimal.Decimal
	of *decimals
}

func (m *decimals) value(d decimal.Decimal, err error) (value, error) {
	if err != nil {
		return value{}, decimalError(err)
	}
	return pyvalue.FromObject(&decimalValue{d, m}), nil
}

func decimalError(err error) error {
	var e *decimal.Error
	if errors.As(err, &e) {
		return &pyvalue.Error{Type: e.Class, Msg: e.Error()}
	}
	return err
}

// charge counts work on numbers: their digits, and those of the context.
func (m *decimals) charge(numbers ...decimal.Decimal) error {
	bits := m.current.Prec * 4
	for _, d := range numbers {
		bits += d.Size() * 8
	}
	return m.r.meter.Words(bits)
}

// number converts what an operation can have besides a Decimal; ok is false for
// another value.
func (m *decimals) number(v value) (d decimal.Decimal, ok bool) {
	if o, ok := v.Object().(*decimalValue); ok {
		return o.d, true
	}
	if v.Kind() == pyvalue.KindInt || v.Kind() == pyvalue.KindBool {
		if m.countInt(v) != nil {
			return d, false
		}
		return decimal.Int(v.BigInt()), true
	}
	return d, false
}

// countInt counts what it takes to find the decimal digits of a large int.
func (m *decimals) countInt(v value) error {
	if _, small := v.Int64(); small || v.Kind() != pyvalue.KindInt {
		return nil
	}
	return m.r.meter.Words(int64(v.BigInt().BitLen()))
}

// operand is number, with the exception for another value.
func (m *decimals) operand(v value) (decimal.Decimal, error) {
	d, ok := m.number(v)
	if !ok {
		if err := m.countInt(v); err != nil {
			return d, err
		}
		return d, pyvalue.Raise("TypeError", "conversion from %s to Decimal is not supported", pyvalue.TypeName(v))
	}
	return d, nil
}

// make is Decimal(…).
func (m *decimals) make(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Check("Decimal", 0, "value", "context"); err != nil {
		return value{}, err
	}
	v, given := c.Arg(0, "value")
	if err := m.countInt(v); err != nil {
		return value{}, err
	}
	switch d, ok := m.number(v); {
	case !given:
		return m.value(decimal.Decimal{}, nil)
	case ok:
		return m.value(d, nil)
	}
	switch v.Kind() {
	case pyvalue.KindStr, pyvalue.KindMarkup:
		if err := r.meter.Words(int64(len(v.Text())) * 4); err != nil {
			return value{}, err
		}
		return m.value(decimal.Parse(v.Text()))
	case pyvalue.KindFloat:
		f, _ := v.Float64()
		return m.value(decimal.Float(f), nil)
	case pyvalue.KindTuple, pyvalue.KindList:
		return m.fromTuple(v)
	}
	return value{}, pyvalue.Raise("TypeError", "conversion from %s to Decimal is not supported", pyvalue.TypeName(v))
}

// fromTuple makes a number of its sign, digits and exponent.
func (m *decimals) fromTuple(v value) (value, error) {
	bad := pyvalue.Raise("ValueError", "argument must be a sequence of length 3")
	parts, _ := v.Items()
	if len(parts) != 3 {
		return value{}, bad
	}
	sign, isSign := parts[0].Int64()
	digits, isList := parts[1].Items()
	exp, isExp := parts[2].Int64()
	if !isSign || sign < 0 || sign > 1 {
		return value{}, pyvalue.Raise("ValueError", "sign must be an integer with the value 0 or 1")
	}
	if !isList || !isExp {
		return value{}, pyvalue.Raise("ValueError", "coefficient must be a tuple of digits")
	}
	var text []byte
	for _, digit := range digits {
		n, ok := digit.Int64()
		if !ok || n < 0 || n > 9 {
			return value{}, pyvalue.Raise("ValueError", "coefficient must be a tuple of digits")
		}
		text = append(text, byte('0'+n))
	}
	if err := m.r.meter.Words(int64(len(text)) * 4); err != nil {
		return value{}, err
	}
	coef, ok := new(big.Int).SetString("0"+string(text), 10)
	if !ok {
		return value{}, bad
	}
	return m.value(decimal.Decimal{Neg: sign == 1, Coef: coef, Exp: exp}, nil)
}

// PyType implements [pyvalue.Object].
func (*decimalValue) PyType() string { return "decimal.Decimal" }

// PyStr is str().
func (o *decimalValue) PyStr() string { return o.d.String() }

// PyRepr is repr().
func (o *decimalValue) PyRepr() string { return "Decimal('" + o.d.String() + "')" }

// PyTruth is false for zero.
func (o *decimalValue) PyTruth() bool { return !o.d.IsZero() }

// PyEqual compares with numbers of every kind, exactly.
func (o *decimalValue) PyEqual(other value) bool {
	c, ok := o.PyCompare(other)
	return ok && c == 0
}

// PyCompare orders numbers; NaN has no order.
func (o *decimalValue) PyCompare(other value) (int, bool) {
	d, ok := o.of.number(other)
	if f, isFloat := other.Float64(); !ok && isFloat && other.Kind() == pyvalue.KindFloat {
		d, ok = decimal.Float(f), true
	}
	if !ok || d.Form == decimal.NaN || o.d.Form == decimal.NaN {
		return 0, false
	}
	o.of.r.deferred(o.of.charge(o.d, d))
	return o.d.Cmp(d), true
}

// PyCompareError is raised for NaN.
func (o *decimalValue) PyCompareError(other value) error {
	if d, ok := o.of.number(other); ok && (d.Form == decimal.NaN || o.d.Form == decimal.NaN) {
		return &pyvalue.Error{Type: "InvalidOperation", Msg: "[<class 'decimal.InvalidOperation'>]"}
	}
	return nil
}

// PyNumber returns an int or float that is equal.
func (o *decimalValue) PyNumber() (value, bool) {
	if o.d.Form == decimal.Finite && o.d.Exp <= 400 && o.d.Cmp(o.d.Integral(decimal.Down)) == 0 {
		return pyvalue.BigInt(o.d.BigInt()), true
	}
	f, err := strconv.ParseFloat(o.d.String(), 64)
	return pyvalue.Float(f), err == nil && decimal.Float(f).Cmp(o.d) == 0
}

// PyHash makes it a key.
func (o *decimalValue) PyHash() (string, error) {
	return "decimal " + o.d.Key(), nil
}

// PyReal is float().
func (o *decimalValue) PyReal() (float64, error) {
	f, err := strconv.ParseFloat(o.d.String(), 64)
	if err != nil && !math.IsInf(f, 0) {
		return f, pyvalue.Raise("ValueError", "cannot convert %s to float", o.d)
	}
	return f, nil
}

// PyInt is int().
func (o *decimalValue) PyInt() (value, error) {
	switch o.d.Form {
	case decimal.Infinite:
		return value{}, pyvalue.Raise("OverflowError", "cannot convert Infinity to integer")
	case decimal.NaN:
		return value{}, pyvalue.Raise("ValueError", "cannot convert NaN to integer")
	}
	if err := o.of.r.meter.Words(max(0, o.d.Exp)*4 + o.d.Size()*8); err != nil {
		return value{}, err
	}
	return pyvalue.BigInt(o.d.BigInt()), nil
}

// PyRound is round(): without digits to an int, half to even.
func (o *decimalValue) PyRound(digits value) (value, error) {
	if digits.IsNone() {
		whole := &decimalValue{o.d.Integral(decimal.HalfEven), o.of}
		return whole.PyInt()
	}
	n, ok := digits.Int64()
	if !ok {
		return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(digits))
	}
	return o.of.value(o.of.current.Quantize(o.d, decimal.Decimal{Exp: -n}, o.of.current.Rounding))
}

// PyFormat is format().
func (o *decimalValue) PyFormat(_ *pyvalue.Meter, spec string) (string, error) {
	size := min(max(o.d.Exp, -o.d.Exp), math.MaxInt32) + o.d.Size() + decimal.FormatSize(spec)
	if err := o.of.r.meter.Words(size * 4); err != nil {
		return "", err
	}
	text, err := o.of.current.Format(o.d, spec)
	if err != nil {
		return "", pyvalue.Raise("ValueError", "%v", err)
	}
	return text, o.of.r.meter.Grow(int64(len(text)))
}

// PySigned is - and +.
func (o *decimalValue) PySigned(negative bool) (value, error) {
	if negative {
		return o.of.value(o.of.current.Neg(o.d))
	}
	return o.of.value(o.of.current.Pos(o.d))
}

// PyAbs is abs().
func (o *decimalValue) PyAbs() (value, error) { return o.PySigned(o.d.Neg) }

// PyBinary computes with ints and other Decimals.
func (o *decimalValue) PyBinary(op pyvalue.Op, other value, reflected bool) (value, bool, error) {
	x := o.d
	y, ok := o.of.number(other)
	if !ok {
		err := o.of.countInt(other)
		return value{}, err != nil, err
	}
	if reflected {
		x, y = y, x
	}
	if err := o.of.charge(x, y); err != nil {
		return value{}, true, err
	}
	c := o.of.current.Context
	var d decimal.Decimal
	var err error
	switch op {
	case pyvalue.OpAdd:
		d, err = c.Add(x, y)
	case pyvalue.OpSub:
		d, err = c.Sub(x, y)
	case pyvalue.OpMul:
		d, err = c.Mul(x, y)
	case pyvalue.OpDiv:
		d, err = c.Quo(x, y)
	case pyvalue.OpFloorDiv:
		d, _, err = c.QuoRem(x, y)
	case pyvalue.OpMod:
		_, d, err = c.QuoRem(x, y)
		var e *decimal.Error
		if errors.As(err, &e) && e.Class == "DivisionByZero" || err == nil && x.Form == decimal.Infinite && y.Form != decimal.NaN {
			err = &decimal.Error{Class: "InvalidOperation", Signal: "InvalidOperation"}
		}
	case pyvalue.OpPow:
		d, err = o.of.power(x, y)
	default:
		return value{}, false, nil
	}
	v, err := o.of.value(d, err)
	return v, true, err
}

// elementary is a function of the context whose work grows with its precision.
func (m *decimals) elementary(d decimal.Decimal, f func(decimal.Decimal) (decimal.Decimal, error)) (decimal.Decimal, error) {
	if err := m.chargeSeries(d); err != nil {
		return d, err
	}
	return f(d)
}

// chargeSeries counts the work of a series to the digits of the context, and of numbers.
func (m *decimals) chargeSeries(numbers ...decimal.Decimal) error {
	bits := 64 * m.current.Prec
	for _, d := range numbers {
		bits += d.Size() * 16
	}
	if err := m.r.meter.Step(64); err != nil {
		return err
	}
	return m.r.meter.Words(bits)
}

func (m *decimals) power(x, y decimal.Decimal) (decimal.Decimal, error) {
	if err := m.chargeSeries(x, y); err != nil {
		return x, err
	}
	return m.current.Power(x, y)
}
