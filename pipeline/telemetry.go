package pipeline

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Telemetry names what OpenTelemetry gets: the scope, and the attributes beside those of
// its own conventions (http.request.method, url.full, server.address, server.port,
// http.response.status_code, error.type). None has a secret, or content of a document.
//
// Spans: "export" for a run, "step NAME" within it, and within that one of kind client
// for each call: the method of an HTTP call, else the first word of what it is. A call
// carries traceparent if the program has set a propagator (otel.SetTextMapPropagator).
//
// Metrics: exportpipeline.run.active, exportpipeline.run.duration,
// exportpipeline.step.duration, exportpipeline.call.active, exportpipeline.call.duration
// (in seconds), exportpipeline.call.retries.
const (
	TelemetryScope = "github.com/exportpipeline/exportpipeline/pipeline"

	AttributeAnnotation = "rossum.annotation.id"   // of runs, steps and calls; a number
	AttributeRequest    = "rossum.request.id"      // of runs
	AttributeHook       = "rossum.hook.id"         // of runs; a number
	AttributeRun        = "exportpipeline.run.id"  // of runs that are kept on a ledger
	AttributeStep       = "exportpipeline.step"    // of steps and their calls, also in metrics
	AttributeOutcome    = "exportpipeline.outcome" // "ok" or "failed", of runs and steps, also in metrics
	AttributeCall       = "exportpipeline.call"    // Act.Call, of calls
)

const (
	outcomeOK     = "ok"
	outcomeFailed = "failed"
)

// WithTracer sets the OpenTelemetry tracer that gets a span for each export, step and
// call. Without it that is a tracer of the global provider.
func WithTracer(t trace.Tracer) Option { return func(c *config) { c.tracer = t } }

// WithMeter sets the OpenTelemetry meter that gets the metrics. Without it that is a
// meter of the global provider.
func WithMeter(m metric.Meter) Option {
	made := newInstruments(m)
	return func(c *config) { c.instruments = made }
}

// instruments are the metrics of runs.
type instruments struct {
	runs, calls                             metric.Int64UpDownCounter
	runDuration, stepDuration, callDuration metric.Float64Histogram
	retries                                 metric.Int64Counter
}

