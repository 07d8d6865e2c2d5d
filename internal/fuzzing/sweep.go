package fuzzing

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/oracle"
	"github.com/exportpipeline/exportpipeline/internal/raced"
)

// Sweep tries pieces of programs that are put together at random: what a language can do, with
// values that it is rarely done with. It is for one goroutine.
type Sweep struct {
	t         testing.TB
	random    *rand.Rand
	tried, ok int
}

// Sweeps says how many rounds a sweep has, and from which seed: few from a fixed one, fewer
// under the race detector, since there is nothing to race; with EXPORTPIPELINE_SOAK set so many
// more, from SWEEP_SEED or a new one.
func Sweeps(t testing.TB, rounds, soak int) (n int, seed uint64) {
	t.Helper()
	switch {
	case os.Getenv("EXPORTPIPELINE_SOAK") != "":
		return soak, oracle.Seed(t, "SWEEP_SEED")
	case raced.Enabled():
		return max(1, rounds/4), 18
	}
	return rounds, 18
}

// NewSweep returns one of several sweeps with a seed. When the test ends it fails if fewer than
// a tenth of the texts ran without an error: then they are wrong, and nothing was tried.
func NewSweep(t testing.TB, seed, number uint64) *Sweep {
	s := &Sweep{t: t, random: rand.New(rand.NewPCG(seed, number))}
	t.Cleanup(func() {
		t.Logf("%d of %d texts ran without an error", s.ok, s.tried)
		if s.ok*10 < s.tried || s.tried == 0 {
			t.Error("fewer than a tenth of the texts ran without an error")
		}
	})
	return s
}

// IntN returns a number of at least 0 and less than n.
func (s *Sweep) IntN(n int) int { return s.random.IntN(n) }

// Pick returns one of the texts.
func (s *Sweep) Pick(texts []string) string { return texts[s.random.IntN(len(texts))] }

// hole is where a text is put in: a capital letter that stands alone.
var hole = regexp.MustCompile(`\b[A-Z]\b`)

// Fill replaces each capital letter that stands alone by one of its texts; those of A, B and C,
// which are values, are put in parentheses.
func (s *Sweep) Fill(text string, of map[string][]string) string {
	return hole.ReplaceAllStringFunc(text, func(letter string) string {
		switch texts := of[letter]; {
		case len(texts) == 0:
			return letter
		case strings.Contains("ABC", letter):
			return "(" + s.Pick(texts) + ")"
		default:
			return s.Pick(texts)
		}
	})
}

// Try runs a text, which must end by itself: with an error or not, but neither with a panic
// nor when its time is over.
func (s *Sweep) Try(text string, run func(ctx context.Context, text string) error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			s.t.Errorf("%s\npanic: %v\n%s", text, v, debug.Stack())
		}
	}()
	s.tried++
	switch err := run(ctx, text); {
	case err == nil:
		s.ok++
	case errors.Is(err, context.DeadlineExceeded):
		s.t.Errorf("%s\nonly its deadline ended it: %v", text, err)
	}
}
