package pipeline

import (
	"context"
	"fmt"
)

// InTurn has exports with the same key run one after the other, in the order in which they
// come, for an ERP that locks a supplier, say, while it books an invoice:
//
//	pipeline.InTurn(turns, func(x *pipeline.Export) string {
//		supplier, err := x.Field("supplier_id")
//		if err != nil { // there is no such field
//			return ""
//		}
//		return supplier.Value()
//	})
//
// Those of different organisations don't wait for each other, nor do those with the key "".
// An export waits before its first step, as a part of its time: if its turn doesn't come
// while it lasts, it fails, and nothing was sent. turns is a limiter that gives a key to one
// at a time, made with the rule [OneAtATime]: that of [NewLimiter] for one process, that of
// package pgledger for several replicas. Limiters of calls ([WithLimiter]) are others. Dry
// runs don't wait.
func InTurn(turns Limiter, key func(*Export) string) Option {
	return func(c *config) { c.turns, c.turnOf = turns, key }
}

// OneAtATime is the [LimitRule] of [InTurn].
func OneAtATime(t CallTarget) (string, Limit) {
	return t.Organization + " " + t.Origin, Limit{AtOnce: 1}
}

// takeTurn waits for the export's turn, which lasts until leave is called.
func (x *Export) takeTurn(ctx context.Context) (leave func(), err error) {
	c := &x.run.config
	if c.turns == nil || x.IsDry() {
		return func() {}, nil
	}
	var key string
	err = x.guarded(ctx, "asking whose turn it is panicked", func() error { key = c.turnOf(x); return nil })
	if err != nil || key == "" {
		return func() {}, err
	}
	left, err := c.turns.Enter(ctx, CallTarget{Organization: x.Payload.BaseURL, Origin: "turn:" + key})
	if err != nil {
		return nil, NotSent(fmt.Errorf("waiting for the end of the other exports for %q: %w", key, err))
	}
	return func() { left(CallOutcome{}) }, nil
}
