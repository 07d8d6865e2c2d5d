package pyvalue

import (
	"math"
	"math/big"

	"github.com/exportpipeline/exportpipeline/internal/python/bigfloat"
)

// Pow is x ** y to the last digit, as the C library has it; math.Pow differs in it
// now and then. It is for what math.Pow finds to be an ordinary number.
func Pow(x, y float64) float64 {
	rough := math.Pow(x, y)
	if rough == 0 || rough == 1 || math.IsInf(rough, 0) || math.IsNaN(rough) || x == 1 || y == 1 {
		return rough
	}
	const precision = 192
	b := func(f float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(f) }
	var r *big.Float
	if y == math.Trunc(y) && math.Abs(y) < 1<<53 {
		r = wholePower(b(x), uint64(math.Abs(y)))
		if y < 0 {
			r.Quo(b(1), r)
		}
	} else {
		r = bigfloat.Exp(new(big.Float).SetPrec(precision).Mul(bigfloat.Log(b(x)), b(y)))
	}
	f, _ := r.Float64()
	return f
}

func wholePower(x *big.Float, n uint64) *big.Float {
	r := new(big.Float).SetPrec(x.Prec()).SetInt64(1)
	for base := x; n > 0; n >>= 1 {
		if n&1 == 1 {
			r.Mul(r, base)
		}
		base = new(big.Float).SetPrec(x.Prec()).Mul(base, base)
	}
	return r
}
