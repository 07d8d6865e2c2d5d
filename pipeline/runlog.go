package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrNotNoted means that the ledger could not note a call, which therefore was not made.
var ErrNotNoted = errors.New("it could not be recorded in the ledger, so nothing was sent")

// runLog is what a run has done so far: its own part, and what the ledger has of
// processes that were cut short in it. Branches share it.
type runLog struct {
	journal *Journal // nil: nothing outlives the run
	lease   Lease
	info    RunInfo
	earlier *history // nil for a run that begins

	mu       sync.Mutex
	inRossum bool                    // a call that is not in calls has changed something in Rossum
	remains  []string                // what steps could not remove
	calls    []*madeCall             // of this process and of earlier ones
	byID     map[callID]*madeCall    // nil before the first call
	waiting  []Record                // that go with the next write
	spare    []Record                // room for others, which have been written
	lose     context.CancelCauseFunc // ends the run's context; nil until it has begun

	writing chan struct{} // nil if nothing outlives the run; has room for one write at a time, so that records keep their order
}

// madeCall is a call of this run.
type madeCall struct {
	callRecord
	made    time.Time // when Started was read, by this process's own clock
	earlier bool      // an earlier process made it
	reads   bool
	unsure  bool // an earlier attempt, of which no answer is known, may have been received
	repeats bool // it sends what an earlier attempt sent
	reply   *replyRecord
	verdict *Verdict
}

func newRunLog(j *Journal, lease Lease, info RunInfo, earlier *history) *runLog {
	l := &runLog{journal: j, lease: lease, info: info, earlier: earlier}
	if j != nil {
		l.writing = make(chan struct{}, 1)
	}
	if earlier != nil {
		for _, c := range earlier.calls {
			m := &madeCall{callRecord: c.callRecord, earlier: true, reads: c.Reads, reply: c.reply, verdict: c.verdict}
			l.calls = append(l.calls, m)
			l.know(m)
		}
	}
	return l
}

// know has a call found by its identity.
func (l *runLog) know(c *madeCall) {
	if l.byID == nil {
		l.byID = make(map[callID]*madeCall)
	}
	l.byID[c.callID] = c
}

// past returns what an earlier process has noted of a call, nil if nothing.
func (l *runLog) past(id callID) *madeCall {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.byID[id]; c != nil && c.earlier {
		copied := *c
		return &copied
	}
	return nil
}

// isKept reports whether the run is on a ledger.
func (l *runLog) isKept() bool { return l.journal != nil }

// note has a record written with the next call that is announced, at the latest.
func (l *runLog) note(kind RecordKind, value recordValue) error {
	if !l.isKept() {
		return nil
	}
	r, err := l.journal.record(placeOf(kind, l.info), kind, value)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, r)
	return nil
}

