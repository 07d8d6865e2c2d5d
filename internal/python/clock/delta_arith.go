package clock

import (
	"math"
	"math/big"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

var (
	million = big.NewInt(1_000_000)
	perDay  = big.NewInt(microsPerDay)
)

// total is the number of microseconds.
func (d *deltaValue) total() *big.Int {
	n := big.NewInt(d.days)
	return n.Add(n.Mul(n, perDay), big.NewInt(d.micros))
}

// deltaOfBig is a timedelta of so many microseconds.
func deltaOfBig(micros *big.Int) (value, error) {
	days, rest := floorDivMod(micros, perDay)
	if !days.IsInt64() || days.Int64() != int64(int32(days.Int64())) {
		return value{}, pyvalue.Raise("OverflowError", "Python int too large to convert to C int")
	}
	return within(days.Int64(), rest.Int64())
}

func floorDivMod(a, b *big.Int) (q, r *big.Int) {
	q, r = new(big.Int).QuoRem(a, b, new(big.Int))
	if r.Sign() != 0 && r.Sign() != b.Sign() {
		q.Sub(q, big.NewInt(1))
		r.Add(r, b)
	}
	return q, r
}

// nearest is a / b, rounded half to even.
func nearest(a, b *big.Int) *big.Int {
	q, r := floorDivMod(a, b)
	if c := r.Lsh(r.Abs(r), 1).CmpAbs(b); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return q
}

// ratio is a / b as a float.
func ratio(a, b *big.Int) (value, error) {
	const exact = 53 // bits of a float
	if a.BitLen() <= exact && b.BitLen() <= exact {
		return pyvalue.Float(float64(a.Int64()) / float64(b.Int64())), nil
	}
	f, _ := new(big.Rat).SetFrac(a, b).Float64()
	return pyvalue.Float(f), nil
}

// PyBinary computes with timedeltas and numbers, exactly, as CPython does.
func (d *deltaValue) PyBinary(op pyvalue.Op, other value, reflected bool) (value, bool, error) {
	if o, ok := other.Object().(*deltaValue); ok {
		if reflected {
			return value{}, false, nil
		}
		return d.withDelta(op, o)
	}
	if reflected && op != pyvalue.OpMul {
		return value{}, false, nil
	}
	switch other.Kind() {
	case pyvalue.KindInt, pyvalue.KindBool:
		return d.withInt(op, other)
	case pyvalue.KindFloat:
		return d.withFloat(op, other)
	}
	return value{}, false, nil
}

func (d *deltaValue) withDelta(op pyvalue.Op, o *deltaValue) (v value, ok bool, err error) {
	switch op {
	case pyvalue.OpAdd:
		v, err = within(d.days+o.days, d.micros+o.micros)
		return v, true, err
	case pyvalue.OpSub:
		v, err = within(d.days-o.days, d.micros-o.micros)
		return v, true, err
	case pyvalue.OpDiv, pyvalue.OpFloorDiv, pyvalue.OpMod:
	default:
		return value{}, false, nil
	}
	if !o.PyTruth() {
		return value{}, true, pyvalue.Raise("ZeroDivisionError", "%s", map[pyvalue.Op]string{
			pyvalue.OpDiv: "division by zero", pyvalue.OpFloorDiv: "integer division or modulo by zero", pyvalue.OpMod: "integer modulo by zero",
		}[op])
	}
	if op == pyvalue.OpDiv {
		v, err = ratio(d.total(), o.total())
		return v, true, err
	}
	q, r := floorDivMod(d.total(), o.total())
	if op == pyvalue.OpFloorDiv {
		return pyvalue.BigInt(q), true, nil
	}
	v, err = deltaOfBig(r)
	return v, true, err
}

func byZero() error { return pyvalue.Raise("ZeroDivisionError", "integer division or modulo by zero") }

func (d *deltaValue) withInt(op pyvalue.Op, other value) (v value, ok bool, err error) {
	n := other.BigInt()
	micros := d.total()
	switch {
	case op == pyvalue.OpMul:
		micros.Mul(micros, n)
	case op != pyvalue.OpDiv && op != pyvalue.OpFloorDiv:
		return value{}, false, nil
	case n.Sign() == 0:
		return value{}, true, byZero()
	case op == pyvalue.OpDiv:
		micros = nearest(micros, n)
	default:
		micros, _ = floorDivMod(micros, n)
	}
	v, err = deltaOfBig(micros)
	return v, true, err
}

func (d *deltaValue) withFloat(op pyvalue.Op, other value) (v value, ok bool, err error) {
	if op != pyvalue.OpMul && op != pyvalue.OpDiv {
		return value{}, false, nil
	}
	f, _ := other.Float64()
	switch {
	case math.IsNaN(f):
		return value{}, true, pyvalue.Raise("ValueError", "cannot convert NaN to integer ratio")
	case math.IsInf(f, 0):
		return value{}, true, pyvalue.Raise("OverflowError", "cannot convert Infinity to integer ratio")
	case f == 0 && op == pyvalue.OpDiv:
		return value{}, true, byZero()
	}
	exact := new(big.Rat).SetFloat64(f)
	up, down := exact.Num(), exact.Denom()
	if op == pyvalue.OpDiv {
		up, down = down, up
	}
	v, err = deltaOfBig(nearest(new(big.Int).Mul(d.total(), up), down))
	return v, true, err
}
