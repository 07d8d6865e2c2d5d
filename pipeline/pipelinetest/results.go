package pipelinetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// ErrResults is wrapped by the errors of [CheckResults].
var ErrResults = errors.New("the store of results breaks a promise")

// TestResults checks that a store keeps the promises of [pipeline.Results]. Each
// call of open opens the store anew, as another process would; a store that lives
// in memory starts empty then.
func TestResults(t *testing.T, open func() (pipeline.Results, error)) {
	t.Helper()
	if err := CheckResults(t.Context(), open); err != nil {
		t.Error(err)
	}
}

// CheckResults does what [TestResults] does and returns every violation, joined.
func CheckResults(ctx context.Context, open func() (pipeline.Results, error)) error {
	store, err := open()
	if err != nil {
		return err
	}
	c := &resultsCheck{ctx: ctx, store: store}
	c.life()
	c.race()
	c.expiry()
	if again, err := open(); err != nil {
		c.fault("opening it a second time: %v", err)
	} else if _, err := again.Load(ctx, "kept"); err != nil && !errors.Is(err, pipeline.ErrNoResult) {
		c.fault("opened a second time, Load: %v", err)
	}
	return errors.Join(c.faults...)
}

type resultsCheck struct {
	ctx    context.Context
	store  pipeline.Results
	faults []error
}

func (c *resultsCheck) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf("%w: "+format, append([]any{ErrResults}, args...)...))
}

func (c *resultsCheck) life() {
	if _, err := c.store.Load(c.ctx, "missing"); !errors.Is(err, pipeline.ErrNoResult) {
		c.fault("Load of what was never kept: %v, want ErrNoResult", err)
	}
	now := time.Now()
	if created, err := c.store.Create(c.ctx, "kept", pipeline.Result{Seen: now}); err != nil || !created {
		c.fault("Create: %v, %v", created, err)
	}
	sent := []pipeline.Sending{{Step: "create", What: "POST https://erp.example", Begun: now.UTC().Truncate(time.Second)}}
	if err := c.store.Save(c.ctx, "kept", pipeline.Result{Sent: sent, Seen: now}); err != nil {
		c.fault("Save: %v", err)
	}
	sent[0].What = "changed by its owner"
	switch r, err := c.store.Load(c.ctx, "kept"); {
	case err != nil || r.Response != nil || len(r.Sent) != 1 || !r.Seen.Equal(now):
		c.fault("Load after Save: %+v, %v", r, err)
	case r.Sent[0].What != "POST https://erp.example":
		c.fault("the store keeps its caller's slice instead of a copy")
	}
	if created, err := c.store.Create(c.ctx, "kept", pipeline.Result{Seen: now.Add(time.Hour)}); err != nil || created {
		c.fault("Create of an id that is taken: %v, %v", created, err)
	}
	if r, err := c.store.Load(c.ctx, "kept"); err != nil || len(r.Sent) != 1 {
		c.fault("Create of an id that is taken changed it: %+v, %v", r, err)
	}
	response := &rossum.Response{Messages: []rossum.Message{{Type: rossum.InfoMessage, Content: "<b>ž</b>"}}}
	if err := c.store.Save(c.ctx, "kept", pipeline.Result{Response: response, Seen: now}); err != nil {
		c.fault("Save of an answer: %v", err)
	}
	if err := c.store.Save(c.ctx, "kept", pipeline.Result{Seen: now}); !errors.Is(err, pipeline.ErrFinalResult) {
		c.fault("Save over an answer: %v, want ErrFinalResult", err)
	}
	if r, err := c.store.Load(c.ctx, "kept"); err != nil || r.Response == nil || len(r.Response.Messages) != 1 || r.Response.Messages[0].Content != "<b>ž</b>" {
		c.fault("Load of an answer: %+v, %v", r.Response, err)
	}
}

// race lets several claim one id.
func (c *resultsCheck) race() {
	var group sync.WaitGroup
	var won atomic.Int32
	for range 16 {
		group.Go(func() {
			if created, err := c.store.Create(c.ctx, "raced", pipeline.Result{Seen: time.Now()}); err == nil && created {
				won.Add(1)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		c.fault("%d of 16 concurrent calls of Create got the same id, want 1", won.Load())
	}
}

func (c *resultsCheck) expiry() {
	if err := c.store.Expire(c.ctx, time.Now().Add(-time.Hour)); err != nil {
		c.fault("Expire: %v", err)
	}
	if _, err := c.store.Load(c.ctx, "kept"); err != nil {
		c.fault("Expire took what is younger: %v", err)
	}
	if err := c.store.Expire(c.ctx, time.Now().Add(time.Hour)); err != nil {
		c.fault("Expire: %v", err)
	}
	if _, err := c.store.Load(c.ctx, "kept"); !errors.Is(err, pipeline.ErrNoResult) {
		c.fault("Load of what has expired: %v, want ErrNoResult", err)
	}
}
