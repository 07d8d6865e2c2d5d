package crashtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

const (
	callLimit = 25 * time.Second // of a call
	actsLate  = 20 * time.Second // the ERP may act so long after its caller has gone
)

// act is something that the ERP did.
type act struct {
	run      pipeline.RunID
	id, what string
	key      string
}

// simERP acts, is slow, refuses, and loses replies.
type simERP struct {
	*world
	mu      sync.Mutex
	acts    []act
	byKey   map[string]string // reply of each idempotency key, if it honours them
	refused map[string]bool   // runs and calls
}

func newSimERP(w *world) *simERP {
	return &simERP{world: w, byKey: make(map[string]string), refused: make(map[string]bool)}
}

// find returns the id of what a run has made, "" if it is not there.
func (e *simERP) find(what string, run pipeline.RunID) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range e.acts {
		if a.what == what && a.run == run {
			return a.id
		}
	}
	return ""
}

// take acts on a call.
func (e *simERP) take(what, key string, run pipeline.RunID, refuse bool) (status int, id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.how == byKey && key != "" && e.byKey[key] != "" {
		e.tell("ERP: %s again, key %s", what, key)
		return http.StatusCreated, e.byKey[key]
	}
	if refuse {
		e.tell("ERP: refuses %s", what)
		e.refused[string(run)+what] = true
		return http.StatusUnprocessableEntity, ""
	}
	id = fmt.Sprintf("ERP-%d", len(e.acts)+1)
	e.acts = append(e.acts, act{run, id, what, key})
	e.byKey[key] = id
	e.tell("ERP: acts on %s of %s: %s", what, run, id)
	return http.StatusCreated, id
}

// post sends a call over a network that loses things.
func (p *process) post(ctx context.Context, what, key string) (*pipeline.Reply, error) {
	p.mu.Lock()
	run := p.lasts[what]
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	if err := p.seam("post", what); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, pipeline.NotSent(context.Cause(ctx))
	}
	r := p.draw(p.name + "net" + what)
	if p.chance(r, 0.03) {
		return nil, pipeline.NotSent(errors.New("connection refused"))
	}
	if p.chance(r, 0.03) {
		return nil, errors.New("connection reset on the way to the ERP")
	}
	// What is sent arrives, whatever becomes of the sender, but for a limit.
	type reply struct {
		status int
		id     string
	}
	replies := make(chan reply, 1)
	there := time.Duration(1 + r.Int64N(int64(time.Second)))
	if p.chance(r, 0.1) {
		ends, _ := ctx.Deadline() // that of the run may be earlier than callLimit
		there = time.Duration(1 + r.Int64N(int64(time.Until(ends)+actsLate-2*time.Second)))
	}
	refuse, lost := p.chance(r, 0.03), p.chance(r, 0.06)
	p.people.Go(func() {
		time.Sleep(there)
		status, id := p.erp.take(what, key, run, refuse)
		if !lost {
			replies <- reply{status, id}
		}
	})
	select {
	case got := <-replies:
		if err := p.seam("reply", what); err != nil {
			return nil, err
		}
		return &pipeline.Reply{Status: got.status, Header: http.Header{"Location": {"/invoices/" + got.id}}, Body: []byte(got.id)}, nil
	case <-ctx.Done():
		time.Sleep(time.Duration(1 + r.Int64N(int64(time.Millisecond)))) // branches end one after the other
		return nil, context.Cause(ctx)
	case <-p.ctx.Done():
		return nil, context.Cause(p.ctx)
	}
}

// chain makes the chain of a process.
func (p *process) chain(t *testing.T) *pipeline.Chain {
	steps := make([]pipeline.Step, p.steps)
	for i := range steps {
		steps[i] = p.step(i)
	}
	last := p.steps - 1
	if p.beside {
		steps[last] = pipeline.Named("beside", pipeline.Parallel(steps[last], p.step(p.steps)))
	}
	if p.final {
		steps[last] = pipeline.Finally(steps[last])
	}
	c, err := pipeline.New(steps...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// step posts some items and keeps their ids in fields.
func (p *process) step(n int) pipeline.Step {
	return pipeline.Named(fmt.Sprint("step", n), pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		if err := p.seam("step", fmt.Sprint(x.Annotation.ID, n)); err != nil { // branches don't do things at one instant
			return err
		}
		version, err := x.Field("version")
		if err != nil {
			return err
		}
		for item := range p.items {
			what := fmt.Sprintf("POST https://erp.example/a%d/v%s/s%d/i%d", x.Annotation.ID, version.Text(), n, item)
			answer, err := x.Once(
				ctx,
				pipeline.Act{Call: "request", Item: item, What: what, Limit: callLimit},
				func(ctx context.Context, a pipeline.Attempt) (*pipeline.Reply, error) {
					return p.post(ctx, what, a.Key)
				},
			)
			if err != nil {
				return err
			}
			if answer.Status != http.StatusCreated {
				return fmt.Errorf("%s answered %d", what, answer.Status)
			}
			if err := x.Set(fieldOf(n, item), string(answer.Body)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// options are what the program knows of its ERP.
func (p *process) options() []pipeline.Option {
	switch p.how {
	case byKey:
		return []pipeline.Option{pipeline.WithIdempotency(pipeline.Idempotency{})}
	case byProbe:
		var all []pipeline.Option
		for n := range p.steps + 1 {
			all = append(all, pipeline.WithProbe(fmt.Sprint("step", n), actsLate, p.ask))
		}
		return all
	}
	return nil
}

// ask is the probe.
func (p *process) ask(_ context.Context, _ *pipeline.Export, q pipeline.Question) (*pipeline.Reply, bool, error) {
	if err := p.seam("probe", q.What); err != nil {
		return nil, false, err
	}
	if p.chance(p.draw(p.name+"probe"+q.What), 0.05) {
		return nil, false, errors.New("the ERP is closed for today")
	}
	p.erp.mu.Lock()
	defer p.erp.mu.Unlock()
	for i := len(p.erp.acts) - 1; i >= 0; i-- {
		if a := p.erp.acts[i]; a.what == q.What {
			return &pipeline.Reply{Status: http.StatusCreated, Header: http.Header{"Location": {"/invoices/" + a.id}}, Body: []byte(a.id)}, true, nil
		}
	}
	return nil, false, nil
}
