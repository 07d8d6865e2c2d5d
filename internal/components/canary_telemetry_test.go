package components_test

import (
	"context"
	"fmt"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/exportpipeline/exportpipeline/internal/canary"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// telemetry writes down all that OpenTelemetry gets.
type telemetry struct {
	mu             sync.Mutex
	spans, metrics strings.Builder
}

func (s *telemetry) span(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = fmt.Fprintf(&s.spans, format+"\n", args...)
}

func (s *telemetry) metric(name string, value any, attributes attribute.Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = fmt.Fprintln(&s.metrics, name, value, attributes.ToSlice())
}

type tracer struct {
	noop.Tracer
	to *telemetry
}

func (t tracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	config := trace.NewSpanStartConfig(options...)
	t.to.span("%s %v %v", name, config.Attributes(), config.Links())
	s := span{to: t.to}
	return trace.ContextWithSpan(ctx, s), s
}

type span struct {
	noop.Span
	to *telemetry
}

func (s span) IsRecording() bool                       { return true }
func (s span) SetStatus(code codes.Code, text string)  { s.to.span("status %s %s", code, text) }
func (s span) SetName(name string)                     { s.to.span("name %s", name) }
func (s span) SetAttributes(all ...attribute.KeyValue) { s.to.span("attributes %v", all) }
func (s span) AddLink(l trace.Link)                    { s.to.span("link %v", l) }
func (s span) AddEvent(name string, o ...trace.EventOption) {
	c := trace.NewEventConfig(o...)
	s.to.span("event %s %v", name, c.Attributes())
}

func (s span) RecordError(err error, o ...trace.EventOption) {
	c := trace.NewEventConfig(o...)
	s.to.span("error %v %+v %v", err, err, c.Attributes())
}

type meter struct {
	metricnoop.Meter
	to *telemetry
}

type histogram struct {
	metricnoop.Float64Histogram
	name string
	to   *telemetry
}

type counter struct {
	metricnoop.Int64Counter
	name string
	to   *telemetry
}

type upDown struct {
	metricnoop.Int64UpDownCounter
	name string
	to   *telemetry
}

func (m meter) Float64Histogram(name string, _ ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return histogram{name: name, to: m.to}, nil
}

func (m meter) Int64Counter(name string, _ ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return counter{name: name, to: m.to}, nil
}

func (m meter) Int64UpDownCounter(name string, _ ...metric.Int64UpDownCounterOption) (metric.Int64UpDownCounter, error) {
	return upDown{name: name, to: m.to}, nil
}

func (h histogram) Record(_ context.Context, v float64, o ...metric.RecordOption) {
	h.to.metric(h.name, v, metric.NewRecordConfig(o).Attributes())
}

func (c counter) Add(_ context.Context, v int64, o ...metric.AddOption) {
	c.to.metric(c.name, v, metric.NewAddConfig(o).Attributes())
}

func (u upDown) Add(_ context.Context, v int64, o ...metric.AddOption) {
	u.to.metric(u.name, v, metric.NewAddConfig(o).Attributes())
}

func (s *telemetry) options() []pipeline.Option {
	return []pipeline.Option{pipeline.WithTracer(tracer{to: s}), pipeline.WithMeter(meter{to: s})}
}

func (s *telemetry) outputs() []canary.Output {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []canary.Output{{Name: "spans", Text: s.spans.String()}, {Name: "metrics", Text: s.metrics.String()}}
}

// labels are what the goroutines of this process are called in profiles.
func labels() string {
	var b strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
	return b.String()
}

// What is put into spans, metrics and profiles is seen.
func TestTelemetryOfACanaryIsSeen(t *testing.T) {
	t.Parallel()
	var s telemetry
	secret := attribute.String("a", canaries["login"])
	for where, put := range map[string]func(trace.Span){
		"a status": func(p trace.Span) { p.SetStatus(codes.Error, canaries["login"]) }, "an event": func(p trace.Span) { p.AddEvent("e", trace.WithAttributes(secret)) },
		"an attribute": func(p trace.Span) { p.SetAttributes(secret) }, "an error": func(p trace.Span) { p.RecordError(fmt.Errorf("no %s", canaries["login"])) },
	} {
		s.spans.Reset()
		_, p := tracer{to: &s}.Start(t.Context(), "x")
		if put(p); shown(s.outputs()[0].Text) == "" {
			t.Errorf("%s is not seen", where)
		}
	}
	h, _ := meter{to: &s}.Float64Histogram("h")
	if h.Record(t.Context(), 1, metric.WithAttributes(secret)); shown(s.outputs()[1].Text) == "" {
		t.Error("a label of a metric is not seen")
	}
	pprof.Do(t.Context(), pprof.Labels("a", canaries["login"]), func(context.Context) {
		if shown(labels()) == "" {
			t.Error("a label of a profile is not seen")
		}
	})
}
