package pipeline

import (
	"context"
	"net/url"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/limit"
)

// Limiter holds calls back, so that no system gets more of them at once, or in a second,
// than it bears. It is shared by all exports that should share a limit: those of a process
// ([NewLimiter]), or of several replicas. It must be safe for concurrent use.
type Limiter interface {
	// Enter waits until one attempt of a call may be made. leave, never nil beside a nil
	// error, is called once when the attempt is over: its reply was read, or it has failed;
	// a reply that is streamed counts as read when its first byte is there. leave must not
	// block for long, and has no context: it must end by itself what it does.
	//
	// If ctx ends first, or would end before the call's turn comes, the error wraps that of
	// ctx, or context.DeadlineExceeded. Any other error fails the call, too: nothing was
	// sent. Nothing is held after an error.
	//
	// A process may die between Enter and leave: a limiter that several share must free
	// the place of such a call by itself, after the time that calls may take at most.
	Enter(ctx context.Context, t CallTarget) (leave func(CallOutcome), err error)
}

// CallTarget is where a call goes, as a [Limiter] knows it. It can be compared.
type CallTarget struct {
	// Organization is the base URL of the organisation in Rossum whose export makes the
	// call.
	Organization string
	// Origin is scheme, host and port of the system, in lower case, such as
	// https://erp.example, https://erp.example:8443 or sftp://files.example. For a server
	// of SFTP it is the opening of a connection that is a call, login included; what is
	// done on it is not held back.
	Origin string
	Step   string // name of the step that makes the call, "" outside of steps
	Rossum bool   // it is a call of Rossum's API
	// Order is 0 for calls, and that of its [Turn] for an export ([InTurn]). Of those that
	// wait until fewer of their key are under way, the one with the smallest Order is the
	// next to enter; with the same, the one that came first.
	Order int64
}

// CallOutcome is what came of an attempt, as a [Limiter] hears it.
type CallOutcome struct {
	Status int // of the reply, 0 if there was none
	// Wait is how long the system asks its callers to wait (Retry-After beside the status
	// 429 or 503); 0 if it does not.
	Wait time.Duration
}

// Limit is what one system bears. The zero Limit lets all calls pass.
type Limit struct {
	AtOnce    int     // calls at once, 0 for any number
	PerSecond float64 // calls a second in the long run, 0 for any number
	// Burst is how many calls may follow each other at once after a pause; PerSecond,
	// rounded up, if it is 0.
	Burst int
}

// RossumLimit is the limit of Rossum's API for one organisation, which counts without any
// option: 20 calls at once after a pause, and then so many that no minute has more than the
// 600 that the platform allows.
func RossumLimit() Limit { return Limit(limit.Rossum) }

// LimitRule says which limit a call counts against: calls with the same key share one. A
// key belongs to one limit. With the key "" calls pass, but those of Rossum's API, which
// count against [RossumLimit], by organisation.
type LimitRule func(CallTarget) (key string, l Limit)

// Of returns key and limit of a call, also those of Rossum's API; the key is "" for a call
// that passes. A nil rule has no limits but Rossum's.
func (r LimitRule) Of(t CallTarget) (key string, l Limit) {
	key, inner := r.inner().Of(limit.Target(t))
	return key, Limit(inner)
}

func (r LimitRule) inner() limit.Rule {
	if r == nil {
		return nil
	}
	return func(t limit.Target) (string, limit.Limit) {
		key, l := r(CallTarget(t))
		return key, limit.Limit(l)
	}
}

// LimitPerHost is the rule by which all calls to one host share a limit, each host one of
// its own, so that a slow ERP holds up no other one. hosts are the limits of some, by
// their origin, such as https://erp.example; the others have the limit each.
func LimitPerHost(each Limit, hosts map[string]Limit) LimitRule {
	own := make(map[string]Limit, len(hosts))
	for origin, l := range hosts {
		if u, err := url.Parse(origin); err == nil {
			origin = limit.Origin(u)
		}
		own[origin] = l
	}
	return func(t CallTarget) (string, Limit) {
		if l, ok := own[t.Origin]; ok {
			return t.Origin, l
		}
		if t.Rossum {
			return "", Limit{}
		}
		return t.Origin, each
	}
}

// LimitPerTenant is LimitPerHost for hosts that serve many customers and count the calls
// of each: every organisation in Rossum has limits of its own.
func LimitPerTenant(each Limit, hosts map[string]Limit) LimitRule {
	byHost := LimitPerHost(each, hosts)
	return func(t CallTarget) (string, Limit) {
		key, l := byHost(t)
		if key == "" {
			return "", l
		}
		return t.Organization + " " + key, l
	}
}

// NewLimiter returns a limiter of this process, which lets the calls of a key pass in the
// order in which they come. A reply with the status 429, or 503, and Retry-After holds all
// calls of its key back, for two minutes at most; they follow one by one then. It keeps no
// more than what calls share: make one, and give it to all chains and servers.
func NewLimiter(rule LimitRule) Limiter { return memoryLimiter{limit.New(rule.inner())} }

type memoryLimiter struct{ *limit.Memory }

// Enter implements [Limiter].
func (l memoryLimiter) Enter(ctx context.Context, t CallTarget) (func(CallOutcome), error) {
	leave, err := l.Memory.Enter(ctx, limit.Target(t))
	if err != nil {
		return nil, err
	}
	return func(o CallOutcome) { leave(limit.Outcome(o)) }, nil
}

// WithLimiter has the calls of exports held back by l: those of steps, token requests, and
// those of Rossum's API, for which l takes the place of the limits that the clients of a
// process share. How long a call had to wait is in the report.
func WithLimiter(l Limiter) Option { return func(c *config) { c.limiter = l } }

// limited is a [Limiter] as the sender knows it.
type limited struct{ Limiter }

// Enter implements [limit.Limiter].
func (l limited) Enter(ctx context.Context, t limit.Target) (func(limit.Outcome), error) {
	leave, err := l.Limiter.Enter(ctx, CallTarget(t))
	if err != nil {
		return nil, err
	}
	return func(o limit.Outcome) { leave(CallOutcome(o)) }, nil
}

// holdBack returns the context of a step's calls, which are held back as the program wants.
func (x *Export) holdBack(ctx context.Context, step string, r *StepReport) context.Context {
	s := limit.Scope{Organization: x.Payload.BaseURL, Step: step}
	if l := x.run.config.limiter; l != nil {
		s.Limiter = limited{l}
	}
	if r != nil {
		s.Waited = (*waits)(r)
	}
	return limit.With(ctx, s)
}

// waits notes in a step's report how long its calls were held back.
type waits StepReport

// Add implements [limit.Waits].
func (w *waits) Add(d time.Duration) {
	(*StepReport)(w).add(func(r *StepReport) { r.Waited += Duration(d) })
}

// enter waits until an HTTP call may be made. It does so before the call is announced, whose
// time counts from then.
func (x *Export) enter(ctx context.Context, a Act) (context.Context, *limit.Pass, error) {
	if a.Request == nil || !limit.Holds(ctx) {
		return ctx, nil, nil
	}
	u, err := url.Parse(a.Request.URL)
	if err != nil { // the sender says so
		return ctx, nil, nil
	}
	pass, err := limit.Enter(ctx, u, false)
	if err != nil {
		return ctx, nil, NotSent(err)
	}
	return limit.Passed(ctx, pass), pass, nil
}
