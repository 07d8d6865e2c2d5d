// Package mortal has the ledger of a process that dies at one of its writes, for tests of
// what the next process makes of it.
package mortal

import (
	"context"
	"errors"
	"sync"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// ErrKilled is what a [Ledger] answers once its process is dead.
var ErrKilled = errors.New("the process was killed")

// Ledger is the ledger of a process that dies at one of its writes, as far as that can
// be had without a process: nothing more is written, and the context of its runs ends.
// It is safe for concurrent use.
type Ledger struct {
	pipeline.Ledger
	at   int
	done bool
	kill context.CancelCauseFunc

	mu     sync.Mutex
	writes int
	dead   bool
	leases map[pipeline.RunID]pipeline.Lease
}

// New makes the ledger of a process that dies at the write with that number,
// counted from 1: before the write or, with done, after it. The context is that of the
// process.
func New(ctx context.Context, l pipeline.Ledger, at int, done bool) (*Ledger, context.Context) {
	ctx, kill := context.WithCancelCause(ctx)
	return &Ledger{Ledger: l, at: at, done: done, kill: kill, leases: make(map[pipeline.RunID]pipeline.Lease)}, ctx
}

// Dead reports whether the process has died.
func (m *Ledger) Dead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

// Bury ends the leases of the dead process, as time would.
func (m *Ledger) Bury(ctx context.Context) error {
	m.kill(nil)
	m.mu.Lock()
	defer m.mu.Unlock()
	var faults []error
	for _, l := range m.leases {
		if err := m.Ledger.Release(ctx, l); err != nil && !errors.Is(err, pipeline.ErrEnded) && !errors.Is(err, pipeline.ErrFenced) {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// write counts a write, and does it unless the process is dead.
func (m *Ledger) write(do func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return ErrKilled
	}
	m.writes++
	if m.writes != m.at {
		return do()
	}
	if m.done {
		_ = do()
	}
	m.dead = true
	m.kill(pipeline.ErrHandedOver)
	return ErrKilled
}

// Claim implements [pipeline.Ledger].
func (m *Ledger) Claim(ctx context.Context, k pipeline.RunKey, o pipeline.ClaimOptions) (c pipeline.Claimed, err error) {
	err = m.write(func() error {
		var err error
		if c, err = m.Ledger.Claim(ctx, k, o); err == nil {
			m.leases[c.Lease.Run] = c.Lease
		}
		return err
	})
	return c, err
}

// Append implements [pipeline.Ledger].
func (m *Ledger) Append(ctx context.Context, l pipeline.Lease, r ...pipeline.Record) error {
	return m.write(func() error { return m.Ledger.Append(ctx, l, r...) })
}

// End implements [pipeline.Ledger].
func (m *Ledger) End(ctx context.Context, l pipeline.Lease, r pipeline.Record) error {
	return m.write(func() error { return m.Ledger.End(ctx, l, r) })
}

// Release implements [pipeline.Ledger].
func (m *Ledger) Release(ctx context.Context, l pipeline.Lease) error {
	return m.write(func() error { return m.Ledger.Release(ctx, l) })
}

// Renew implements [pipeline.Ledger]. It counts as no write.
func (m *Ledger) Renew(ctx context.Context, l pipeline.Lease) error {
	if m.Dead() {
		return ErrKilled
	}
	return m.Ledger.Renew(ctx, l)
}
