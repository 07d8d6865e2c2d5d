package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"
)

// MemoryLedger returns a ledger that lives as long as the process, for tests and
// for exports that may be forgotten. Its clock is time.Now, which package
// testing/synctest makes virtual.
func MemoryLedger() Ledger {
	return &memoryLedger{runs: make(map[RunID]*memoryRun), byAnnotation: make(map[int64][]*memoryRun)}
}

type memoryLedger struct {
	mu           sync.Mutex
	closed       bool
	last         int64 // generation
	runs         map[RunID]*memoryRun
	byAnnotation map[int64][]*memoryRun // by generation
}

type memoryRun struct {
	RunInfo
	records []Record
	until   time.Time     // when the lease ends
	void    bool          // the fence was released
	changed chan struct{} // closed when owner or state changes, or the run is erased; nil while nobody waits for that
}

// storeTime is a clock's time as records have it.
func storeTime(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// info is the run's info at a time.
func (r *memoryRun) info(now time.Time) RunInfo {
	i := r.RunInfo
	i.Seen = storeTime(now)
	i.Count = len(r.records)
	switch {
	case !i.Ended.IsZero():
		i.State = RunEnded
	case !r.void && now.Before(r.until):
		i.State = RunLive
	default:
		i.State = RunAbandoned
	}
	return i
}

func (r *memoryRun) add(now time.Time, records ...Record) {
	at := storeTime(now)
	if n := len(r.records); n > 0 && at.Before(r.records[n-1].Time) {
		at = r.records[n-1].Time
	}
	if r.records == nil {
		r.records = make([]Record, 0, 8)
	}
	for _, record := range records {
		record.Data, record.Seq, record.Time = bytes.Clone(record.Data), int64(len(r.records)+1), at
		r.records = append(r.records, record)
	}
}

func (r *memoryRun) wake() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// enter locks the ledger unless the call need not begin.
func (m *memoryLedger) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return ErrLedgerClosed
	}
	return nil
}

func (m *memoryLedger) Claim(ctx context.Context, key RunKey, o ClaimOptions) (Claimed, error) {
	if err := o.Check(); err != nil {
		return Claimed{}, err
	}
	if err := m.enter(ctx); err != nil {
		return Claimed{}, err
	}
	defer m.mu.Unlock()
	now := time.Now()
	if o.Resume != "" {
		r := m.runs[o.Resume]
		switch {
		case r == nil || r.Key != key:
			return Claimed{}, fmt.Errorf("run %s: %w", o.Resume, ErrNoRun)
		case !r.Ended.IsZero():
			return Claimed{}, fmt.Errorf("run %s: %w", o.Resume, ErrEnded)
		}
		return m.hold(r, now, o, true)
	}
	if latest := m.latest(key); latest != nil {
		switch {
		case latest.Ended.IsZero():
			return m.hold(latest, now, o, true)
		case latest.Generation > o.After:
			return Claimed{}, &StaleError{latest.info(now)}
		}
	}
	m.last = max(m.last+1, now.UnixMicro())
	r := &memoryRun{RunInfo: RunInfo{ID: key.ID(m.last), Key: key, Generation: m.last,
		Content: o.Content, Fingerprint: o.Fingerprint, Started: storeTime(now)}}
	m.runs[r.ID] = r
	m.byAnnotation[key.Annotation] = append(m.byAnnotation[key.Annotation], r)
	return m.hold(r, now, o, false)
}

// latest returns the newest run of a key, nil if there is none.
func (m *memoryLedger) latest(key RunKey) *memoryRun {
	for _, r := range slices.Backward(m.byAnnotation[key.Annotation]) {
		if r.Key == key {
			return r
		}
	}
	return nil
}

// hold gives the run to a new owner unless its lease is live.
func (m *memoryLedger) hold(r *memoryRun, now time.Time, o ClaimOptions, takeOver bool) (Claimed, error) {
	if i := r.info(now); i.State == RunLive {
		return Claimed{}, &BusyError{i}
	}
	r.Fence++
	r.Owner, r.until, r.void = o.Owner, now.Add(o.Lease), false
	r.add(now, o.First...)
	r.wake()
	return Claimed{Lease: Lease{r.ID, r.Fence, o.Lease}, Run: r.info(now), TakenOver: takeOver}, nil
}

// owned locks the ledger and returns the lease's run if the lease counts.
func (m *memoryLedger) owned(ctx context.Context, l Lease) (*memoryRun, error) {
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	r := m.runs[l.Run]
	var err error
	switch {
	case r == nil:
		err = &FencedError{Run: l.Run, Fence: l.Fence, Erased: true}
	case !r.Ended.IsZero() && r.Fence == l.Fence:
		err = fmt.Errorf("run %s: %w", l.Run, ErrEnded)
	case r.Fence != l.Fence:
		err = &FencedError{Run: l.Run, Fence: l.Fence, Owner: r.Owner}
	case r.void:
		err = &FencedError{Run: l.Run, Fence: l.Fence}
	default:
		return r, nil
	}
	m.mu.Unlock()
	return nil, err
}

func (m *memoryLedger) Append(ctx context.Context, l Lease, records ...Record) error {
	if err := checkRecords(records); err != nil {
		return err
	}
	r, err := m.owned(ctx, l)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	now := time.Now()
	r.add(now, records...)
	r.until = now.Add(l.Duration)
	return nil
}

