package outage_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/outage"
)

func TestTheWordsOfAStoreAreInTheLogOnly(t *testing.T) {
	t.Parallel()
	words := errors.New("no connection to db1 as exports")
	err := fmt.Errorf("it cannot be recorded: %w", errors.Join(outage.Of(words), outage.Of(words)))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if text := fmt.Sprintf(verb, outage.Of(words)); strings.Contains(text, "db1") || strings.Contains(text, fmt.Sprintf("%x", "db1")) {
			t.Errorf("%s: %s", verb, text)
		}
	}
	if !errors.Is(err, words) || outage.Of(nil) != nil {
		t.Errorf("%v does not wrap its cause", err)
	}
	full := "see the log of the export service (no connection to db1 as exports)"
	if text := outage.Text(err); !strings.HasSuffix(text, full) || strings.Count(text, "db1") != 1 {
		t.Error(text)
	}
	for what, log := range map[string]func(*slog.Logger){
		"an attribute": func(l *slog.Logger) { l.Error("x", "error", err) },
		"a group":      func(l *slog.Logger) { l.Error("x", slog.Group("g", slog.Group("h", "error", err))) },
		"a logger":     func(l *slog.Logger) { l.With("error", err).WithGroup("g").Error("x", "n", 1) },
	} {
		var b bytes.Buffer
		if log(slog.New(outage.Handler(slog.NewTextHandler(&b, nil)))); !strings.Contains(b.String(), full) {
			t.Errorf("%s: %s", what, b.String())
		}
	}
	if disk := outage.Of(&fs.PathError{Op: "open", Path: "/srv/exports", Err: syscall.ENOSPC}); disk.Error() != syscall.ENOSPC.Error() {
		t.Error(disk)
	}
	if other := errors.New("x"); outage.Text(other) != "x" {
		t.Error(outage.Text(other))
	}
}
