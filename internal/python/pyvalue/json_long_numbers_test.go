package pyvalue

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestReadingLongNumbersEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	number := strings.Repeat("9", 4000)
	for _, spelling := range []bool{false, true} {
		m := NewMeter(ctx, Limits{})
		var err error
		for range 100 {
			r := &jsonReader{text: number, meter: m, spelling: spelling}
			if _, err = r.number(); err != nil {
				break
			}
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("with its spelling %t: %v", spelling, err)
		}
	}
}