// flush writes what waits. When it returns nil, all of it is on the ledger.
func (l *runLog) flush(ctx context.Context) error {
	if !l.isKept() {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case l.writing <- struct{}{}:
		defer func() { <-l.writing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	l.mu.Lock()
	records := l.waiting
	l.waiting, l.spare = l.spare, nil
	l.mu.Unlock()
	err := l.journal.ledger.Append(ctx, l.lease, records...)
	if err == nil {
		clear(records)
		l.mu.Lock()
		l.spare = records[:0]
		l.mu.Unlock()
	} else {
		l.mu.Lock()
		l.waiting = append(records, l.waiting...)
		lose := l.lose
		l.mu.Unlock()
		if errors.Is(err, ErrFenced) && lose != nil {
			lose(takenOver(err))
		}
	}
	return err
}

// takenOver says why a run ends that has another owner.
func takenOver(err error) error {
	return fmt.Errorf("another process has taken this run over: %w", err)
}

// write notes a record and what waits, for good.
func (l *runLog) write(ctx context.Context, kind RecordKind, value recordValue) error {
	if err := l.note(kind, value); err != nil {
		return err
	}
	return l.flush(ctx)
}

// writeAnnouncement notes a call and returns nil soon after. If it was held up, another
// process or a person may have looked for the call meanwhile, and have found nothing:
// then it is noted once more, which fails if the run has another owner by now, and uses
// up what was said of the call. What it may be held up without that counts as time of the
// call, so that nobody looks for it too early.
func (l *runLog) writeAnnouncement(ctx context.Context, c *madeCall) error {
	if !l.isKept() {
		return nil
	}
	r, asked, most := c.callRecord, c.made, l.journal.lease/3
	r.Limit += most
	for {
		err := l.write(ctx, recordCall, &r)
		took := time.Since(asked)
		if err != nil || took <= most {
			return err
		}
		r.Started, asked = r.Started.Add(took), asked.Add(took)
	}
}

// announce notes a call before it is made.
func (l *runLog) announce(ctx context.Context, c *madeCall) error {
	l.mu.Lock()
	if old := l.byID[c.callID]; old != nil { // an earlier process had begun it
		*old = *c
	} else {
		l.calls = append(l.calls, c)
		l.know(c)
	}
	l.mu.Unlock()
	var err error
	if c.reads {
		err = l.note(recordCall, &c.callRecord)
	} else {
		err = l.writeAnnouncement(ctx, c)
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, ErrFenced) {
		err = takenOver(err)
	}
	err = fmt.Errorf("%s: %w: %w", c.What, ErrNotNoted, err)
	if c.unsure {
		return err // the earlier attempt stays as it was
	}
	// Should the announcement have reached the ledger, this follows it.
	reply := &replyRecord{callID: c.callID, At: time.Now(), Error: err.Error(), Fence: l.lease.Fence}
	l.settled(c, reply)
	_ = l.note(recordReply, reply) // of texts
	return err
}

// noteBody notes what the streams of a call's body held, before the last byte leaves.
func (l *runLog) noteBody(ctx context.Context, c *madeCall, held []bodyPart) error {
	noted := *c
	request := *c.Request
	request.Body, noted.Request, noted.made = held, &request, time.Now()
	if err := l.writeAnnouncement(ctx, &noted); err != nil {
		return fmt.Errorf("%s: %w: %w", c.What, ErrNotNoted, err)
	}
	return nil
}

func (l *runLog) settled(c *madeCall, reply *replyRecord) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byID[c.callID].reply = reply
}

// lateTime is how long a reply is tried to be noted after the export's context ended.
const lateTime = 20 * time.Second

// late returns a context for what has to be noted even if that of the export has ended.
func (j *Journal) late(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = context.WithoutCancel(ctx)
	if j.inMemory { // which takes no time
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, lateTime)
}

// answered notes what became of a call, before anything reads it. That it cannot be
// noted now must not lose it: it goes with the next write, without which no further
// call is made.
func (l *runLog) answered(ctx context.Context, c *madeCall, reply *replyRecord) error {
	l.settled(c, reply)
	if !l.isKept() {
		return nil
	}
	if c.reads {
		return l.note(recordReply, reply)
	}
	ctx, cancel := l.journal.late(ctx)
	defer cancel()
	err := l.write(ctx, recordReply, reply)
	if errors.Is(err, ErrFenced) && !errors.Is(err, ErrNoRun) {
		// The process that has taken the run over may still learn of it.
		r, recordErr := l.journal.record(placeOf(recordReply, l.info), recordReply, reply)
		if recordErr != nil {
			return recordErr
		}
		return errors.Join(err, l.journal.ledger.Note(ctx, l.info.ID, r))
	}
	return err
}

// made lists the calls that may have changed something, oldest first.
func (l *runLog) made() []*madeCall {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []*madeCall
	for _, c := range l.calls {
		if c.counts() && !c.Aside {
			copied := *c
			list = append(list, &copied)
		}
	}
	return list
}
