package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/seal"
)

// defaultLease is how long a run belongs to a process that says nothing more.
const defaultLease = 30 * time.Second

// SealKey seals what a durable [Ledger] keeps. ID is written beside what it sealed, so that
// keys can be changed: the new one seals, and the older ones still open.
type SealKey struct {
	ID     string // 1 to 64 bytes, no secret
	Secret []byte // 32 bytes at least that nobody else knows
}

// JournalOptions are the options of [NewJournal].
type JournalOptions struct {
	// Key seals the records, which hold data of documents. A durable ledger needs one,
	// unless TrustDisk says that its disk may read everything.
	Key       SealKey
	OlderKeys []SealKey
	TrustDisk bool
	// Lease is how long a run belongs to a process that says nothing more,
	// 30 seconds if 0: after that another one goes on with it.
	Lease time.Duration
	// Owner is how other processes call this one, host and process number if "".
	Owner string
}

// Journal keeps what the exports of a program do on a [Ledger], before they do it, so
// that a run which is cut short goes on, on any machine, and nothing is sent twice. Give
// it to exports by [WithJournal]. It is safe for concurrent use.
type Journal struct {
	ledger discreet
	box    *seal.Box // nil: the disk is trusted
	lease  time.Duration
	owner  string

	// inMemory has records encoded when they are read, which in a memory ledger few are.
	inMemory bool
}

// NewJournal makes a Journal. The error names every option that is wrong.
func NewJournal(l Ledger, o JournalOptions) (*Journal, error) {
	var faults []error
	if v := reflect.ValueOf(l); l == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, errors.New("keeping runs: the ledger is nil; use pipeline.MemoryLedger for tests")
	}
	j := &Journal{ledger: discreet{l}, lease: o.Lease, owner: o.Owner}
	switch {
	case o.Key.ID != "" || len(o.Key.Secret) > 0:
		older := make([]seal.Key, len(o.OlderKeys))
		for i, k := range o.OlderKeys {
			older[i] = seal.Key(k)
		}
		box, err := seal.New(seal.Key(o.Key), older...)
		if err != nil {
			faults = append(faults, fmt.Errorf("keeping runs: %w", err))
		}
		j.box = box
	case len(o.OlderKeys) > 0:
		faults = append(faults, errors.New("keeping runs: OlderKeys are given, but no Key to seal with"))
	case l.Durable() && !o.TrustDisk:
		faults = append(faults, errors.New("keeping runs: the ledger outlives the process and holds data of documents; give JournalOptions a Key, or set TrustDisk if everybody who can read the disk may read them"))
	}
	if o.Lease < 0 {
		faults = append(faults, errors.New("keeping runs: Lease is negative"))
	}
	if _, isMemory := l.(*memoryLedger); isMemory {
		j.inMemory = j.box == nil
	}
	setDefault(&j.lease, defaultLease)
	if j.owner == "" {
		host, _ := os.Hostname() // without it the process is called by its number alone
		j.owner = fmt.Sprintf("%s/%d", host, os.Getpid())
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return j, nil
}

// Lease returns how long a run belongs to a process that says nothing more.
func (j *Journal) Lease() time.Duration { return j.lease }

// Ledger returns the ledger.
func (j *Journal) Ledger() Ledger { return j.ledger.Ledger }

// WithJournal keeps the export on a ledger; see [Journal].
func WithJournal(j *Journal) Option { return func(c *config) { c.journal = j } }

// record makes a record of a value. place ties what is sealed to its run.
func (j *Journal) record(place string, kind RecordKind, value recordValue) (Record, error) {
	r := Record{Kind: kind, Version: recordVersion}
	if j.inMemory {
		if kept := value.keep(); kept != nil {
			r.later = kept
			return r, nil
		}
	}
	data, err := value.encode()
	if err != nil {
		return Record{}, fmt.Errorf("recording %s: %w", kind, err)
	}
	if j.box != nil {
		data = j.box.Seal(data, place+"\x00"+string(kind))
	}
	r.Data = data
	return r, nil
}

// read reads a record that record made.
func (j *Journal) read(place string, r Record, into any) error {
	data := r.Data
	if j.box != nil {
		var err error
		if data, err = j.box.Open(data, place+"\x00"+string(r.Kind)); err != nil {
			return fmt.Errorf("record %d (%s): %w", r.Seq, r.Kind, err)
		}
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("record %d (%s): %w", r.Seq, r.Kind, err)
	}
	return nil
}

// place of a record: those that come with a claim, which makes the RunID, belong to
// the run's key.
func placeOf(kind RecordKind, info RunInfo) string {
	if kind == recordBegun {
		return info.Key.String()
	}
	return string(info.ID)
}

// history is what a ledger knows of a run, read.
type history struct {
	RunInfo
	begun    *Record // the first one, which counts; see beginning
	started  map[string]time.Time
	calls    []*pastCall // in the order of their announcements
	steps    map[string]*stepRecord
	order    []string          // of steps, by path
	origins  map[string]string // of steps that were moved: their first path
	end      *endRecord
	replaced bool
	stopped  bool
	given    bool // the answer was written to its caller
}

// pastCall is a call as the ledger knows it.
type pastCall struct {
	callRecord
	reply   *replyRecord
	verdict *Verdict
}

// load reads a run.
func (j *Journal) load(ctx context.Context, id RunID) (*history, error) {
	run, err := j.ledger.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	return j.history(ctx, run)
}

