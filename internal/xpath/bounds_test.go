package xpath

import (
	"errors"
	"strings"
	"testing"
)

var errOut = errors.New("out of steps")

type countdown struct{ left int64 }

func (c *countdown) Step(n int64) error {
	if c.left -= n; c.left < 0 {
		return errOut
	}
	return nil
}

func TestAnEvaluationThatTakesTooLongEndsWithTheMetersError(t *testing.T) {
	t.Parallel()
	document := "<r>" + strings.Repeat("<a><b>1</b></a>", 5000) + "</r>"
	for _, path := range []string{
		"//*[preceding::b = .]", "//*[following::b != .]", "count(//*/preceding::*)", "//a[//b = //a]", "//b[. < //b]", "//*[string(/) = string(/)]",
		"//a[count(//b[count(//a) > 1]) > 1]", "//*[translate(/, 'a', 'b') = 'x']", "//*[contains(/, /)]",
	} {
		if _, err := evaluate(t, document, path, &countdown{1_000_000}); !errors.Is(err, errOut) {
			t.Errorf("%s: got %v, want the meter's error", path, err)
		}
	}
}

func TestDeepExpressionsAreRefused(t *testing.T) {
	t.Parallel()
	var e *Error
	for _, path := range []string{strings.Repeat("(", 100_000), strings.Repeat("a[", 100_000), strings.Repeat("not(", 100_000)} {
		if _, err := Compile(path); !errors.As(err, &e) {
			t.Errorf("%.10s…: got %v, want an Error", path, err)
		}
	}
}
