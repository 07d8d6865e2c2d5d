package organisation_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// graphOf makes hooks of bytes: two bytes for each hook say whether it is active and
// known, and which hooks it waits for.
func graphOf(data []byte) (hooks []*rossum.Hook) {
	for i := 0; i+1 < len(data) && len(hooks) < 12; i += 2 {
		id := int64(len(hooks) + 1)
		var after []int64
		for bit := range int64(8) {
			if data[i+1]&(1<<bit) != 0 {
				after = append(after, id-4+bit) // before it, itself, and behind it
			}
		}
		after = slices.DeleteFunc(after, func(id int64) bool { return id < 1 })
		h := hook(id, "known", after...)
		h.Active = data[i]&1 == 0
		if data[i]&6 == 6 {
			h.Config.URL = "https://mystery.example"
		}
		hooks = append(hooks, h)
	}
	return hooks
}

// waits reports whether a hook comes after another, directly or through others.
func waits(hooks []*rossum.Hook, id, before int64, seen map[int64]bool) bool {
	for _, url := range hooks[id-1].RunAfter {
		next := rossum.IDOf(url)
		if next == before {
			return true
		}
		if next <= int64(len(hooks)) && !seen[next] {
			seen[next] = true
			if waits(hooks, next, before, seen) {
				return true
			}
		}
	}
	return false
}

func FuzzFromHooks(f *testing.F) {
	f.Add([]byte{0, 0, 0, 8, 0, 8, 0, 8})
	f.Add([]byte{0, 0, 1, 8, 6, 12, 0, 12, 0, 4, 0, 14})
	f.Add([]byte{0, 16})
	f.Add([]byte{0, 0, 0, 0, 0, 12, 0, 4, 0, 12})
	f.Fuzz(func(t *testing.T, data []byte) {
		hooks := graphOf(data)
		var mu sync.Mutex
		var ended []string
		r := &organisation.Registry{}
		r.Register(organisation.Kind{Name: "known", Make: func(h *rossum.Hook) (pipeline.Step, error) {
			return pipeline.StepFunc(func(context.Context, *pipeline.Export) error {
				mu.Lock()
				defer mu.Unlock()
				ended = append(ended, h.Name)
				return nil
			}), nil
		}})
		chain, err := organisation.FromHooks(hooks, r, organisation.Options{LeaveOutUnknown: true})
		if err != nil {
			return // a circle, a hook that is not there, or nothing to run
		}
		if _, err := chain.Export(t.Context(), invoice().Payload(), pipeline.WithLogger(slog.New(slog.DiscardHandler))); err != nil {
			t.Fatal(err)
		}
		for i, name := range ended {
			id := int64(slices.IndexFunc(hooks, func(h *rossum.Hook) bool { return h.Name == name })) + 1
			for _, later := range ended[i+1:] {
				other := int64(slices.IndexFunc(hooks, func(h *rossum.Hook) bool { return h.Name == later })) + 1
				if waits(hooks, id, other, map[int64]bool{}) {
					t.Errorf("%s ran before %s, which it waits for: %s", name, later, strings.Join(ended, " "))
				}
			}
		}
		want := 0
		for _, h := range hooks {
			if h.Active && !strings.Contains(h.Config.URL, "mystery") {
				want++
			}
		}
		if len(ended) != want {
			t.Errorf("%d of %d hooks ran: %s", len(ended), want, fmt.Sprint(ended))
		}
	})
}
