package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// TestARunThatLacksWhatItsHookCallHadWaitsForTheNextOne: ended as failed, it would let the
// next export make all its calls anew.
func TestARunThatLacksWhatItsHookCallHadWaitsForTheNextOne(t *testing.T) {
	t.Parallel()
	address, seen := recordingERP(t)
	client, err := rossum.NewClient("https://rossum.invalid/api/v1", "t", rossum.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	lacksClient := pipeline.Named("asks Rossum", pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		if x.Rossum == nil {
			return fmt.Errorf("looking at the queue: %w", pipeline.ErrNoClient)
		}
		return x.Set("gate", "asked")
	}))
	rest := made(t, address, "rest", `{"request": {"headers": {"X-Key": "{secret.key}"}, "url": "ERP/second", "content": "x"}}`)
	for name, tt := range map[string]struct {
		step   pipeline.Step
		given  pipeline.Option // what the program gives
		client pipeline.Option // of the hook call that goes on
		want   string
	}{
		"a secret": {rest, pipeline.WithSecrets(func(context.Context, *rossum.Hook) (rossum.Secrets, error) {
			return rossum.Secrets{"key": "canary-key"}, nil
		}), nil, `secret "key"`},
		"a client": {lacksClient, pipeline.WithRossum(client), pipeline.WithRossum(client), "looking at the queue"},
	} {
		for _, gives := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, given %v", name, gives), func(t *testing.T) {
				e, told := newCountingERP(false), 0
				chain := chainOf(
					t,
					posts(e, "/first", "erp_id"),
					tt.step,
					pipeline.Finally(pipeline.StepFunc(func(context.Context, *pipeline.Export) error {
						told++
						return nil
					})),
				)
				memory := pipeline.MemoryLedger()
				dying, ctx := mortal.New(t.Context(), memory, 3, true) // claim, call, reply
				_, _ = chain.Export(ctx, queueCall().Payload(), pipeline.WithJournal(journal(t, dying)))
				if err := dying.Bury(t.Context()); err != nil || e.acts["/first"] != 1 {
					t.Fatal(err, e.acts)
				}
				j, before := journal(t, memory), seen.Load()
				options := []pipeline.Option{pipeline.WithLogger(nil)}
				if gives {
					options = append(options, tt.given)
				}
				told = 0
				recover := func() ([]pipeline.Kept, error) {
					return j.Recover(t.Context(), func(*rossum.Payload, string) *pipeline.Chain { return chain }, options...)
				}
				answers, err := recover()
				if gives {
					if err != nil || len(answers) != 1 || answers[0].Response.Failed() || told != 1 || e.acts["/first"] != 1 {
						t.Fatalf("%v, %+v, Finally %d times, %v", err, answers, told, e.acts)
					}
					return
				}
				if !errors.Is(err, pipeline.ErrNeedsCall) || !strings.Contains(err.Error(), tt.want) || len(answers) != 1 || !answers[0].Stopped ||
					told != 0 || seen.Load() != before {
					t.Fatalf("%v, %+v, Finally %d times, %d calls", err, answers, told, seen.Load()-before)
				}
				if text := texts(answers[0].Response); !strings.Contains(text, "/first/7") || !strings.Contains(text, "export again") {
					t.Error(text)
				}
				if answers, err := recover(); err != nil || len(answers) > 0 { // it is let alone
					t.Errorf("%v, %+v", err, answers)
				}
				call := queueCall().With(rossumtest.Set("request_id", "6f2d3c1a-0000-4000-8000-000000000009"))
				options = append(options, pipeline.WithJournal(j))
				if tt.client != nil {
					options = append(options, tt.client)
				}
				answer, err := chain.Export(t.Context(), call.Payload(), options...)
				if err != nil || answer.Failed() || e.acts["/first"] != 1 || told != 1 || len(answer.Operations) == 0 {
					t.Errorf("the next call: %v, %s, %v, Finally %d times", err, texts(answer), e.acts, told)
				}
			})
		}
	}
}