func (m *memoryLedger) Renew(ctx context.Context, l Lease) error { return m.Append(ctx, l) }

func (m *memoryLedger) End(ctx context.Context, l Lease, final Record) error {
	if err := final.Check(); err != nil {
		return err
	}
	r, err := m.owned(ctx, l)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	r.add(time.Now(), final)
	r.Ended, r.Outcome = r.records[len(r.records)-1].Time, final.Kind
	r.wake()
	return nil
}

func (m *memoryLedger) Release(ctx context.Context, l Lease) error {
	r, err := m.owned(ctx, l)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	r.void = true
	r.wake()
	return nil
}

func (m *memoryLedger) Note(ctx context.Context, id RunID, record Record) error {
	if err := record.Check(); err != nil {
		return err
	}
	r, err := m.run(ctx, id)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	r.add(time.Now(), record)
	return nil
}

// run locks the ledger and returns a run.
func (m *memoryLedger) run(ctx context.Context, id RunID) (*memoryRun, error) {
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	if r := m.runs[id]; r != nil {
		return r, nil
	}
	m.mu.Unlock()
	return nil, fmt.Errorf("run %s: %w", id, ErrNoRun)
}

func (m *memoryLedger) Load(ctx context.Context, id RunID) (Run, error) {
	r, err := m.run(ctx, id)
	if err != nil {
		return Run{}, err
	}
	run := Run{r.info(time.Now()), slices.Clone(r.records)}
	m.mu.Unlock()
	for i := range run.Records {
		record := &run.Records[i]
		if record.later == nil {
			record.Data = bytes.Clone(record.Data)
			continue
		}
		if record.Data, err = record.later.encode(); err != nil {
			return Run{}, fmt.Errorf("run %s: %w", id, err)
		}
		record.later = nil
	}
	return run, nil
}

func (m *memoryLedger) Find(ctx context.Context, q RunQuery) iter.Seq2[RunInfo, error] {
	return func(yield func(RunInfo, error) bool) {
		if err := m.enter(ctx); err != nil {
			yield(RunInfo{}, err)
			return
		}
		all := m.candidates(q)
		m.mu.Unlock()
		n := 0
		for _, r := range all {
			if q.Limit > 0 && n >= q.Limit {
				return
			}
			if err := m.enter(ctx); err != nil {
				yield(RunInfo{}, err)
				return
			}
			info, isThere := r.info(time.Now()), m.runs[r.ID] == r
			m.mu.Unlock()
			if !isThere || !q.Matches(info) {
				continue
			}
			if n++; !yield(info, nil) {
				return
			}
		}
	}
}

// candidates lists the runs that a query may want, newest first. One of an annotation, as
// every hook call asks, does not look at those of others.
func (m *memoryLedger) candidates(q RunQuery) []*memoryRun {
	if q.Annotation == 0 {
		return slices.SortedFunc(maps.Values(m.runs), newestFirst)
	}
	all := slices.Clone(m.byAnnotation[q.Annotation])
	slices.Reverse(all)
	return all
}

func newestFirst(a, b *memoryRun) int {
	return cmp.Or(cmp.Compare(b.Generation, a.Generation), cmp.Compare(b.ID, a.ID))
}

func (m *memoryLedger) Wait(ctx context.Context, id RunID) (RunInfo, error) {
	for {
		r, err := m.run(ctx, id)
		if err != nil {
			return RunInfo{}, err
		}
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		now := time.Now()
		info, changed, left := r.info(now), r.changed, r.until.Sub(now)
		m.mu.Unlock()
		if info.State != RunLive {
			return info, nil
		}
		timer := time.NewTimer(left)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func (m *memoryLedger) Erase(ctx context.Context, organization string, annotation int64, except ...RunID) error {
	return m.remove(ctx, func(r *memoryRun, _ time.Time) bool {
		return r.Key.Organization == organization && r.Key.Annotation == annotation && !slices.Contains(except, r.ID)
	}, new(int))
}

func (m *memoryLedger) Expire(ctx context.Context, age time.Duration) (n int, err error) {
	err = m.remove(ctx, func(r *memoryRun, now time.Time) bool { return !r.Ended.IsZero() && now.Sub(r.Ended) >= age }, &n)
	return n, err
}

// remove forgets the runs that f names and counts them.
func (m *memoryLedger) remove(ctx context.Context, f func(*memoryRun, time.Time) bool, n *int) error {
	if err := m.enter(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	now := time.Now()
	for id, r := range m.runs {
		if !f(r, now) {
			continue
		}
		delete(m.runs, id)
		rest := slices.DeleteFunc(m.byAnnotation[r.Key.Annotation], func(other *memoryRun) bool { return other == r })
		if m.byAnnotation[r.Key.Annotation] = rest; len(rest) == 0 {
			delete(m.byAnnotation, r.Key.Annotation)
		}
		r.wake()
		*n++
	}
	return nil
}

func (m *memoryLedger) Durable() bool { return false }

func (m *memoryLedger) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, r := range m.runs { // those who wait end with ErrLedgerClosed
		r.wake()
	}
	return nil
}
