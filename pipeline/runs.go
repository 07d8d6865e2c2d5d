package pipeline

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// remembered is how long an answer is kept for a call that comes again. The
// platform repeats within 30 seconds; proxies and people take longer.
const remembered = 15 * time.Minute

// runs makes sure that a hook call which comes again does not run again.
type runs struct {
	mu    sync.Mutex
	byKey map[string]*oneRun
	swept time.Time
}

type oneRun struct {
	done     chan struct{}
	response *rossum.Response
	ended    time.Time
}

// runKey tells calls apart. The platform numbers its calls with a UUID, and
// sends the same body when it repeats one; the same number from another hook is
// another call, and a call without a number is always new.
func runKey(p *rossum.Payload) string {
	if p.RequestID == "" {
		return ""
	}
	return strconv.FormatInt(p.Annotation.ID, 10) + "/" + p.Event + "." + p.Action + "/" + p.RequestID + "/" + p.Hook
}

// once runs f for the first call with the key and gives its answer to all. The
// first call waits for f even when its caller has hung up, so that a server that
// shuts down gracefully waits as well; the others end with ctx, and its error.
func (r *runs) once(ctx context.Context, key string, f func() *rossum.Response) (*rossum.Response, error) {
	run, first := r.enter(key)
	if first {
		run.response = f()
		r.mu.Lock()
		run.ended = time.Now()
		r.mu.Unlock()
		close(run.done)
		return run.response, nil
	}
	select {
	case <-run.done:
		return run.response, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (r *runs) enter(key string) (run *oneRun, first bool) {
	run = &oneRun{done: make(chan struct{})}
	if key == "" {
		return run, true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byKey == nil {
		r.byKey = make(map[string]*oneRun)
	}
	r.sweep()
	if known := r.byKey[key]; known != nil {
		return known, false
	}
	r.byKey[key] = run
	return run, true
}

// sweep forgets old answers, from time to time.
func (r *runs) sweep() {
	if time.Since(r.swept) < remembered/10 {
		return
	}
	r.swept = time.Now()
	for key, old := range r.byKey {
		if !old.ended.IsZero() && time.Since(old.ended) > remembered {
			delete(r.byKey, key)
		}
	}
}
