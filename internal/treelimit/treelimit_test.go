package treelimit

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestTheLimitIsThatOfTheContextInItsOwnUnit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		set, cost int64
		want      string // "" for a tree that fits
	}{
		{0, Default, ""}, {0, Default + 1, "more than 256 MB of memory"}, {-1, Default + 1, "more than 256 MB of memory"},
		{1 << 20, 1<<20 + 1, "more than 1 MB of memory"}, {1000, 1000, ""}, {1000, 1001, "more than 1000 bytes of memory"},
	} {
		err := Check(With(context.Background(), tt.set), tt.cost)
		if tt.want == "" && err != nil || tt.want != "" && (!errors.As(err, new(*Error)) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%d bytes with a limit of %d: %v, want %q", tt.cost, tt.set, err, tt.want)
		}
	}
}
