package txscript_test

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"testing"
)

// powerCase is how the generator writes a power.
var powerCase = regexp.MustCompile(`^\((-?[0-9.e+-]+)\) \*\* ([0-9.-]+)$`)

// isNearestPower reports that code is a power of which got is the float nearest to the
// exact value, and want one of the two beside it: CPython has what the C library of the
// machine makes of it, which is not always the nearest. Nothing else may differ.
func isNearestPower(code, got, want string) bool {
	m := powerCase.FindStringSubmatch(code)
	if m == nil {
		return false
	}
	var f [4]float64
	for i, text := range []string{m[1], m[2], got, want} {
		var err error
		if f[i], err = strconv.ParseFloat(text, 64); err != nil {
			return false
		}
	}
	beside := math.Nextafter(f[2], math.Inf(1)) == f[3] || math.Nextafter(f[2], math.Inf(-1)) == f[3]
	return beside && f[2] == nearestPower(f[0], f[1])
}

// nearestPower computes a power whose exponent is 0.5 or a small whole number: exactly,
// but for roots and quotients, which are cut after 4,000 bits.
func nearestPower(x, y float64) float64 {
	number := func(f float64) *big.Float { return new(big.Float).SetPrec(4000).SetFloat64(f) }
	if y == 0.5 {
		f, _ := new(big.Float).SetPrec(4000).Sqrt(number(x)).Float64()
		return f
	}
	r := number(1)
	for range int(math.Abs(y)) {
		r.Mul(r, number(x))
	}
	if y < 0 {
		r.Quo(number(1), r)
	}
	f, _ := r.Float64()
	return f
}

func TestOnlyTheNearestFloatIsTakenForAnotherPower(t *testing.T) {
	t.Parallel()
	near, beside, far := nearestPower(1.1, 10), math.Nextafter(nearestPower(1.1, 10), 3), math.Nextafter(math.Nextafter(nearestPower(1.1, 10), 3), 3)
	text := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	for _, c := range []struct {
		code, got, want string
		ok              bool
	}{
		{"(1.1) ** 10", text(near), text(beside), true},
		{"(1.1) ** 10", text(beside), text(near), false},
		{"(1.1) ** 10", text(near), text(far), false},
		{"(1.1) ** 9", text(near), text(beside), false},
		{"(1.1) * 10", text(near), text(beside), false},
		{"(1.1) ** 10", text(near), "ZeroDivisionError", false},
		{"(-2.5) ** -1", "-0.4", "-0.39999999999999997", true},
		{"(2.0) ** 0.5", "1.4142135623730951", "1.414213562373095", true},
	} {
		if got := isNearestPower(c.code, c.got, c.want); got != c.ok {
			t.Errorf("%s: %s beside %s: %v", c.code, c.got, c.want, got)
		}
	}
}
