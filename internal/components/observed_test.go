package components_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	metrics "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/exportpipeline/exportpipeline/pipeline/runpage"
)

// noted keeps what a program's telemetry is given.
type noted struct {
	mu  sync.Mutex
	all strings.Builder
}

func (n *noted) note(values ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintln(&n.all, values...)
}

func (n *noted) attributes(all []attribute.KeyValue) {
	for _, a := range all {
		n.note(a.Key, a.Value.String())
	}
}

func (n *noted) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.all.String()
}

// tracer notes everything that spans are given.
type tracer struct {
	noop.Tracer
	noted
}

type span struct {
	noop.Span
	to *noted
}

func (t *tracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	config := trace.NewSpanStartConfig(options...)
	t.note(name)
	t.attributes(config.Attributes())
	s := &span{to: &t.noted}
	return trace.ContextWithSpan(ctx, s), s
}

func (s *span) IsRecording() bool                             { return true }
func (s *span) SetName(name string)                           { s.to.note(name) }
func (s *span) SetStatus(code codes.Code, text string)        { s.to.note(code, text) }
func (s *span) SetAttributes(all ...attribute.KeyValue)       { s.to.attributes(all) }
func (s *span) RecordError(err error, _ ...trace.EventOption) { s.to.note(err) }
func (s *span) AddEvent(name string, options ...trace.EventOption) {
	s.to.note(name)
	config := trace.NewEventConfig(options...)
	s.to.attributes(config.Attributes())
}

// meter notes the attributes that metrics, and so their exemplars, are given.
type meter struct {
	metrics.Meter
	noted
}

type histogram struct {
	metrics.Float64Histogram
	to *noted
}

func (h histogram) Enabled(context.Context) bool { return true }

func (h histogram) Record(_ context.Context, _ float64, options ...metric.RecordOption) {
	set := metric.NewRecordConfig(options).Attributes()
	h.to.attributes(set.ToSlice())
}

func (m *meter) Float64Histogram(name string, options ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	m.note(name, metric.NewFloat64HistogramConfig(options...).Description())
	return histogram{to: &m.noted}, nil
}

var runLink = regexp.MustCompile(`(?:/|")(run/[^"]+)"`)

// pagesOf are the list of the runs and the page of each.
func pagesOf(runs *runpage.Recent) map[string]string {
	page := func(path string) string {
		w := httptest.NewRecorder()
		runs.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return fmt.Sprint(w.Header(), w.Body)
	}
	all := map[string]string{"the list": page("/")}
	for _, link := range runLink.FindAllStringSubmatch(all["the list"], -1) {
		all[link[1]] = page("/" + link[1])
	}
	return all
}
