package pgledger

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/jackc/pgx/v5"
)

// Limits of what goes out together.
const (
	mostTogether  = 64      // calls
	bytesTogether = 1 << 20 // of data; what is larger goes alone
	largeBody     = 8 << 10 // bytes; what is larger is kept apart from the records
)

// inTable is where the data of a large record is, if it is in the table of bodies.
const inTable = "."

// columns are records as arrays.
type columns struct {
	kinds    []string
	versions []int64
	datas    [][]byte
	bodies   []string
	size     int
}

// columnsOf holds records to the limits.
func columnsOf(records []pipeline.Record) (columns, error) {
	c := columns{kinds: []string{}, versions: []int64{}, datas: [][]byte{}, bodies: []string{}}
	for _, r := range records {
		if err := r.Check(); err != nil {
			return c, err
		}
		body := ""
		if len(r.Data) > largeBody {
			body = inTable
		}
		data := r.Data
		if data == nil {
			data = []byte{} // not NULL
		}
		c.kinds, c.versions, c.datas, c.bodies = append(c.kinds, string(r.Kind)), append(c.versions, int64(r.Version)), append(c.datas, data), append(c.bodies, body)
		c.size += len(r.Data)
	}
	return c, nil
}

// own makes the data the ledger's own.
func (c *columns) own() {
	for i := range c.datas {
		c.datas[i] = bytes.Clone(c.datas[i])
	}
}

func (c *columns) add(more columns) {
	c.kinds, c.versions = append(c.kinds, more.kinds...), append(c.versions, more.versions...)
	c.datas, c.bodies, c.size = append(c.datas, more.datas...), append(c.bodies, more.bodies...), c.size+more.size
}

// nonce marks a call, so that it is found if it is tried again.
func nonce() int64 { return rand.Int64() }

// write is a call on a run that is there.
type write struct {
	lease pipeline.Lease
	what  string // append, end, release or note
	nonce int64
	columns
	code, owner string // what came of it
	unsure      bool   // an earlier attempt may have made the call
	done        chan error
}

// err says what the answer of the database means.
func (w *write) err() error {
	switch id := w.lease.Run; {
	case w.code == "missing" && w.what == "note":
		return fmt.Errorf("run %.100s: %w", id, pipeline.ErrNoRun)
	case w.code == "missing":
		return &pipeline.FencedError{Run: id, Fence: w.lease.Fence, Erased: true}
	case w.code == "fenced":
		return &pipeline.FencedError{Run: id, Fence: w.lease.Fence, Owner: w.owner}
	case w.code == "ended":
		return fmt.Errorf("run %s: %w", id, pipeline.ErrEnded)
	}
	return nil
}

// writer has calls that come while others are on their way go out together.
type writer struct {
	mu      sync.Mutex
	waiting []*write
	most    int // on their way at once
	flights int
}

// write makes a call. If ctx ends, the caller goes its way, and the call comes to its own end.
func (l *ledger) write(ctx context.Context, what string, lease pipeline.Lease, records ...pipeline.Record) error {
	c, err := columnsOf(records)
	if err != nil {
		return err
	}
	if err := l.enter(ctx); err != nil {
		return err
	}
	if err := l.put(ctx, &c); err != nil {
		l.calls.Done()
		return err
	}
	w := &write{lease: lease, what: what, nonce: nonce(), columns: c, done: make(chan error, 1)}
	if c.size > bytesTogether {
		l.send(ctx, []*write{w})
		return l.settle(ctx, w, <-w.done)
	}
	w.own()
	l.writes.mu.Lock()
	l.writes.waiting = append(l.writes.waiting, w)
	start := l.writes.flights < l.writes.most
	if start {
		l.writes.flights++
	}
	l.writes.mu.Unlock()
	if start {
		go l.fly()
	}
	select {
	case err := <-w.done:
		return l.settle(ctx, w, err)
	case <-ctx.Done():
		select {
		case err := <-w.done:
			return l.settle(ctx, w, err)
		default:
			go func() { _ = l.settle(ctx, w, <-w.done) }()
			return fmt.Errorf("ledger in PostgreSQL: whether this was recorded in run %s is not known yet: %w", lease.Run, ctx.Err())
		}
	}
}

