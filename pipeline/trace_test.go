package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

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

func (s *recordedSpan) SetStatus(code codes.Code, text string) { s.status = code.String() + " " + text }

func (s *recordedSpan) End(...trace.SpanEndOption) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.r.ended = append(s.r.ended, fmt.Sprintf("%s %v %s", s.name, s.attrs[0].Value.AsInt64(), s.status))
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
	want := "exportpipeline good 314528 |exportpipeline bad 314528 Error step bad: [secret] failed|exportpipeline export 314528 Error step bad: [secret] failed"
	if got := strings.Join(r.ended, "|"); got != want || !inSpan {
		t.Errorf("got  %s\nwant %s\nin a span: %v", got, want, inSpan)
	}
}