// loadToGoOn reads a run that is to go on.
func (j *Journal) loadToGoOn(ctx context.Context, id RunID) (h *history, err error) {
	run, err := j.ledger.Load(ctx, id)
	later := err != nil && !errors.Is(err, ErrNoRun)
	if err == nil {
		h, err = j.history(ctx, run)
		later = errors.Is(err, ErrNewerFormat) || ctx.Err() != nil // which another replica, or another call, can read
	}
	if later {
		err = &unreadError{err}
	}
	return h, err
}

// unreadError is that of a run which cannot be read at the moment. It is an [ErrNotNoted]:
// who calls again later may find the ledger as it should be, or a process of a newer version.
type unreadError struct{ err error }

func (e *unreadError) Error() string {
	return "what an earlier process has done for this export cannot be read from the ledger at the moment, so nothing more was sent: " + e.err.Error()
}

func (e *unreadError) Unwrap() error { return e.err }

func (e *unreadError) Is(target error) bool { return target == ErrNotNoted }

func (j *Journal) history(ctx context.Context, run Run) (h *history, err error) {
	defer func() {
		if err != nil {
			h, err = nil, fmt.Errorf("reading run %s: %w", run.ID, err)
		}
	}()
	h = &history{RunInfo: run.RunInfo, started: make(map[string]time.Time), steps: make(map[string]*stepRecord)}
	if run.Damaged {
		return nil, errDamaged
	}
	byID := make(map[callID]*pastCall)
	for _, r := range run.Records {
		if ctx.Err() != nil { // a run may have many, and large ones
			return nil, context.Cause(ctx)
		}
		if err := h.add(j, r, byID); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// loadBeginning reads how a run began, and no more of it than whether it waits for a
// verdict.
func (j *Journal) loadBeginning(ctx context.Context, id RunID) (b begunRecord, waits bool, err error) {
	run, err := j.ledger.Load(ctx, id)
	if err != nil {
		return b, false, err
	}
	h := &history{RunInfo: run.RunInfo}
	if run.Damaged {
		err = errDamaged
	}
	for i := 0; err == nil && i < len(run.Records); i++ {
		err = h.mark(run.Records[i])
	}
	if err == nil && !h.stopped {
		b, err = j.beginning(h)
	}
	if err != nil {
		return b, false, fmt.Errorf("reading run %s: %w", id, err)
	}
	return b, h.stopped, nil
}

var errDamaged = errors.New("its records are damaged, so what it has sent is unknown; look into the target system")

// beginning reads what the run began with. The record has the whole hook call, which few
// who load a run want to see.
func (j *Journal) beginning(h *history) (b begunRecord, err error) {
	if h.begun != nil {
		err = j.read(placeOf(recordBegun, h.RunInfo), *h.begun, &b)
	}
	return b, err
}

// mark notes what the kind of a record says by itself.
func (h *history) mark(r Record) error {
	if r.Version > recordVersion {
		return fmt.Errorf("record %d (%s) has version %d, this program reads %d: %w", r.Seq, r.Kind, r.Version, recordVersion, ErrNewerFormat)
	}
	switch r.Kind {
	case recordBegun:
		if h.begun == nil {
			h.begun = &r
		}
		h.stopped, h.end = false, nil
	case recordStarted, recordCall, recordReply, recordStep, recordChain, recordEnd:
	case recordVerdict:
		h.stopped = false
	case recordStopped:
		h.stopped = true
	case recordReplaced:
		h.replaced = true
	case recordDelivered:
		h.given = true
	default:
		return fmt.Errorf("record %d is of an unknown kind %q", r.Seq, r.Kind)
	}
	return nil
}

// add notes a record and reads it, unless it is a beginning.
func (h *history) add(j *Journal, r Record, byID map[callID]*pastCall) error {
	if err := h.mark(r); err != nil {
		return err
	}
	place := placeOf(r.Kind, h.RunInfo)
	switch r.Kind {
	case recordStarted:
		var s startedRecord
		err := j.read(place, r, &s)
		if _, known := h.started[s.Step]; !known {
			h.started[s.Step] = s.At
		}
		return err
	case recordCall:
		c := &pastCall{}
		if err := j.read(place, r, &c.callRecord); err != nil {
			return err
		}
		if known := byID[c.callID]; known != nil { // it was made again, and what was said of it is used up
			known.callRecord, known.reply, known.verdict = c.callRecord, nil, nil
			return nil
		}
		byID[c.callID] = c
		h.calls = append(h.calls, c)
	case recordReply:
		var reply replyRecord
		if err := j.read(place, r, &reply); err != nil {
			return err
		}
		if c := byID[reply.callID]; c != nil && reply.outdoes(c.reply) {
			c.reply = &reply
		}
	case recordStep:
		s := &stepRecord{}
		if err := j.read(place, r, s); err != nil {
			return err
		}
		h.forget(s.Step)
		h.order = append(h.order, s.Step)
		h.steps[s.Step] = s
	case recordChain:
		var c chainRecord
		if err := j.read(place, r, &c); err != nil {
			return err
		}
		h.become(c)
		clear(byID)
		for _, call := range h.calls {
			byID[call.callID] = call
		}
	case recordVerdict:
		var v verdictRecord
		if err := j.read(place, r, &v); err != nil {
			return err
		}
		if c := byID[v.callID]; c != nil {
			c.verdict = &v.Verdict
		}
	case recordEnd, recordStopped:
		h.end = &endRecord{}
		return j.read(place, r, h.end)
	}
	return nil
}

// outdoes says whether a reply counts more than the one that is known. An answer counts
// more than none, and that of a later owner, who made the call again, more than that of a
// process which was late. Of two answers of one owner the first counts.
func (r *replyRecord) outdoes(known *replyRecord) bool {
	switch {
	case known == nil:
		return true
	case known.Answer == nil || r.Answer == nil:
		return r.Answer != nil
	}
	return r.Fence > known.Fence
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}
