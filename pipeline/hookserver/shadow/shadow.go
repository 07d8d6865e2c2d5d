// Package shadow runs a chain beside the one that Rossum hosts, without sending, and
// reports the differences: this is how a team finds out whether it can switch.
//
// [New] is a hook that runs after the last hook of the hosted chain. It compares files and
// fields with what that chain has left in Rossum, and requests with a [Recording] of what
// it has sent, if there is one. [Compare] does the same for one hook call and one
// recording, in a test or at a desk.
//
// A recording is a HAR file of a proxy between the hosted chain and the ERP, or what
// [Record] has noted on the way.
package shadow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/hookcall"
	"github.com/exportpipeline/exportpipeline/internal/ordered"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// defaultTimeout bounds a comparison, so that the hosted chain does not wait for long.
const defaultTimeout = 25 * time.Second

// Options are the options of [New].
type Options struct {
	// Chain runs on every call, or the one of Queues by the number of the annotation's
	// queue.
	Chain  *pipeline.Chain
	Queues map[int64]*pipeline.Chain
	// SignatureSecrets are those that the hook signs its calls with. Without them Unsigned must say that calls are taken
	// from everybody.
	SignatureSecrets []string
	Unsigned         bool
	// Recorded returns what the hosted chain has sent for the annotation of a call, nil if
	// that is not known; an error is reported as the comparison's. It may be called by
	// several goroutines. Without it requests are rendered and not compared.
	Recorded func(ctx context.Context, p *rossum.Payload) (*Recording, error)
	// Run are further options of the runs, such as pipeline.WithSecrets.
	Run []pipeline.Option
	// Timeout bounds a comparison, 25 seconds if 0; it should be below the hook's.
	Timeout time.Duration
	// Compared gets what was found. It may be called by several goroutines.
	Compared func(ctx context.Context, c *Comparison)
}

// New returns the handler of a hook that runs after the last hook of the hosted chain. It
// answers every signed call with nothing to show and nothing to change, whatever happens
// here. The caller closes the chains.
func New(o Options) (http.Handler, error) {
	var faults []error
	if (o.Chain != nil) == (len(o.Queues) > 0) {
		faults = append(faults, errors.New("shadow: give either Chain or Queues"))
	}
	for queue, chain := range ordered.ByKey(o.Queues) {
		if chain == nil {
			faults = append(faults, fmt.Errorf("shadow: queue %d has no chain", queue))
		}
	}
	if (len(o.SignatureSecrets) > 0) == o.Unsigned {
		faults = append(faults, errors.New("shadow: give the hook's secret in SignatureSecrets, or say Unsigned if calls are taken from everybody"))
	}
	if slices.Contains(o.SignatureSecrets, "") {
		faults = append(faults, errors.New("shadow: a secret is empty; is the variable that it comes from set?"))
	}
	if o.Compared == nil {
		faults = append(faults, errors.New("shadow: Compared is missing, so nobody would learn of differences"))
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	return &handler{o, hookcall.NewReader(o.SignatureSecrets, o.Unsigned, 0, 0)}, errors.Join(faults...)
}

type handler struct {
	o     Options
	calls *hookcall.Reader
}

// ServeHTTP takes a hook call.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusOK) // a health check
		return
	}
	body, err := h.calls.Read(w, r)
	if err != nil {
		hookcall.Refuse(w, err)
		return
	}
	p, err := rossum.ParsePayload(body)
	if err != nil || p.Annotation == nil {
		http.Error(w, "the body is not a hook call with an annotation", http.StatusBadRequest)
		return
	}
	h.run(r.Context(), p)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(&rossum.Response{}) // who has gone does not need it
}

// run compares and reports, for no longer than the hosted chain may wait.
func (h *handler) run(ctx context.Context, p *rossum.Payload) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.o.Timeout)
	done := make(chan struct{})
	go func() {
		defer cancel()
		defer close(done)
		defer func() { _ = recover() }() // of the program's own function, which must not end the server
		if p.Event == rossum.EventAnnotationContent {
			h.o.Compared(ctx, h.compare(ctx, p))
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

func (h *handler) chain(p *rossum.Payload) *pipeline.Chain {
	if h.o.Chain != nil {
		return h.o.Chain
	}
	return h.o.Queues[p.Annotation.QueueID()]
}
