package bigfloat

import (
	"math"
	"math/big"
	"testing"
)

func of(f float64) *big.Float { return new(big.Float).SetPrec(192).SetFloat64(f) }

func near(t *testing.T, what string, x float64, got, want *big.Float) {
	t.Helper()
	diff := new(big.Float).Sub(got, want)
	if diff.Sign() != 0 && diff.MantExp(nil) > want.MantExp(nil)-150 {
		t.Errorf("%s of %v: got %v, want %v", what, x, got, want)
	}
}

func TestFunctionsAreRightFarBeyondAFloat(t *testing.T) {
	t.Parallel()
	pi, _ := new(big.Float).SetPrec(192).SetString("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")
	near(t, "pi", 0, Pi(192), pi)
	for _, x := range []float64{1e-8, 0.1, 0.5, 1, math.Pi, 2.5, 10, 12345.678, 1e15} {
		sin, cos := SinCos(of(x))
		one := new(big.Float).Add(new(big.Float).Mul(sin, sin), new(big.Float).Mul(cos, cos))
		near(t, "sin² + cos²", x, one, of(1))
		if f, _ := sin.Float64(); math.Abs(f-math.Sin(x)) > 1e-9 {
			t.Errorf("sin of %v: got %v", x, f)
		}
		near(t, "exp of log", x, Exp(Log(of(x))), of(x))
		s, c := SinCos(Atan(of(x)))
		near(t, "tan of atan", x, new(big.Float).Quo(s, c), of(x))
	}
}
