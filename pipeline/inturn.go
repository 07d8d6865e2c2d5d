package pipeline

import (
	"context"
	"fmt"
)

// InTurn has exports with the same key run one after the other, in the order in which they
// come, for an ERP that locks a supplier, say, while it books an invoice:
//
//	pipeline.InTurn(turns, func(x *pipeline.Export) pipeline.Turn {
//		supplier, err := x.Field("supplier_id")
//		if err != nil { // there is no such field
//			return pipeline.Turn{}
//		}
//		return pipeline.Turn{Key: supplier.Value()}
//	})
//
// Those of different organisations don't wait for each other, nor do those with the key "".
// [Turn].Order lets some pass before others that came earlier, but wait still:
//
//	return pipeline.Turn{Key: x.Payload.Annotation.Queue, Order: x.Payload.Annotation.ID}
//
// has the exports of a queue run one by one, and those that wait by the annotation's number.
// A document that Rossum sends later is not waited for. turn is called once for each export, of
// several at the same time, too, and only reads it; if it panics, the export fails.
//
// An export waits before its first step, as a part of its time: if its turn doesn't come
// while it lasts, it fails, and nothing was sent. turns is a limiter that gives a key to one
// at a time, made with the rule [OneAtATime]: that of [NewLimiter] for one process, that of
// package pgledger for several replicas. Limiters of calls ([WithLimiter]) are others. Dry
// runs don't wait.
func InTurn(turns Limiter, turn func(*Export) Turn) Option {
	return func(c *config) { c.turns, c.turnOf = turns, turn }
}

// Turn says which exports wait for each other ([InTurn]).
type Turn struct {
	Key string // those with the same key run one after the other; "" waits for nobody
	// Order is the place among those that wait: the smallest comes first, and of the same
	// the one that came first.
	Order int64
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
	var turn Turn
	err = x.guarded(ctx, "asking whose turn it is panicked", func() error { turn = c.turnOf(x); return nil })
	if err != nil || turn.Key == "" {
		return func() {}, err
	}
	left, err := c.turns.Enter(ctx, CallTarget{Organization: x.Payload.BaseURL, Origin: "turn:" + turn.Key, Order: turn.Order})
	if err != nil {
		return nil, NotSent(fmt.Errorf("waiting for the end of the other exports for %q: %w", turn.Key, err))
	}
	return func() { left(CallOutcome{}) }, nil
}
