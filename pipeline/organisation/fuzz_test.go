package organisation_test

import (
	"context"
	"maps"
	"slices"
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

// runs reports whether a hook is active and known, so that it has a step.
func runs(h *rossum.Hook) bool { return h.Active && h.Config.URL != "https://mystery.example" }

// waits adds to found the hooks with a step that a hook waits for, directly or through
// hooks without a step, and reports whether one that it names is not there.
func waits(hooks []*rossum.Hook, id int64, found, seen map[int64]bool) (isMissing bool) {
	for _, url := range hooks[id-1].RunAfter {
		next := rossum.IDOf(url)
		switch {
		case next > int64(len(hooks)):
			isMissing = true
		case runs(hooks[next-1]):
			found[next] = true
		case !seen[next]:
			seen[next] = true
			isMissing = waits(hooks, next, found, seen) || isMissing
		}
	}
	return isMissing
}

// after returns what each hook with a step waits for, and whether the hooks make a chain:
// there is one with a step, none is missing, and none waits for itself.
func after(hooks []*rossum.Hook) (all map[int64]map[int64]bool, isChain bool) {
	all = make(map[int64]map[int64]bool)
	isChain = true
	for _, h := range hooks {
		if runs(h) {
			all[h.ID] = make(map[int64]bool)
			isChain = !waits(hooks, h.ID, all[h.ID], map[int64]bool{}) && isChain
		}
	}
	for range hooks { // until nothing is new
		for _, before := range all {
			for id := range maps.Clone(before) {
				maps.Copy(before, all[id])
			}
		}
	}
	for id, before := range all {
		isChain = isChain && !before[id]
	}
	return all, isChain && len(all) > 0
}

// FuzzFromHooks compares the order in which hooks run with a model: each after all that it
// waits for. The step runs on its own, since an export costs ten times what its graph does.
func FuzzFromHooks(f *testing.F) {
	f.Add([]byte{0, 0, 0, 8, 0, 8, 0, 8})
	f.Add([]byte{0, 0, 1, 8, 6, 12, 0, 12, 0, 4, 0, 14})
	f.Add([]byte{0, 16})
	f.Add([]byte{0, 32})
	f.Add([]byte{1, 0, 6, 8})
	f.Add([]byte{0, 0, 0, 0, 0, 12, 0, 4, 0, 12})
	payload := invoice().Payload()
	f.Fuzz(func(t *testing.T, data []byte) {
		hooks := graphOf(data)
		var mu sync.Mutex
		var ended []int64
		r := &organisation.Registry{}
		r.Register(organisation.Kind{Name: "known", Make: func(h *rossum.Hook) (pipeline.Step, error) {
			return pipeline.StepFunc(func(context.Context, *pipeline.Export) error {
				mu.Lock()
				defer mu.Unlock()
				ended = append(ended, h.ID)
				return nil
			}), nil
		}})
		waitsFor, isChain := after(hooks)
		chain, err := organisation.FromHooks(hooks, r, organisation.Options{LeaveOutUnknown: true})
		if (err == nil) != isChain {
			t.Fatalf("got %v, the model says that this is a chain: %t", err, isChain)
		}
		if err != nil {
			return
		}
		x, err := pipeline.NewExport(payload)
		if err != nil {
			t.Fatal(err)
		}
		if err := chain.Run(t.Context(), x); err != nil {
			t.Fatal(err)
		}
		for i, id := range ended {
			for _, later := range ended[i+1:] {
				if waitsFor[id][later] {
					t.Errorf("%d ran before %d, which it waits for: %v", id, later, ended)
				}
			}
		}
		if len(ended) != len(waitsFor) {
			t.Errorf("%d of %d hooks ran: %v", len(ended), len(waitsFor), ended)
		}
	})
}
