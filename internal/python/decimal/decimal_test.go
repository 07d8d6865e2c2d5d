package decimal_test

import (
	"errors"
	"math/big"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/decimal"
)

// What CPython computes is in the golden formulas of package txscript.

func TestTextsThatAreNoNumbersAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "-", ".", "e5", "1e", "1e+-5", "1..2", "1,5", "0x1", "--1", "1 2", "infin", "1e99999999999999999999"} {
		if d, err := decimal.Parse(text); err == nil {
			t.Errorf("%q is read as %v", text, d)
		}
	}
}

func TestExponentsBeyondTheContextOverflow(t *testing.T) {
	t.Parallel()
	large := decimal.Decimal{Coef: big.NewInt(9), Exp: 999999}
	_, err := decimal.Default.Mul(large, large)
	var e *decimal.Error
	if !errors.As(err, &e) || e.Class != "Overflow" {
		t.Errorf("got %v, want Overflow", err)
	}
}

func FuzzNumbersSurviveTheirText(f *testing.F) {
	for _, text := range []string{"0", "-0.00", "1E+5", "12.345", "1e-7", "Infinity", "-9.99E-30", "٣.٥", "1_000"} {
		f.Add(text, "2.50", ".2f")
	}
	f.Fuzz(func(t *testing.T, a, b, spec string) {
		x, err := decimal.Parse(a)
		if err != nil || x.Form == decimal.NaN {
			return
		}
		again, err := decimal.Parse(x.String())
		if err != nil || again.String() != x.String() || again.Cmp(x) != 0 {
			t.Fatalf("%q is %v, and then %v, %v", a, x, again, err)
		}
		y, err := decimal.Parse(b)
		if err != nil || y.Form == decimal.NaN || max(x.Exp, -x.Exp, y.Exp, -y.Exp) > 10_000 {
			return
		}
		c := decimal.Default
		sum, err := c.Add(x, y)
		if err == nil && sum.Form == decimal.Finite && sum.Digits() > c.Prec {
			t.Fatalf("%v + %v = %v, which is longer than the context allows", x, y, sum)
		}
		if back, err := c.Add(y, x); err == nil && back.String() != sum.String() {
			t.Fatalf("%v + %v differs from %v + %v", x, y, y, x)
		}
		_, _ = c.Quo(x, y)
		_, _, _ = c.QuoRem(x, y)
		_, _ = c.Sqrt(x)
		_, _ = c.Normalize(x)
		if len(spec) < 12 {
			_, _ = c.Format(x, spec)
		}
	})
}
