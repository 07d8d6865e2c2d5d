package counter

import (
	"strings"
	"testing"
)

// FuzzNumber reads names as anybody could give them to files: a number is that of the one
// name that the counter would make for it.
func FuzzNumber(f *testing.F) {
	for _, name := range []string{Name(1), Name(1 << 40), Mark, Mark + "+5", Mark + "-5", Mark + "5", Mark + "0", Mark + "000000000000000007", Mark + "٣", "a"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		n, ok := Number(name)
		if ok != (n > 0 && Name(n) == name) {
			t.Errorf("%q is the number %d: %t", name, n, ok)
		}
		if digits, marked := strings.CutPrefix(name, Mark); !ok && marked && len(digits) == 12 && strings.Trim(digits, "0123456789") == "" && strings.Trim(digits, "0") != "" {
			t.Errorf("%q is not a number", name)
		}
	})
}
