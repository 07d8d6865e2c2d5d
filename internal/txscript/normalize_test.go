package txscript

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// What belongs together may stand on both sides of where a text is cut.
func TestATextIsNormalizedInPiecesAsItIsInOne(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	letters := []rune("aeoAz \u0301\u0323\u0308\u0327\u1100\u1161\u11a8\uac00\ufb01\ufdfaéňﬃ①が\u3099\u0345ά\u05b0")
	for range 400 {
		var text strings.Builder
		text.WriteString(strings.Repeat("x", 4096-random.IntN(40)))
		for range 60 {
			text.WriteRune(letters[random.IntN(len(letters))])
		}
		text.WriteString(strings.Repeat("é", random.IntN(5000)))
		for name, form := range normalForms {
			got, err := normalized(nil, form, text.String())
			if want := form.String(text.String()); err != nil || got.Text() != want {
				t.Fatalf("%s of %+q: %+q, want %+q, %v", name, text.String(), got.Text(), want, err)
			}
		}
	}
}

// It took seconds, and hundreds of megabytes, until it was found to be too large.
func TestWhatNormalizingMakesIsCountedAsItIsMade(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("\ufdfa", 500_000)
	limits := pyvalue.Limits{Steps: 1 << 40, ValueBytes: 16 << 20, TotalBytes: 1 << 30}
	m := pyvalue.NewMeter(context.Background(), limits)
	if _, err := normalized(m, normalForms["NFKD"], strings.Repeat(text, 2)); !errors.Is(err, pyvalue.ErrLimit) {
		t.Errorf("got %v, want the error of a limit", err)
	}
	if _, total := m.Used(); total > 17<<20 {
		t.Errorf("%d bytes were made before that", total)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	m = pyvalue.NewMeter(ctx, limits)
	if _, err := normalized(m, normalForms["NFKD"], text); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the error of the context", err)
	}
	if _, total := m.Used(); total > 1<<20 {
		t.Errorf("%d bytes were made after the context had ended", total)
	}
}
