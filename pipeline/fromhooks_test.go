package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

const api = "https://acme.rossum.app/api/v1"

// hook makes a webhook that runs after others.
func hook(id int64, kind string, after ...int64) *rossum.Hook {
	h := &rossum.Hook{
		ID: id, URL: fmt.Sprintf("%s/hooks/%d", api, id), Name: fmt.Sprintf("h%d", id), Type: "webhook", Active: true,
		Events: []string{"annotation_content.export"}, Queues: []string{api + "/queues/1"}, Config: rossum.HookConfig{URL: "https://elis." + kind + ".rossum-ext.app/"},
	}
	for _, a := range after {
		h.RunAfter = append(h.RunAfter, fmt.Sprintf("%s/hooks/%d", api, a))
	}
	return h
}

func registry() *pipeline.Registry {
	r := &pipeline.Registry{}
	r.Webhook("known", func(h *rossum.Hook) (pipeline.Step, error) {
		return pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { x.Info("%s", h.Name); return nil }), nil
	})
	r.Webhook("template", func(*rossum.Hook) (pipeline.Step, error) { return maker{"csv"}, nil })
	return r
}

// maker is a step that makes a file.
type maker struct{ key string }

func (m maker) Makes() []string { return []string{m.key} }

func (m maker) Run(ctx context.Context, x *pipeline.Export) error {
	return x.Files.Put(ctx, pipeline.File{Key: m.key, Data: []byte("made")})
}

func TestHooksBecomeAChainInTheOrderOfRunAfter(t *testing.T) {
	t.Parallel()
	slow := 60.0
	last := hook(2, "known", 5)
	last.Config.TimeoutS = &slow
	inactive := hook(9, "known", 3)
	inactive.Active = false
	other := hook(10, "known")
	other.Events = []string{"annotation_content.initialize"}
	elsewhere := hook(11, "unknown")
	elsewhere.Queues = []string{api + "/queues/2"}
	hooks := []*rossum.Hook{last, hook(3, "known"), hook(5, "known", 7, 8), hook(7, "known", 3), hook(8, "known", 9), inactive, other, elsewhere}
	var report *pipeline.Report
	chain, err := pipeline.FromHooks(hooks, registry(), pipeline.OnQueue(api+"/queues/1"), pipeline.SkipInactive())
	if err != nil {
		t.Fatal(err)
	}
	response, err := chain.With(pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r })).Export(t.Context(), invoice().Payload())
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, m := range response.Messages {
		order = append(order, m.Content)
	}
	// 8 waits for 9, which is not active, and so for 3.
	if got := strings.Join(order, " "); got != "h3 h7 h8 h5 h2" {
		t.Errorf("order %s", got)
	}
	if got := statuses(report); got != "h3:done parallel:done h7:done h8:done h5:done h2:done" {
		t.Errorf("steps %s", got)
	}
	if len(report.LeftOut) != 2 || report.LeftOut[0].Why != "not active" || report.LeftOut[1].Why != "listens to annotation_content.initialize" {
		t.Errorf("left out %+v", report.LeftOut)
	}
	if !strings.Contains(chain.Graph(), "h3 --> h7") || !strings.Contains(chain.Graph(), `h2["h2"]`) {
		t.Error(chain.Graph())
	}
}

func TestHooksThatMakeNoChainAreNamed(t *testing.T) {
	t.Parallel()
	function := hook(4, "")
	function.Type, function.Name = "function", "My evaluator"
	inactive := hook(9, "known")
	inactive.Active = false
	for name, tt := range map[string]struct {
		hooks []*rossum.Hook
		want  error
		text  string
	}{
		"cycle":       {[]*rossum.Hook{hook(1, "known", 3), hook(2, "known", 1), hook(3, "known", 2), hook(4, "known")}, pipeline.ErrCycle, `"h1" (id 1) runs after "h3" (id 3) runs after "h2" (id 2) runs after "h1" (id 1)`},
		"itself":      {[]*rossum.Hook{hook(1, "known", 1)}, pipeline.ErrCycle, `"h1" (id 1) runs after "h1" (id 1)`},
		"missing":     {[]*rossum.Hook{hook(1, "known", 99)}, pipeline.ErrMissingPredecessor, `hook "h1" (id 1): run_after names ` + api + "/hooks/99"},
		"unknown":     {[]*rossum.Hook{hook(1, "mystery")}, pipeline.ErrUnknownExtension, `hook "h1" (id 1): step h1: unknown extension: config.url "https://elis.mystery.rossum-ext.app/"`},
		"no function": {[]*rossum.Hook{function}, pipeline.ErrNoFunction, `register one with Registry.Function("My evaluator", …)`},
		"disabled":    {[]*rossum.Hook{hook(1, "known", 9), inactive}, pipeline.ErrInactivePredecessor, `hook "h1" (id 1): run_after names "h9" (id 9): predecessor is not active; activate it`},
		"one key":     {[]*rossum.Hook{hook(1, "template"), hook(2, "template", 1)}, pipeline.ErrSameKey, `hooks "h1" (id 1) and "h2" (id 2): two hooks make the same file under the key "csv"`},
		"none":        {nil, pipeline.ErrNoHooks, "none of 0 hooks"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pipeline.FromHooks(tt.hooks, registry())
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAFunctionRunsTheStepThatIsRegisteredForItsNameOrID(t *testing.T) {
	t.Parallel()
	function := hook(4, "")
	function.Type = "function"
	for _, key := range []string{"h4", "4"} {
		r := registry()
		r.Function(key, func(*rossum.Hook) (pipeline.Step, error) { return set("status", "ran"), nil })
		chain, err := pipeline.FromHooks([]*rossum.Hook{function}, r)
		if err != nil {
			t.Fatal(err)
		}
		if response, err := chain.Export(t.Context(), invoice().Payload()); err != nil || len(response.Operations) != 1 {
			t.Errorf("%v %+v", err, response)
		}
	}
}
