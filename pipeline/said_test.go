package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

const saidSecret = "a-secret-that-nobody-may-see-0123456789"

// saying runs a function as a step, and returns the answer and the report of the step.
func saying(t *testing.T, say func(x *pipeline.Export), options ...pipeline.Option) (*rossum.Response, *pipeline.Report) {
	t.Helper()
	var report *pipeline.Report
	chain, err := pipeline.New(pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		say(x)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	call := rossumtest.Annotation(rossumtest.Field("text", ""), rossumtest.Secret("key", saidSecret))
	options = append(options, pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))
	response, err := chain.Export(t.Context(), call.Payload(), options...)
	if err != nil {
		t.Fatal(err)
	}
	return response, report
}

func TestALongMessageIsCutAndSaysHowLongItIs(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	response, report := saying(t, func(x *pipeline.Export) {
		x.Warn("%s", long)
		x.Decide("%s", long)
	})
	for name, text := range map[string]string{"message": response.Messages[0].Content, "decision": report.Steps[0].Decisions[0]} {
		if !strings.HasPrefix(text, "xxx") || !strings.HasSuffix(text, "x… (1048576 bytes in all)") || len(text) > 65<<10 {
			t.Errorf("the %s has %d bytes and ends with %q", name, len(text), text[max(0, len(text)-40):])
		}
	}
}

// A long text is cut near a secret at each offset, after filling that shrinks, grows or stays
// as it is when it is shown.
func TestALongTextIsNeverCutWithinASecret(t *testing.T) {
	t.Parallel()
	const half = "a-secret-that-nobody"
	fills := []string{"x", " ", "\xff", saidSecret + " ", "<\n", "\u00a0"}
	for _, fill := range fills {
		for _, window := range []int{300, 300 + 16<<10, 4*300 + 16<<10, 64 << 10, 80 << 10} {
			for before := window - len(saidSecret) - 2; before < window+4; before += 7 {
				text := strings.Repeat(
					fill,
					before/len(fill),
				) + strings.Repeat(
					"y",
					before%len(fill),
				) + saidSecret + strings.Repeat(
					"z",
					100<<10,
				)
				var excerpt string
				response, report := saying(t, func(x *pipeline.Export) {
					x.Info("%s", text)
					x.Decide("%s", text)
					excerpt = x.Excerpt([]byte(text), 300)
				})
				for name, shown := range map[string]string{
					"message": response.Messages[0].Content, "decision": report.Steps[0].Decisions[0], "excerpt": excerpt,
				} {
					if strings.Contains(shown, half) {
						t.Errorf("the %s shows half of the secret after %d bytes of %q", name, before, fill)
					}
				}
			}
		}
	}
}

func TestMessagesAreBoundedAndAnErrorAmongThemCounts(t *testing.T) {
	t.Parallel()
	for _, last := range []rossum.MessageType{rossum.MessageInfo, rossum.MessageError} {
		response, report := saying(t, func(x *pipeline.Export) {
			for i := range 100_000 {
				x.Info("row %d", i)
			}
			x.Message(rossum.Message{Type: last, Content: "the last"})
			x.Warn("after it")
		})
		n := len(response.Messages)
		if n < 1000 || n > 10_000 || response.Messages[n-1].Content != "There are more messages, which are not shown." {
			t.Errorf("%s: there are %d messages, and the last is %+v", last, n, response.Messages[n-1])
		}
		if failed := last == rossum.MessageError; response.Failed() != failed || report.Failed != failed {
			t.Errorf("%s: the answer has failed: %t, the report: %t", last, response.Failed(), report.Failed)
		}
		if shown := len(report.Steps[0].Messages); shown > n+1 {
			t.Errorf("%s: the report has %d messages", last, shown)
		}
	}
}

func TestDecisionsBeyondTheirLimitAreCounted(t *testing.T) {
	t.Parallel()
	_, report := saying(t, func(x *pipeline.Export) {
		for i := range 50_000 {
			x.Decide("row %d: %s", i, strings.Repeat("x", 90))
		}
	})
	all := report.Steps[0].Decisions
	kept := len(all) - 1
	if want := fmt.Sprintf("and more, which are not kept: %d", 50_000-kept); all[kept] != want {
		t.Errorf("of %d decisions the last is %q, want %q", len(all), all[kept], want)
	}
	if data, err := json.Marshal(report); err != nil || len(data) > 3<<20 {
		t.Errorf("the report has %d bytes, %v", len(data), err)
	}
}

func TestADetailedReportMayShowEverything(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100<<10)
	for limit, want := range map[int]string{math.MaxInt: long, 10: "xxxxxxxxxx…"} {
		_, report := saying(t, func(x *pipeline.Export) {
			if f, err := x.Field("text"); err != nil || f.SetValue(long) != nil {
				t.Error(err)
			}
			if err := x.Files.Put(t.Context(), pipeline.File{Key: "k", Data: []byte(long)}); err != nil {
				t.Error(err)
			}
		}, pipeline.WithDetails(pipeline.Details{BodyLimit: limit}))
		if len(report.Fields) != 1 || report.Fields[0].After != want {
			t.Errorf("limit %d: the fields are %.200v", limit, report.Fields)
		}
	}
}
