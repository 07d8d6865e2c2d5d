package ownstep_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// The program of these tests has set OpenTelemetry's global providers, as programs do.
var (
	spans  = tracetest.NewSpanRecorder()
	reader = metric.NewManualReader()
)

func TestMain(m *testing.M) {
	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSpanProcessor(spans)))
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	otel.SetTextMapPropagator(propagation.TraceContext{})
	os.Exit(m.Run())
}

func TestARunIsATreeOfSpans(t *testing.T) {
	var mu sync.Mutex
	var parents []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		parents = append(parents, r.Header.Get("Traceparent"))
		mu.Unlock()
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(s.Close)
	chain, err := pipeline.New(step(t, s.URL))
	if err != nil {
		t.Fatal(err)
	}
	const annotation = 4711
	call := invoice().With(rossumtest.Set("id", annotation), rossumtest.Request("request-1"), rossumtest.Offline())
	if _, err := chain.Export(t.Context(), call.Payload(), pipeline.WithLogger(nil)); err != nil {
		t.Fatal(err)
	}
	want := `export internal Error(false) exportpipeline.outcome=failed rossum.annotation.id=4711 rossum.hook.id=HOOK rossum.request.id=request-1
  step archive internal Error(false) exportpipeline.outcome=failed exportpipeline.step=archive rossum.annotation.id=4711
    POST client Error(true) error.type=503 exportpipeline.call=create exportpipeline.step=archive http.request.method=POST http.response.status_code=503 rossum.annotation.id=4711 server.address=127.0.0.1 server.port=PORT url.full=URL/records
`
	got := tree(annotation)
	got = strings.NewReplacer(
		s.URL, "URL", s.URL[strings.LastIndexByte(s.URL, ':')+1:], "PORT", fmt.Sprint("hook.id=", rossumtest.HookID), "hook.id=HOOK",
	).
		Replace(got)
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if len(parents) != 1 || !strings.Contains(parents[0], clientSpan(annotation)) {
		t.Errorf("the archive got traceparent %q", parents)
	}
}

func ofAnnotation(s trace.ReadOnlySpan, id int64) bool {
	return slices.ContainsFunc(s.Attributes(), func(a attribute.KeyValue) bool {
		return a.Key == pipeline.AttributeAnnotation && a.Value.AsInt64() == id
	})
}

// tree writes the spans of an annotation down, each below its parent.
func tree(id int64) string {
	var b strings.Builder
	var below func(parent, indent string)
	below = func(parent, indent string) {
		for _, s := range spans.Ended() {
			if !ofAnnotation(s, id) || s.Parent().SpanID().String() != parent {
				continue
			}
			var attributes []string
			for _, a := range s.Attributes() {
				attributes = append(attributes, string(a.Key)+"="+a.Value.String())
			}
			slices.Sort(attributes)
			fmt.Fprintf(
				&b,
				"%s%s %s Error(%v) %s\n",
				indent,
				s.Name(),
				s.SpanKind(),
				s.Status().Code.String() == "Error",
				strings.Join(attributes, " "),
			)
			below(s.SpanContext().SpanID().String(), indent+"  ")
		}
	}
	below("0000000000000000", "")
	return b.String()
}

func clientSpan(id int64) string {
	for _, s := range spans.Ended() {
		if ofAnnotation(s, id) && s.Name() == "POST" {
			return s.SpanContext().SpanID().String()
		}
	}
	return "none"
}

func TestARunIsMeasured(t *testing.T) {
	url, _ := server(t, 201)
	chain, err := pipeline.New(step(t, url))
	if err != nil {
		t.Fatal(err)
	}
	before := counts(t)
	if _, err := chain.Export(t.Context(), invoice().With(rossumtest.Offline()).Payload(), pipeline.WithLogger(nil)); err != nil {
		t.Fatal(err)
	}
	after := counts(t)
	for _, name := range []string{"exportpipeline.run.duration", "exportpipeline.step.duration", "exportpipeline.call.duration"} {
		if after[name] != before[name]+1 {
			t.Errorf("%s was recorded %d times", name, after[name]-before[name])
		}
	}
	for _, name := range []string{"exportpipeline.run.active", "exportpipeline.call.active"} {
		if n, there := after[name]; !there || n != before[name] {
			t.Errorf("%s is %d after the run", name, n)
		}
	}
}

// counts are the numbers of what was recorded, and the values of gauges.
func counts(t *testing.T) map[string]int64 {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &data); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]int64)
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					all[m.Name] += int64(p.Count)
				}
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					all[m.Name] += p.Value
				}
			}
		}
	}
	return all
}
