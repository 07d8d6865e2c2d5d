package hookserver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// ways are how the platform comes to repeat a call.
var ways = []string{"while the first runs", "after it timed out", "after a restart", "to two processes at once"}

// TestThePlatformsRepeatsToRealProcessesMakeOneInvoice plays five calls of one export to
// two processes on one folder.
func TestThePlatformsRepeatsToRealProcessesMakeOneInvoice(t *testing.T) {
	t.Parallel()
	for _, numbering := range []string{"the same request_id", "new request_ids"} {
		for _, way := range ways {
			for _, mode := range modes {
				t.Run(strings.Join([]string{numbering, way, mode}, ", "), func(t *testing.T) {
					w := newWorld(t, crash{kind: "REST", mode: mode, settler: "none"})
					w.repeats(way, numbering == "new request_ids")
				})
			}
		}
	}
}

// repeats plays the calls; nothing depends on how fast they are.
func (w *world) repeats(way string, anew bool) {
	victim, first := w.start(w.plan())
	_, second := w.start(w.plan())
	addresses := []string{first, second}
	id := func(n int) string {
		if anew {
			return fmt.Sprint("request ", n)
		}
		return "request"
	}
	var calls sync.WaitGroup
	call := func(n int) {
		answer, lived := w.ask(w.t.Context(), addresses[n%2], id(n))
		operations, _ := json.Marshal(answer.Operations)
		if !lived || answer.Failed() || !strings.Contains(string(operations), "ERP/create") {
			w.t.Errorf("call %d is answered %s %s, the process lived: %v", n, messages(answer), operations, lived)
		}
	}
	switch way {
	case "while the first runs":
		w.hold()
		calls.Go(func() { call(0) })
		<-w.arrived
	case "after it timed out":
		w.hold()
		ctx, hangUp := context.WithCancel(w.t.Context())
		calls.Go(func() { w.ask(ctx, first, id(0)) })
		<-w.arrived
		hangUp()
	case "after a restart":
		call(0)
		_ = victim.Process.Kill()
		_, _ = victim.Process.Wait()
		_, addresses[0] = w.start(w.plan())
	default:
		calls.Go(func() { call(0) })
	}
	for n := 1; n < 5; n++ {
		calls.Go(func() { call(n) })
	}
	if w.held != nil {
		time.Sleep(200 * time.Millisecond) // most have come meanwhile
		close(w.held)
	}
	calls.Wait()
	for _, path := range []string{"/create", "/submit", "/notify"} {
		if n := w.count(path); n != 1 {
			w.t.Errorf("%s: %d times", path, n)
		}
	}
}

// hold has the ERP answer the creation when held is closed.
func (w *world) hold() {
	w.held, w.arrived = make(chan struct{}), make(chan struct{}, 1)
}
