package oracle

import (
	"runtime"
	"testing"
	"time"
)

// record is a test whose end is looked at.
type record struct {
	testing.TB
	failed, skipped bool
}

func (r *record) Helper() {}

func (r *record) Logf(string, ...any) {}

func (r *record) Fatalf(string, ...any) { r.failed = true; runtime.Goexit() }

func (r *record) Skipf(string, ...any) { r.skipped = true; runtime.Goexit() }

func ended(t *testing.T, do func(testing.TB)) *record {
	r, done := &record{TB: t}, make(chan bool)
	go func() {
		defer close(done)
		do(r)
	}()
	<-done
	return r
}

func TestAMissingModuleFailsInCIAloneAndSkipsElsewhere(t *testing.T) {
	for ci, fails := range map[string]bool{"true": true, "": false} {
		t.Setenv("CI", ci)
		if r := ended(t, func(t testing.TB) { Need(t, "no_such_module") }); r.failed != fails || r.skipped == fails {
			t.Errorf("CI=%q: failed %v, skipped %v", ci, r.failed, r.skipped)
		}
	}
}

func TestAScriptAnswersLineByLine(t *testing.T) {
	t.Parallel()
	echo := Need(t, "json").Start("-c", "import sys\nfor line in sys.stdin: print(line, end='', flush=True)")
	for _, question := range []string{"a\nb", "<ž>"} {
		var answer string
		if echo.Ask(question, &answer); answer != question {
			t.Errorf("got %q, want %q", answer, question)
		}
	}
	if r := ended(t, func(t testing.TB) { Need(t).Start("-c", "").Line("x") }); !r.failed {
		t.Error("a script that ends without an answer is taken as it is")
	}
}

func TestSeedAndTimeAreThoseOfTheEnvironment(t *testing.T) {
	const variable = "ORACLE_TEST"
	t.Setenv(variable, "2026")
	if seed := Seed(t, variable); seed != 2026 {
		t.Errorf("seed %d", seed)
	}
	if d := Duration(t, variable, 0); d != 2026*time.Second {
		t.Errorf("got %v", d)
	}
	t.Setenv(variable, "")
	if a, b := Seed(t, variable), Seed(t, variable); a == 0 || b == 0 {
		t.Error("got no seed")
	}
	if d := Duration(t, variable, time.Hour); d != time.Hour {
		t.Errorf("got %v", d)
	}
	t.Setenv(variable, "x")
	for _, do := range []func(testing.TB){func(t testing.TB) { Seed(t, variable) }, func(t testing.TB) { Duration(t, variable, 0) }} {
		if !ended(t, do).failed {
			t.Error("a value that is not a number counts as unset")
		}
	}
}
