package pipeline

import "context"

// Preflight is what a run does before its first step, for the benchmark.
func (c *Chain) Preflight(ctx context.Context, x *Export) error { return c.preflight(ctx, x) }