// settle ends a call, and removes the bodies of one that the database has refused. Those of a
// call of which nobody knows whether it was made stay.
func (l *ledger) settle(ctx context.Context, w *write, err error) error {
	defer l.calls.Done()
	if err == nil || w.err() == nil || w.unsure {
		return err
	}
	if left := l.takeBack(ctx, w.columns); left != nil {
		l.log.Warn(left.Error())
	}
	return err
}

// flightTime bounds what has no context of its own, should the database say nothing more.
const flightTime = time.Minute

// fly sends what waits until nothing does.
func (l *ledger) fly() {
	for {
		l.writes.mu.Lock()
		n, size := 0, 0
		for n < len(l.writes.waiting) && n < mostTogether {
			if size += l.writes.waiting[n].size; n > 0 && size > bytesTogether {
				break
			}
			n++
		}
		batch := slices.Clone(l.writes.waiting[:n])
		l.writes.waiting = slices.Delete(l.writes.waiting, 0, n)
		if n == 0 {
			l.writes.flights--
		}
		l.writes.mu.Unlock()
		if n == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), flightTime+max(l.o.Patience, 0))
		l.send(ctx, batch)
		cancel()
	}
}

// send makes calls in one transaction, and each alone if that fails for good, since one of
// them may be why.
func (l *ledger) send(ctx context.Context, batch []*write) {
	// In this order no two transactions wait for each other.
	slices.SortStableFunc(batch, func(a, b *write) int { return cmp.Compare(a.lease.Run, b.lease.Run) })
	err := l.sendOnce(ctx, batch)
	if err != nil && len(batch) > 1 && !isPassing(err) {
		for _, w := range batch {
			l.send(ctx, []*write{w})
		}
		return
	}
	for _, w := range batch {
		if err != nil {
			w.done <- err
		} else {
			w.done <- w.err()
		}
	}
}

func (l *ledger) sendOnce(ctx context.Context, batch []*write) error {
	return l.retry(ctx, fmt.Sprintf("recording in run %s", batch[0].lease.Run), func(ctx context.Context, again bool) error {
		return l.attempt(ctx, batch, again)
	})
}

// attempt sends calls once. again reports that an earlier attempt may have been done, which
// counts for a call that goes alone after it went with others, too.
func (l *ledger) attempt(ctx context.Context, batch []*write, again bool) error {
	var all columns
	ids, whats := make([]string, len(batch)), make([]string, len(batch))
	fences, leases, nonces, counts := make([]int64, len(batch)), make([]int64, len(batch)), make([]int64, len(batch)), make([]int32, len(batch))
	for i, w := range batch {
		ids[i], whats[i], fences[i], leases[i] = clean(w.lease.Run), w.what, w.lease.Fence, w.lease.Duration.Microseconds()
		nonces[i], counts[i], w.unsure = w.nonce, int32(len(w.kinds)), w.unsure || again
		all.add(w.columns)
	}
	rows, err := l.pool.Query(ctx, "SELECT code, new_owner FROM "+l.prefix+"write_1($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)",
		l.args(ids, fences, leases, whats, nonces, counts, all.kinds, all.versions, all.datas, all.bodies, batch[0].unsure)...)
	if err != nil {
		return err
	}
	n := 0
	var code, owner string
	_, err = pgx.ForEachRow(rows, []any{&code, &owner}, func() error {
		batch[n].code, batch[n].owner = code, owner
		n++
		return nil
	})
	return err
}

// clean is an id as a parameter: PostgreSQL's texts have no NUL.
func clean(id pipeline.RunID) string { return strings.ReplaceAll(string(id), "\x00", "?") }

func (l *ledger) Append(ctx context.Context, lease pipeline.Lease, records ...pipeline.Record) error {
	return l.write(ctx, "append", lease, records...)
}

func (l *ledger) Renew(ctx context.Context, lease pipeline.Lease) error {
	return l.write(ctx, "append", lease)
}

func (l *ledger) End(ctx context.Context, lease pipeline.Lease, final pipeline.Record) error {
	return l.write(ctx, "end", lease, final)
}

func (l *ledger) Release(ctx context.Context, lease pipeline.Lease) error {
	return l.write(ctx, "release", lease)
}

func (l *ledger) Note(ctx context.Context, id pipeline.RunID, r pipeline.Record) error {
	return l.write(ctx, "note", pipeline.Lease{Run: id}, r)
}
