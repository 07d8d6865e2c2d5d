package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// recorder is a tracer that writes down spans as they end.
type recorder struct {
	noop.Tracer
	mu    sync.Mutex
	ended []string
}

type recordedSpan struct {
	noop.Span
	r      *recorder
	name   string
	status string
	attrs  []attribute.KeyValue
}

func (r *recorder) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	config := trace.NewSpanStartConfig(options...)
	s := &recordedSpan{r: r, name: name, attrs: config.Attributes()}
	return trace.ContextWithSpan(ctx, s), s
}

// IsRecording implements [trace.Span]: what is not recorded gets no status.
func (s *recordedSpan) IsRecording() bool { return true }

func (s *recordedSpan) SetStatus(code codes.Code, text string) { s.status = code.String() + " " + text }

func (s *recordedSpan) End(...trace.SpanEndOption) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.r.ended = append(s.r.ended, fmt.Sprintf("%s %v %s", s.name, annotation(s.attrs), s.status))
}

func annotation(attributes []attribute.KeyValue) int64 {
	for _, a := range attributes {
		if a.Key == pipeline.AttributeAnnotation {
			return a.Value.AsInt64()
		}
	}
	return 0
}

func TestEveryStepAndTheExportHaveASpanWithoutSecrets(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	inSpan := false
	chain := chainOf(t,
		pipeline.Named("good", pipeline.StepFunc(func(ctx context.Context, _ *pipeline.Export) error {
			_, inSpan = trace.SpanFromContext(ctx).(*recordedSpan)
			return nil
		})),
		pipeline.Named("bad", pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return errors.New("canary-secret failed") })))
	_, _ = chain.Export(t.Context(), invoice(rossumtest.Secret("s", "canary-secret")).Payload(), pipeline.WithTracer(r))
	want := "step good 314528 |step bad 314528 Error step bad: [secret] failed|export 314528 Error step bad: [secret] failed"
	if got := strings.Join(r.ended, "|"); got != want || !inSpan {
		t.Errorf("got  %s\nwant %s\nin a span: %v", got, want, inSpan)
	}
}

// unsampled is a provider whose spans nobody records, but which are passed on.
type unsampled struct {
	noop.TracerProvider
	spans atomic.Uint64
}

type unsampledTracer struct {
	noop.Tracer
	p *unsampled
}

func (p *unsampled) Tracer(string, ...trace.TracerOption) trace.Tracer { return unsampledTracer{p: p} }

func (t unsampledTracer) Start(ctx context.Context, _ string, _ ...trace.SpanStartOption) (context.Context, trace.Span) {
	id := trace.SpanID{7: byte(t.p.spans.Add(1))}
	ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: id}))
	return ctx, trace.SpanFromContext(ctx)
}

// It is the only test of the package that sets the global provider, so it runs alone.
func TestSpansThatAreNotSampledArePassedOn(t *testing.T) {
	defer otel.SetTracerProvider(noop.NewTracerProvider())
	provider := &unsampled{}
	var got []string
	note := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		_, err := x.Once(ctx, pipeline.Act{Call: "c", What: "POST x"}, func(inner context.Context, _ pipeline.Attempt) (*pipeline.Reply, error) {
			step, call := trace.SpanContextFromContext(ctx), trace.SpanContextFromContext(inner)
			got = append(got, fmt.Sprint(step.SpanID(), call.SpanID()))
			return &pipeline.Reply{}, nil
		})
		return err
	})
	for _, p := range []trace.TracerProvider{nil, provider, noop.NewTracerProvider()} {
		if p != nil {
			otel.SetTracerProvider(p)
		}
		if _, err := chainOf(t, note, pipeline.Named("second", note)).Export(t.Context(), invoice().Payload()); err != nil {
			t.Fatal(err)
		}
	}
	const none = "0000000000000000 0000000000000000"
	want := []string{
		none, none,
		"0000000000000002 0000000000000003", "0000000000000004 0000000000000005", // after the one of the run
		none, none,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestARunLogsOneLineAndAStepThatFailedAnother(t *testing.T) {
	t.Parallel()
	called := pipeline.Named("calls", pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		x.RecordCall(pipeline.CallReport{Method: "GET", URL: "https://erp.example/", Attempts: 1})
		return nil
	}))
	for _, tt := range []struct {
		name string
		last pipeline.StepFunc
		want []string
	}{
		{"it ends well", func(context.Context, *pipeline.Export) error { return nil }, []string{`INFO export annotation=314528 outcome=ok calls=1`}},
		{"a step fails", func(context.Context, *pipeline.Export) error { return errors.New("canary-secret") }, []string{
			`ERROR "step failed" annotation=314528 step=last error="step last: [secret]"`, `INFO export annotation=314528 outcome=failed calls=1 error="step last: [secret]"`}},
		{"a step shows an error", func(_ context.Context, x *pipeline.Export) error { x.Error("no vendor"); return nil }, []string{
			`ERROR "step failed" annotation=314528 step=last error="no vendor"`, `INFO export annotation=314528 outcome=failed calls=1`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var logged bytes.Buffer
			hide := func(_ []string, a slog.Attr) slog.Attr {
				switch a.Key {
				case slog.TimeKey, "took", "request":
					return slog.Attr{}
				}
				return a
			}
			log := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{ReplaceAttr: hide}))
			_, _ = chainOf(
				t,
				called,
				pipeline.Named("last", tt.last),
			).Export(t.Context(), invoice(rossumtest.Secret("s", "canary-secret")).Payload(), pipeline.WithLogger(log))
			got := strings.NewReplacer("level=", "", "msg=", "").Replace(strings.TrimSpace(logged.String()))
			if got != strings.Join(tt.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(tt.want, "\n"))
			}
		})
	}
}