// seconds are the bounds of durations: an export takes from milliseconds to minutes.
var seconds = metric.WithExplicitBucketBoundaries(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

// newInstruments makes the metrics. A meter returns an error only for names that are not
// valid, and something that can be used beside it.
func newInstruments(m metric.Meter) *instruments {
	i := &instruments{}
	i.runs, _ = m.Int64UpDownCounter("exportpipeline.run.active", metric.WithUnit("{run}"), metric.WithDescription("Exports that are running."))
	i.calls, _ = m.Int64UpDownCounter("exportpipeline.call.active", metric.WithUnit("{call}"), metric.WithDescription("Calls that are being made."))
	i.runDuration, _ = m.Float64Histogram("exportpipeline.run.duration", metric.WithUnit("s"), seconds, metric.WithDescription("How long exports took."))
	i.stepDuration, _ = m.Float64Histogram("exportpipeline.step.duration", metric.WithUnit("s"), seconds, metric.WithDescription("How long steps took."))
	i.callDuration, _ = m.Float64Histogram("exportpipeline.call.duration", metric.WithUnit("s"), seconds, metric.WithDescription("How long calls took, with their repeats."))
	i.retries, _ = m.Int64Counter("exportpipeline.call.retries", metric.WithUnit("{attempt}"), metric.WithDescription("Attempts of calls after the first."))
	return i
}

// globalInstruments are those of the global provider, also of one that is set later.
var globalInstruments = sync.OnceValue(func() *instruments { return newInstruments(otel.Meter(TelemetryScope)) })

func (c *config) metrics() *instruments {
	if c.instruments != nil {
		return c.instruments
	}
	return globalInstruments()
}

// noSpan ends a span that was never begun.
func noSpan(error, ...attribute.KeyValue) {}

// startSpan begins a span. The returned function ends it, and notes the error without its
// secrets.
func (x *Export) startSpan(ctx context.Context, name string, kind trace.SpanKind, attributes ...attribute.KeyValue) (context.Context, func(error, ...attribute.KeyValue)) {
	tracer := x.run.config.tracer
	if tracer == nil {
		tracer = otel.Tracer(TelemetryScope)
	}
	attributes = append(attributes, attribute.Int64(AttributeAnnotation, x.Annotation.ID))
	ctx, span := tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
	if !span.IsRecording() {
		return ctx, func(error, ...attribute.KeyValue) { span.End() }
	}
	return ctx, func(err error, attributes ...attribute.KeyValue) {
		if err != nil {
			span.SetStatus(codes.Error, x.said(err.Error()))
			attributes = append(attributes, errorType(err))
		}
		span.SetAttributes(attributes...)
		span.End()
	}
}

// recordSince records how long something took, unless nobody collects that.
func (x *Export) recordSince(ctx context.Context, h metric.Float64Histogram, started time.Time, attributes ...attribute.KeyValue) {
	if h.Enabled(ctx) {
		h.Record(context.WithoutCancel(ctx), x.WallTime().Sub(started).Seconds(), metric.WithAttributes(attributes...))
	}
}

func outcomeOf(failed bool) attribute.KeyValue {
	if failed {
		return attribute.String(AttributeOutcome, outcomeFailed)
	}
	return attribute.String(AttributeOutcome, outcomeOK)
}

// observeRun begins to observe the run of an export. The returned function ends that.
func (x *Export) observeRun(ctx context.Context) (context.Context, func(error)) {
	attributes := []attribute.KeyValue{attribute.String(AttributeRequest, x.Payload.RequestID)}
	if id := x.run.log.info.ID; id != "" {
		attributes = append(attributes, attribute.String(AttributeRun, string(id)))
	}
	if id := rossum.IDOf(x.Payload.Hook); id != 0 {
		attributes = append(attributes, attribute.Int64(AttributeHook, id))
	}
	metrics, started := x.run.config.metrics(), x.WallTime()
	metrics.runs.Add(ctx, 1)
	above := trace.SpanContextFromContext(ctx)
	ctx, end := x.startSpan(ctx, "export", trace.SpanKindInternal, attributes...)
	// Without a provider spans are nothing. One that is not sampled has a context of its own
	// all the same.
	span := trace.SpanFromContext(ctx)
	x.run.untraced = x.run.config.tracer == nil && !span.IsRecording() && span.SpanContext().Equal(above)
	return ctx, func(err error) {
		outcome := outcomeOf(err != nil || x.Failed())
		end(err, outcome)
		ctx := context.WithoutCancel(ctx)
		metrics.runs.Add(ctx, -1)
		if x.run.paused { // it is not over
			return
		}
		x.recordSince(ctx, metrics.runDuration, started, outcome)
	}
}

// unobserved ends what nobody observes.
func unobserved(error, bool) {}

// observeStep begins to observe a step.
func (x *Export) observeStep(ctx context.Context, name string) (context.Context, func(err error, failed bool)) {
	if x.run.untraced && !x.run.config.metrics().stepDuration.Enabled(ctx) {
		return ctx, unobserved
	}
	step, started := attribute.String(AttributeStep, name), x.WallTime()
	end := noSpan
	if !x.run.untraced {
		ctx, end = x.startSpan(ctx, "step "+name, trace.SpanKindInternal, step)
	}
	return ctx, func(err error, failed bool) {
		outcome := outcomeOf(failed)
		end(err, outcome)
		x.recordSince(ctx, x.run.config.metrics().stepDuration, started, step, outcome)
	}
}

// observeCall makes a call within a span of its own.
func (x *Export) observeCall(ctx context.Context, a Act, send func(context.Context) (*Reply, error)) (*Reply, error) {
	if m := x.run.config.metrics(); x.run.untraced && !m.calls.Enabled(ctx) && !m.callDuration.Enabled(ctx) {
		return send(ctx)
	}
	attributes := append(make([]attribute.KeyValue, 0, 7), attribute.String(AttributeCall, a.Call))
	if x.at != nil {
		attributes = append(attributes, attribute.String(AttributeStep, x.at.name))
	}
	name, _, _ := strings.Cut(a.What, " ")
	metrics, started := x.run.config.metrics(), x.WallTime()
	var kept []attribute.KeyValue // of the metrics
	if r := a.Request; r != nil {
		name = r.Method
		own := len(attributes)
		attributes = x.appendRequest(attributes, r)
		kept = attributes[own:]
		attributes = append(attributes, attribute.String("url.full", x.said((*redact.Redactor)(nil).URL(r.URL))))
	}
	metrics.calls.Add(ctx, 1)
	ctx, end := x.startSpan(ctx, name, trace.SpanKindClient, attributes...)
	answer, err := send(ctx)
	var ended []attribute.KeyValue
	if answer != nil && answer.Status != 0 {
		ended = append(ended, attribute.Int("http.response.status_code", answer.Status))
		if answer.Status >= 400 && err == nil {
			ended = append(ended, attribute.String("error.type", strconv.Itoa(answer.Status)))
			trace.SpanFromContext(ctx).SetStatus(codes.Error, "")
		}
	}
	end(err, ended...)
	metrics.calls.Add(context.WithoutCancel(ctx), -1)
	if metrics.callDuration.Enabled(ctx) {
		if kept = append(slices.Clip(kept), ended...); err != nil {
			kept = append(kept, errorType(err))
		}
		x.recordSince(ctx, metrics.callDuration, started, kept...)
	}
	return answer, err
}

// appendRequest appends what spans and metrics have of a request.
func (x *Export) appendRequest(list []attribute.KeyValue, r *Request) []attribute.KeyValue {
	list = append(list, attribute.String("http.request.method", r.Method))
	u, err := url.Parse(r.URL)
	if err != nil {
		return list
	}
	list = append(list, attribute.String("server.address", x.Redact(u.Hostname())))
	if port, err := strconv.Atoi(u.Port()); err == nil {
		list = append(list, attribute.Int("server.port", port))
	}
	return list
}

// errorType is a word for an error that has few values.
func errorType(err error) attribute.KeyValue {
	word := "error"
	switch {
	case isTimeout(err):
		word = "timeout"
	case errors.Is(err, context.Canceled):
		word = "canceled"
	case errors.Is(err, ErrPanic):
		word = "panic"
	case errors.Is(err, ErrUnsettled):
		word = "unsettled"
	case errors.Is(err, ErrNotSent):
		word = "not_sent"
	case errors.Is(err, ErrMaybeSent):
		word = "maybe_sent"
	}
	return attribute.String("error.type", word)
}

// logRun logs a run that has ended.
func (x *Export) logRun(ctx context.Context, err error) {
	calls := 0
	eachStep(x.run.report.Steps, func(s *StepReport) {
		s.add(func(s *StepReport) { calls += len(s.Calls) })
	})
	attributes := []any{"outcome", outcomeOf(x.run.report.Failed).Value.AsString(), "took", time.Duration(x.run.report.Took), "calls", calls}
	if id := x.run.log.info.ID; id != "" {
		attributes = append(attributes, "run", id)
	}
	if err != nil {
		attributes = append(attributes, "error", err)
	}
	x.Log.InfoContext(ctx, "export", attributes...)
}

// whyFailed is the error of a step, or the first error message that it has shown.
func (x *Export) whyFailed(err error, errorsBefore int) any {
	if err != nil {
		return err
	}
	for _, m := range x.Messages {
		if m.Type == rossum.MessageError {
			if errorsBefore--; errorsBefore < 0 {
				return m.Content
			}
		}
	}
	return nil
}
