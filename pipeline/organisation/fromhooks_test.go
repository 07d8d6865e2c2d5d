package organisation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

const api = "https://acme.rossum.app/api/v1"

// hook makes a webhook that runs after others.
func hook(id int64, kind string, after ...int64) *rossum.Hook {
	h := &rossum.Hook{
		ID: id, URL: fmt.Sprintf("%s/hooks/%d", api, id), Name: fmt.Sprintf("h%d", id), Type: "webhook", Active: true,
		Events: []string{
			"annotation_content.export",
		}, Queues: []string{api + "/queues/1"}, Config: rossum.HookConfig{URL: "https://elis." + kind + ".rossum-ext.app/"},
	}
	for _, a := range after {
		h.RunAfter = append(h.RunAfter, fmt.Sprintf("%s/hooks/%d", api, a))
	}
	return h
}

func invoice(parts ...rossumtest.Part) *rossumtest.Call {
	return rossumtest.Annotation(rossumtest.Field("status", ""), rossumtest.Offline()).With(parts...)
}

// set is a step that writes one field.
func set(id, value string) pipeline.StepFunc {
	return func(_ context.Context, x *pipeline.Export) error { return x.Set(id, value) }
}

// statuses lists the steps of a report with how they ended.
func statuses(r *pipeline.Report) string {
	var list []string
	for _, s := range r.All() {
		list = append(list, s.Name+":"+string(s.Status))
	}
	return strings.Join(list, " ")
}

// exported runs a chain, and returns its report.
func exported(t *testing.T, chain *pipeline.Chain) (report *pipeline.Report, response *rossum.Response) {
	t.Helper()
	response, err := chain.Export(
		t.Context(),
		invoice().Payload(),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }),
	)
	if err != nil {
		t.Fatal(err)
	}
	return report, response
}

func registry() *organisation.Registry {
	r := &organisation.Registry{}
	r.Register(organisation.Kind{Name: "known", Make: func(h *rossum.Hook) (pipeline.Step, error) {
		return pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { x.Info("%s", h.Name); return nil }), nil
	}})
	r.Register(organisation.Kind{Name: "template", Make: func(*rossum.Hook) (pipeline.Step, error) { return maker{"csv"}, nil }})
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
	last := hook(2, "known", 5, 10)
	last.Config.TimeoutS = &slow
	inactive := hook(9, "known", 3)
	inactive.Active = false
	other := hook(10, "known")
	other.Events = []string{"annotation_content.initialize"}
	quiet := hook(12, "unknown")
	quiet.Events = []string{"annotation_status.changed"}
	elsewhere := hook(11, "unknown")
	elsewhere.Queues = []string{api + "/queues/2"}
	hooks := []*rossum.Hook{
		last,
		hook(3, "known"),
		hook(5, "known", 7, 8),
		hook(7, "known", 3),
		hook(8, "known", 9),
		inactive,
		other,
		quiet,
		elsewhere,
	}
	var report *pipeline.Report
	chain, err := organisation.FromHooks(hooks, registry(), organisation.Options{Queue: api + "/queues/1"})
	if err != nil {
		t.Fatal(err)
	}
	response, err := chain.Export(
		t.Context(),
		invoice().Payload(),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }),
	)
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
	if len(report.LeftOut) != 2 || report.LeftOut[0].Why != `not active; passed through by "h8" (id 8)` ||
		report.LeftOut[1].Why != `listens to annotation_content.initialize; passed through by "h2" (id 2)` {
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
	twice := hook(1, "known")
	for name, tt := range map[string]struct {
		hooks []*rossum.Hook
		want  error
		text  string
	}{
		"cycle":       {[]*rossum.Hook{hook(1, "known", 3), hook(2, "known", 1), hook(3, "known", 2), hook(4, "known")}, organisation.ErrCycle, `"h1" (id 1) runs after "h3" (id 3), which runs after "h2" (id 2), which runs after "h1" (id 1)`},
		"itself":      {[]*rossum.Hook{hook(1, "known", 1)}, organisation.ErrCycle, `"h1" (id 1) runs after "h1" (id 1)`},
		"missing":     {[]*rossum.Hook{hook(1, "known", 99)}, organisation.ErrMissingPredecessor, `hook "h1" (id 1): run_after[0]: ` + api + "/hooks/99: predecessor is missing"},
		"unknown":     {[]*rossum.Hook{hook(1, "mystery")}, organisation.ErrUnknownExtension, `hook "h1" (id 1): config.url: unknown extension: "https://elis.mystery.rossum-ext.app/" has none of the extensions known, template`},
		"no function": {[]*rossum.Hook{function}, organisation.ErrNoFunction, `register one with Registry.Function("My evaluator", …)`},
		"one id":      {[]*rossum.Hook{twice, hook(1, "known")}, organisation.ErrSameID, `hook "h1" (id 1): id: two hooks have the same id: "h1" (id 1)`},
		"one key":     {[]*rossum.Hook{hook(1, "template"), hook(2, "template", 1)}, organisation.ErrSameKey, `hook "h2" (id 2): settings: two hooks make the same file: hook "h1" (id 1) also makes the one with the key "csv"`},
		"none":        {nil, organisation.ErrNoHooks, "none of the organisation's hooks (0)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := organisation.FromHooks(tt.hooks, registry(), organisation.Options{})
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestHooksWithoutQueuesSayWhereTheQueueIsWritten(t *testing.T) {
	t.Parallel()
	unbound := hook(1, "known")
	unbound.Queues = nil
	_, err := organisation.FromHooks([]*rossum.Hook{unbound}, registry(), organisation.Options{Queue: "https://x.example/queues/7"})
	want := "none of the organisation's hooks (1) is bound to the queue https://x.example/queues/7, nor to any other; write the queue into the hooks' queues"
	if !errors.Is(err, organisation.ErrNoHooks) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

func TestAFunctionRunsTheStepThatIsRegisteredForItsNameOrID(t *testing.T) {
	t.Parallel()
	function := hook(4, "")
	function.Type = "function"
	for _, key := range []string{"h4", "4"} {
		r := registry()
		r.Function(key, func(*rossum.Hook) (pipeline.Step, error) { return set("status", "ran"), nil })
		chain, err := organisation.FromHooks([]*rossum.Hook{function}, r, organisation.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if response, err := chain.Export(t.Context(), invoice().Payload()); err != nil || len(response.Operations) != 1 {
			t.Errorf("%v %+v", err, response)
		}
	}
}
