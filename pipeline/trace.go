package pipeline

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// startSpan begins a span if the program wants spans. The returned function
// ends it, and notes the error without its secrets.
func (x *Export) startSpan(ctx context.Context, name string, annotation int64) (context.Context, func(error)) {
	tracer := x.run.config.tracer
	if tracer == nil {
		return ctx, func(error) {}
	}
	ctx, span := tracer.Start(ctx, "exportpipeline "+name, trace.WithAttributes(
		attribute.Int64("rossum.annotation", annotation),
		attribute.String("rossum.request", x.Payload.RequestID),
	))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, x.Redact(err.Error()))
		}
		span.End()
	}
}
