package pgledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/jackc/pgx/v5/pgxpool"
)

// NewLimiter returns a limiter whose limits all replicas share that use the same tables:
// those of [Open], which it makes if they are missing. Calls of one key pass in the order in
// which they came, whatever replica they came to; those of different keys don't know of each
// other, so that a slow system holds nobody else's calls up.
//
// The places of a process that has died are free after half a minute. One that stood still
// for longer may make the call that it has begun beside those that came meanwhile. Limits
// are forgotten when the database crashes, and calls fail, unsent, when it is away for longer
// than Options.Patience. It costs two statements for each attempt of a call, which aren't
// waited for to be on the disk.
//
// The end of the context that is given here means nothing later.
func NewLimiter(ctx context.Context, pool *pgxpool.Pool, rule pipeline.LimitRule, o Options) (pipeline.Limiter, error) {
	l, err := open(ctx, pool, o, migrations)
	if err != nil {
		return nil, err
	}
	return &limiter{l: l, rule: rule, held: make(map[int64]bool)}, nil
}

type limiter struct {
	l    *ledger
	rule pipeline.LimitRule

	mu    sync.Mutex
	held  map[int64]bool // marks of passes
	beats bool
}

// Times of passes.
const (
	passAlive  = 30 * time.Second // that a process is believed to live after it was heard of
	passBeat   = 10 * time.Second
	leaveTime  = 20 * time.Second
	maxClosed  = 2 * time.Minute // that a system can ask for no calls
	noDeadline = 365 * 24 * time.Hour
)

// Enter implements [pipeline.Limiter].
func (m *limiter) Enter(ctx context.Context, t pipeline.CallTarget) (func(pipeline.CallOutcome), error) {
	key, limit := m.rule.Of(t)
	if key == "" {
		return func(pipeline.CallOutcome) {}, ctx.Err()
	}
	mark := nonce()
	m.hold(mark)
	if err := m.enter(ctx, key, t, limit, mark); err != nil {
		m.leave(key, mark, pipeline.CallOutcome{})
		return nil, fmt.Errorf("waiting for the limit of calls to %s: %w", t.Origin, err)
	}
	var once sync.Once
	return func(o pipeline.CallOutcome) { once.Do(func() { go m.leave(key, mark, o) }) }, nil
}

// gateKey is a key as the tables have it: hashed, since it may be any text, such as a field of a
// document ([pipeline.InTurn]), which is nothing for those who read the tables.
func gateKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// enter asks until it is the call's turn.
func (m *limiter) enter(ctx context.Context, key string, t pipeline.CallTarget, limit pipeline.Limit, mark int64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	heard, stop := m.l.ends.join(m.l, pipeline.RunID("pass "+strconv.FormatInt(mark, 10)))
	defer stop()
	var spacing time.Duration
	burst := max(limit.Burst, 1)
	if limit.PerSecond > 0 {
		spacing = time.Duration(float64(time.Second) / limit.PerSecond)
		if limit.Burst <= 0 {
			burst = max(1, int(math.Ceil(limit.PerSecond)))
		}
	}
	pause := 10 * time.Millisecond
	for {
		patience := noDeadline
		if ends, ok := ctx.Deadline(); ok {
			patience = time.Until(ends)
		}
		var code string
		var micros int64
		err := m.l.retry(ctx, "asking for the limit of calls", func(ctx context.Context, _ bool) error {
			return m.l.pool.QueryRow(ctx, "SELECT code, wait FROM "+m.l.prefix+"enter_1($1,$2,$3,$4,$5,$6,$7,$8)",
				m.l.args(gateKey(key), mark, t.Order, int32(limit.AtOnce), spacing.Microseconds(), int32(burst), patience.Microseconds(), passAlive.Microseconds())...).Scan(&code, &micros)
		})
		wait := time.Duration(micros) * time.Microsecond
		switch {
		case err != nil && ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil || code == "go":
			return err
		case code == "late":
			return fmt.Errorf("that takes %v, which is longer than the call may take: %w", wait.Round(time.Millisecond), context.DeadlineExceeded)
		case wait == 0: // somebody else's turn
			most := m.l.ends.polling
			if m.l.ends.works() {
				most = m.l.ends.listening
			}
			if err := sleep(ctx, pause, heard); err != nil {
				return err
			}
			pause = min(2*pause, most)
		default: // its own, then
			if err := sleep(ctx, wait, nil); err != nil {
				return err
			}
		}
	}
}

// sleep waits for a time, or for a word.
func sleep(ctx context.Context, wait time.Duration, heard <-chan struct{}) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-heard:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// leave gives the place to the next call. If the database is away for long, the place is
// free when this process isn't heard of any more, or has stopped holding it.
func (m *limiter) leave(key string, mark int64, o pipeline.CallOutcome) {
	m.mu.Lock()
	delete(m.held, mark)
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	err := m.l.retry(ctx, "leaving the limit of calls", func(ctx context.Context, _ bool) error {
		_, err := m.l.pool.Exec(ctx, "SELECT "+m.l.prefix+"leave_1($1,$2,$3)", m.l.args(gateKey(key), mark, min(o.Wait, maxClosed).Microseconds())...)
		return err
	})
	if err != nil {
		m.l.log.Warn(err.Error())
	}
}

// hold has a pass be heard of.
func (m *limiter) hold(mark int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held[mark] = true
	if !m.beats {
		m.beats = true
		go m.beat()
	}
}

// beat tells that this process lives, as long as it holds a pass.
func (m *limiter) beat() {
	for {
		time.Sleep(passBeat)
		m.mu.Lock()
		marks := slices.Collect(maps.Keys(m.held))
		m.beats = len(marks) > 0
		m.mu.Unlock()
		if len(marks) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), passBeat)
		_, err := m.l.pool.Exec(ctx, "SELECT "+m.l.prefix+"alive_1($1,$2)", m.l.args(marks, passAlive.Microseconds())...)
		cancel()
		if err != nil {
			m.l.log.Warn("ledger in PostgreSQL: holding places of limits: " + err.Error()) // and again in ten seconds
		}
	}
}
