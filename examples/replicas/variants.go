package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
)

// A variant is what the ERP can do for a queue's exports.
type variant int64

const (
	byKey   variant = iota + 1 // it honours idempotency keys
	byProbe                    // it can be asked what it has
	neither
)

var variants = []variant{byKey, byProbe, neither}

func (v variant) String() string {
	return map[variant]string{byKey: "key", byProbe: "probe", neither: "neither"}[v]
}

// calls are what an export makes.
var calls = []string{"create", "attach", "submit"}

// Times of a call: an ERP that is asked what it has may have been called until the first has
// passed, and may act until the second has.
const (
	callTime   = 5 * time.Second
	settleTime = time.Second
)

// chain is what a queue's exports run.
func (v variant) chain(erp string) (*pipeline.Chain, error) {
	var steps []pipeline.Step
	for _, name := range calls {
		steps = append(steps, pipeline.Named(v.step(name), pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			body := fmt.Sprintf(`{"annotation":%d}`, x.Annotation.ID)
			call := &send.Call{Name: name, Method: http.MethodPost, URL: fmt.Sprintf("%s/%s/%s", erp, v, name), Body: pipeline.Bytes(body), Timeout: callTime}
			call.SetHeader("Content-Type", "application/json")
			reply, err := send.Do(ctx, x, call)
			if err == nil && reply.Status != http.StatusCreated {
				err = fmt.Errorf("the ERP answers %d", reply.Status)
			}
			return err
		})))
	}
	return pipeline.New(steps...)
}

func (v variant) step(call string) string { return v.String() + " " + call }

// settling are the options by which a call is settled whose answer was lost.
func settling(erp string) []pipeline.Option {
	var keyed []string
	var all []pipeline.Option
	for _, name := range calls {
		keyed = append(keyed, byKey.step(name))
		all = append(all, pipeline.WithProbe(byProbe.step(name), settleTime, func(ctx context.Context, x *pipeline.Export, q pipeline.Question) (*pipeline.Reply, bool, error) {
			return ask(ctx, fmt.Sprintf("%s/has?%s", erp, url.Values{"call": {"/probe/" + q.Call}, "annotation": {fmt.Sprint(x.Annotation.ID)}}.Encode()))
		}))
	}
	return append(all, pipeline.WithIdempotency(pipeline.Idempotency{Steps: keyed}))
}

// ask asks the ERP whether it has what a call makes.
func ask(ctx context.Context, address string) (*pipeline.Reply, bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, false, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, false, err
	}
	defer resp.Body.Close()
	var there bool
	if err := json.NewDecoder(resp.Body).Decode(&there); err != nil || !there {
		return nil, false, err
	}
	return &pipeline.Reply{Status: http.StatusCreated}, true, nil
}
