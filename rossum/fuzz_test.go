package rossum_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// FuzzParseDecimal compares with package big, which reads more: exponents, other bases.
func FuzzParseDecimal(f *testing.F) {
	for _, text := range []string{"1234.50", "-0", "+.5", "5.", ".", "", "1e3", "0x1p4", "1_000", "٣", "--1", "+-1", " 1", "00012", strings.Repeat("9", 1001)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := rossum.ParseDecimal(text)
		isPlain := strings.Trim(text, "0123456789.+-") == ""
		r, isNumber := new(big.Rat).SetString(text)
		if len(text) > 1000 {
			return
		}
		if (err == nil) != (isPlain && isNumber) {
			t.Fatalf("%q: %v, and %v for package big", text, err, r)
		}
		if err != nil {
			return
		}
		again, ok := new(big.Rat).SetString(string(d))
		if !ok || again.Cmp(r) != 0 || d.Scale() < 0 {
			t.Errorf("%q is %s", text, d)
		}
		if d2, err := rossum.ParseDecimal(string(d)); err != nil || d2 != d {
			t.Errorf("%q is %s, and then %s, %v", text, d, d2, err)
		}
	})
}
