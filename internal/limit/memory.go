package limit

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Memory is the [Limiter] of one process. It is safe for concurrent use.
type Memory struct {
	rule Rule

	mu    sync.Mutex
	byKey map[string]*gate
}

// New returns a limiter of one process.
func New(rule Rule) *Memory { return &Memory{rule: rule, byKey: make(map[string]*gate)} }

// maxGates is how many keys are kept before those that nobody uses are dropped.
const maxGates = 1000

// gate is what the calls of one key share.
type gate struct {
	users int // who hold a pass or wait for one; of Memory.mu

	mu     sync.Mutex
	inside int           // calls that are being made
	queue  []waiter      // who wait for one of them to end, the first in front
	due    time.Time     // the time at which a call would come that uses the rate up evenly
	closed time.Time     // until when the system has asked for no calls
	shift  time.Duration // by how much that has moved the turns of those who wait
}

// waiter is somebody who waits for a place.
type waiter struct {
	order int64
	turn  chan struct{} // closed when it has come
}

// Enter implements [Limiter].
func (m *Memory) Enter(ctx context.Context, t Target) (func(Outcome), error) {
	key, l := m.rule.Of(t)
	if key == "" {
		return func(Outcome) {}, ctx.Err()
	}
	g := m.use(key)
	if err := g.enter(ctx, l, t.Order); err != nil {
		m.unuse(g)
		return nil, fmt.Errorf("waiting for the limit of calls to %s: %w", t.Origin, err)
	}
	return func(o Outcome) {
		g.leave(o, l)
		m.unuse(g)
	}, nil
}

func (m *Memory) use(key string) *gate {
	m.mu.Lock()
	defer m.mu.Unlock()
	g := m.byKey[key]
	if g == nil {
		if len(m.byKey) >= maxGates {
			m.drop(time.Now())
		}
		g = &gate{}
		m.byKey[key] = g
	}
	g.users++
	return g
}

func (m *Memory) unuse(g *gate) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g.users--
}

// drop forgets the gates that nobody uses and that would let anybody pass.
func (m *Memory) drop(now time.Time) {
	for key, g := range m.byKey {
		if g.users == 0 && !ahead(g.due, now) && !ahead(g.closed, now) {
			delete(m.byKey, key)
		}
	}
}

func (g *gate) enter(ctx context.Context, l Limit, order int64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := g.enqueue(ctx, l, order); err != nil {
		return err
	}
	if err := g.keepTime(ctx, l); err != nil {
		g.leave(Outcome{}, l)
		return err
	}
	return nil
}

// keepTime waits as the rate has it, and while the system has asked for no calls.
func (g *gate) keepTime(ctx context.Context, l Limit) error {
	wait, shift, err := g.reserve(ctx, time.Now(), l)
	for wait > 0 && err == nil {
		if err = sleep(ctx, wait); err == nil {
			wait, shift = g.moved(shift) // by calls that have ended meanwhile
		}
	}
	return err
}

// enqueue waits until fewer calls are being made than may be at once.
func (g *gate) enqueue(ctx context.Context, l Limit, order int64) error {
	g.mu.Lock()
	if l.AtOnce <= 0 || g.inside < l.AtOnce && len(g.queue) == 0 {
		g.inside++
		g.mu.Unlock()
		return nil
	}
	w := waiter{order, make(chan struct{})}
	at, _ := slices.BinarySearchFunc(g.queue, order, func(other waiter, order int64) int {
		if other.order > order {
			return 1
		}
		return -1 // also those of the same order, who came before
	})
	g.queue = slices.Insert(g.queue, at, w)
	g.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.queue, w); i >= 0 {
		g.queue = slices.Delete(g.queue, i, i+1)
	} else { // its turn came at the same time
		g.next(l)
	}
	return context.Cause(ctx)
}

// next ends a call, and gives its place to whoever is in front.
func (g *gate) next(l Limit) {
	g.inside--
	for len(g.queue) > 0 && (l.AtOnce <= 0 || g.inside < l.AtOnce) {
		close(g.queue[0].turn)
		g.queue = g.queue[1:]
		g.inside++
	}
}

// reserve takes the next turn that the rate has free, and returns how far off it is. It
// takes none that the context would not live to see.
func (g *gate) reserve(ctx context.Context, now time.Time, l Limit) (wait, shift time.Duration, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	from := now
	if ahead(g.closed, now) {
		from = g.closed
	}
	at, due := from, g.due
	if interval := l.interval(); interval > 0 {
		reach := interval * time.Duration(l.burst()-1) // how far calls may come before they are due
		if !ahead(due, now) {
			due = now
		}
		if from.After(now) && due.Add(-reach).Before(from) {
			due = from.Add(reach) // after a refusal calls come one by one
		}
		at, due = due.Add(-reach), due.Add(interval)
	}
	wait = at.Sub(now)
	if ends, ok := ctx.Deadline(); ok && wait > 0 && ends.Before(at) {
		return 0, 0, fmt.Errorf("that takes %v, which is longer than the call may take: %w", wait.Round(time.Millisecond), context.DeadlineExceeded)
	}
	g.due = due
	return wait, g.shift, nil
}

// moved returns by how much a turn has moved since.
func (g *gate) moved(since time.Duration) (by, shift time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shift - since, g.shift
}

// ahead reports whether a time has not come yet. One that is more than a day off was noted
// by another clock, such as the one of a test.
func ahead(t, now time.Time) bool { return t.After(now) && t.Sub(now) < 24*time.Hour }

// maxClosed bounds how long a system can ask for no calls.
const maxClosed = 2 * time.Minute

func (g *gate) leave(o Outcome, l Limit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if o.Wait > 0 {
		g.close(time.Now(), min(o.Wait, maxClosed))
	}
	g.next(l)
}

// close holds all calls back for a time. The turns that were given move by it.
func (g *gate) close(now time.Time, wait time.Duration) {
	from, until := now, now.Add(wait)
	if ahead(g.closed, now) {
		from = g.closed
	}
	if !until.After(from) {
		return
	}
	g.closed = until
	g.shift += until.Sub(from)
	if ahead(g.due, now) {
		g.due = g.due.Add(until.Sub(from))
	}
}

func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
