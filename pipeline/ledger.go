package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"time"
)

// Ledger keeps what runs have done, and says who owns a run. It is written
// before the act: a call before its first byte leaves, its reply before anything
// reads it. What a record means is for the run to say; a ledger sees bytes, and
// those that hold data of documents are sealed before they come here.
//
// There are [MemoryLedger], package folderledger for the processes of one machine, and
// PostgreSQL by package pgledger, a module of its own; package pipelinetest has the conformance suite, TestLedger, which checks each
// rule below.
//
// # Rules for all methods
//
//   - Safe for concurrent use by goroutines and, if the store is shared, by
//     processes.
//   - What has been acknowledged (a method returned nil) outlives the process and
//     the machine's loss of power if the ledger is Durable.
//   - After an error that is none of those named here (a full disk, a lost
//     connection, the end of ctx) the records of that call are all there or none
//     of them is; Load says which. A caller may then do it again, and must bear to
//     find its records twice. Nothing has to be done for the ledger to work again
//     when the cause is gone.
//   - Times are the store's, and so is the judgement on leases: no clock of a
//     caller decides anything. Within one run times don't go back.
//   - If ctx has ended when a method is called, nothing is done and the error is
//     ctx's.
//   - Texts (of keys and options) are UTF-8 without NUL.
//   - Arguments belong to the caller again when a method returns; what a method
//     returns belongs to the caller.
//   - A run that was written by a newer version of this library, in a form that
//     this one doesn't know, gives an error that wraps [ErrNewerFormat]; it is
//     neither misread nor changed.
type Ledger interface {
	// Claim makes the caller the owner of a run of the key. At most one run of a
	// key is unended at any time:
	//
	//   - If the latest run is unended and its lease is live, the error is a
	//     *BusyError, which has that run, whoever asks.
	//   - If it is unended and its lease has ended, the caller takes it over: same
	//     RunID, Generation, Content and Fingerprint, the next Fence. The former
	//     owner is fenced from then on.
	//   - Otherwise a new run begins, unless a run with a generation above o.After
	//     has ended meanwhile: then nothing changes and the error is a *StaleError,
	//     which has the latest.
	//
	// With o.Resume set only that run is claimed: the error wraps ErrNoRun if it is
	// not there and ErrEnded if it has ended, and o.After does not count. Of
	// several callers at once one becomes the owner. o.First is recorded with the
	// claim, all or nothing, at the run's beginning or at a takeover.
	Claim(ctx context.Context, key RunKey, o ClaimOptions) (Claimed, error)

	// Append records in this order, all or nothing; when it returns nil they last.
	// It renews the lease, too, unless that was done less than a sixteenth of its
	// duration ago. A lease that has ended still counts as long as
	// nobody has taken the run over, so that a reply which comes late is kept. The
	// error wraps ErrFenced if the run was taken over, released or erased, ErrEnded
	// if it has ended, ErrRecordTooLarge if Data or Kind is too long. Without
	// records it only checks that, as it does before it records.
	Append(ctx context.Context, l Lease, records ...Record) error

	// Renew has the lease last another Lease.Duration from now. Errors are those of
	// Append. A renewal need not outlive the machine's loss of power.
	Renew(ctx context.Context, l Lease) error

	// End records the final record, ends the run and the lease. A final record is
	// never replaced: if the run has ended the error wraps ErrEnded. Other errors
	// are those of Append.
	End(ctx context.Context, l Lease, final Record) error

	// Release ends the lease and leaves the run unended, for another process to
	// take over at once. The fence of the lease is void then. Errors are those of
	// Append.
	Release(ctx context.Context, l Lease) error

	// Note records something without a lease, on a run that is live, abandoned or
	// ended: a person's verdict, that the answer was delivered. It does not disturb
	// the owner. The error wraps ErrNoRun or ErrRecordTooLarge.
	Note(ctx context.Context, id RunID, r Record) error

	// Load returns a run with all its records in order of Seq, or an error that
	// wraps ErrNoRun. What has been acknowledged before Load began is in it.
	Load(ctx context.Context, id RunID) (Run, error)

	// Find yields the runs that q wants, newest first (by Generation), as they are when
	// they are reached; runs that come or go meanwhile may be missing. An error
	// ends the list, except one about a single run that can't be read: the others
	// follow it.
	Find(ctx context.Context, q RunQuery) iter.Seq2[RunInfo, error]

	// Wait returns when the run is not live any more: it has ended, or its lease
	// has. It does so at once if it isn't when called, and promptly (the folder
	// within a quarter of a second) otherwise. The error wraps ErrNoRun if the run
	// is not there or is erased meanwhile, and is ctx's if that ends first.
	Wait(ctx context.Context, id RunID) (RunInfo, error)

	// Erase removes every run of an annotation, those that are running included,
	// except those given: when it returns nil their records are nowhere in the
	// store, and their owners are fenced. A purge or delete event keeps its own run
	// by except.
	Erase(ctx context.Context, organization string, annotation int64, except ...RunID) error

	// Expire removes runs that ended age ago, or longer, and returns how many. A
	// run that has not ended is never removed: it may hold the only word of what
	// was sent.
	Expire(ctx context.Context, age time.Duration) (int, error)

	// Durable reports whether the ledger outlives the process. Records of a durable
	// ledger have to be sealed, unless the program says that its disk is trusted.
	Durable() bool

	// Close ends all leases that were claimed through this Ledger and are not ended
	// yet, as Release does, and waits for calls that go on. Every later call's
	// error wraps ErrLedgerClosed. Closing twice is allowed.
	Close() error
}

// RunKey says whose run it is: of each key one runs at a time.
type RunKey struct {
	Organization string // the platform's base URL or id of the organisation
	Hook         string // the hook's URL or id
	Annotation   int64
	Event        string // event and action, such as annotation_content.export
}

// String returns the key as a person reads it.
func (k RunKey) String() string {
	text := fmt.Sprintf("%s of annotation %d, hook %s", k.Event, k.Annotation, k.Hook)
	if k.Organization != "" {
		text += " of " + k.Organization
	}
	return text
}

// RunID names a run within a ledger: letters, digits, "-" and "_", at most 100 of
// them. It is unique, also among runs that are gone, and no secret.
type RunID string

// ID returns the RunID of the key's run with that generation, as the ledgers of this
// library make it: annotation, then hook and event, both hashed, then generation, with
// hyphens between.
func (k RunKey) ID(generation int64) RunID {
	return RunID(shortHash(k.Organization, strconv.FormatInt(k.Annotation, 10)) + "-" + shortHash(k.Hook, k.Event) + "-" + strconv.FormatInt(generation, 36))
}

// shortHash hashes two texts so that nobody can make other texts with that hash.
func shortHash(a, b string) string {
	sum := sha256.Sum256([]byte(strconv.Itoa(len(a)) + ":" + a + b))
	return hex.EncodeToString(sum[:16])
}

// RecordKind says what a record is; a short name.
type RecordKind string

// Limits of a record.
const (
	MaxRecordData = 256 << 20 // bytes of Record.Data
	MaxRecordKind = 64        // bytes of Record.Kind
)

// Record is one entry of a run.
type Record struct {
	Kind    RecordKind
	Version int    // of the form of Data, 0 or more; a ledger keeps it as it is
	Data    []byte // nil and empty are the same
	// Seq counts the records of a run, from 1. The ledger gives it, and ignores what
	// a caller says.
	Seq int64
	// Time is when the record was made, by the store's clock, in UTC, to the
	// microsecond. The ledger gives it.
	Time time.Time

	// later is what Data is made of when somebody loads the record; only for a
	// [MemoryLedger].
	later recordValue
}

// AnyRun as [ClaimOptions].After begins a new run whatever has ended before.
const AnyRun = math.MaxInt64

// ClaimOptions are the options of [Ledger].Claim.
type ClaimOptions struct {
	Owner string        // who it is, for people: host and process
	Lease time.Duration // how long the lease lasts without being renewed; above 0
	// Content is a hash of the call's content, and Fingerprint that of the chain;
	// RunInfo shows them. They are those of the run's first claim.
	Content     string
	Fingerprint string
	// After is the generation of the latest ended run that the caller has looked
	// at, 0 if it found none: whoever has seen that nothing need be done again and
	// who has not can't both begin. AnyRun doesn't look.
	After int64
	// Resume, if set, is the one run to take over.
	Resume RunID
	// First are recorded with the claim.
	First []Record
}

// Claimed is what [Ledger].Claim gives.
type Claimed struct {
	Lease Lease
	// Run is the run as it is after the claim.
	Run RunInfo
	// TakenOver reports that an earlier owner left the run; its records are for
	// Load to give.
	TakenOver bool
}

// Lease is the right to record. It may be copied, and serves the [Ledger] that
// gave it.
type Lease struct {
	Run      RunID
	Fence    int64 // higher at each claim of the run
	Duration time.Duration
}

// RunState says how a run is.
type RunState int

// The states of a run.
const (
	RunLive      RunState = iota + 1 // its owner holds a live lease
	RunAbandoned                     // not ended, and its lease has ended
	RunEnded
)

func (s RunState) String() string {
	switch s {
	case RunLive:
		return "live"
	case RunAbandoned:
		return "abandoned"
	case RunEnded:
		return "ended"
	}
	return fmt.Sprintf("RunState(%d)", int(s))
}

// RunInfo is what a ledger knows of a run without its records.
type RunInfo struct {
	ID  RunID
	Key RunKey
	// Generation is above that of each earlier run of the key that the store has,
	// and differs from that of every one that it ever had: an idempotency key made
	// from it is never used again. It is the time of the run's beginning, in
	// microseconds since 1970, or a little more; it does not count 1, 2, 3.
	Generation int64
	// Fence is that of the latest claim.
	Fence       int64
	State       RunState
	Owner       string // of the latest claim
	Content     string
	Fingerprint string
	Started     time.Time
	// Ended and Outcome, the kind of the final record, are zero until it has ended.
	Ended   time.Time
	Outcome RecordKind
	// Count is how many records there are.
	Count int
	// Damaged reports that records between others can't be read any more; Seq has a
	// gap where they were. A damaged end is not reported: what it held was never
	// acknowledged.
	Damaged bool
	// Seen is when this was read, by the store's clock: ages are counted to it.
	Seen time.Time
}

// Run is a run with its records.
type Run struct {
	RunInfo
	Records []Record // in order of Seq
}

// RunQuery says which runs [Ledger].Find yields: those that fit every field which
// is not zero.
type RunQuery struct {
	Organization string
	Hook         string
	Annotation   int64
	Event        string
	State        RunState
	Since        time.Time // begun at this time or later
	Limit        int       // at most so many
}

// Matches reports whether the query wants a run. It does not look at Limit.
func (q RunQuery) Matches(r RunInfo) bool {
	return (q.Organization == "" || q.Organization == r.Key.Organization) &&
		(q.Hook == "" || q.Hook == r.Key.Hook) &&
		(q.Annotation == 0 || q.Annotation == r.Key.Annotation) &&
		(q.Event == "" || q.Event == r.Key.Event) &&
		(q.State == 0 || q.State == r.State) &&
		!r.Started.Before(q.Since)
}

// Errors of ledgers. Errors of type [BusyError], [StaleError] and [FencedError]
// wrap those of their names.
var (
	ErrNoRun          = errors.New("no run with this id")
	ErrBusy           = errors.New("the run is in progress elsewhere")
	ErrStale          = errors.New("another run of this key has ended meanwhile")
	ErrFenced         = errors.New("the run has another owner now")
	ErrEnded          = errors.New("the run has ended")
	ErrRecordTooLarge = errors.New("the record is too large")
	ErrNewerFormat    = errors.New("written by a newer version of this library; use that version, or wait until this run has expired")
	ErrLedgerClosed   = errors.New("the ledger is closed")
)

// BusyError says that a live lease is in the way of a claim.
type BusyError struct{ Run RunInfo }

func (e *BusyError) Error() string {
	return fmt.Sprintf("%s: started %s, owner %s: %v", e.Run.Key, e.Run.Started.UTC().Format(time.RFC3339), e.Run.Owner, ErrBusy)
}

// Unwrap returns ErrBusy.
func (e *BusyError) Unwrap() error { return ErrBusy }

// StaleError says that a run has ended which the claimer did not know.
type StaleError struct{ Run RunInfo } // the latest ended one

func (e *StaleError) Error() string {
	return fmt.Sprintf("%s: ended %s: %v", e.Run.Key, e.Run.Ended.UTC().Format(time.RFC3339), ErrStale)
}

// Unwrap returns ErrStale.
func (e *StaleError) Unwrap() error { return ErrStale }

// FencedError says that a lease doesn't count any more.
type FencedError struct {
	Run   RunID
	Fence int64 // of the lease
	// Owner is who has taken the run over; empty if it was released or erased.
	Owner string
	// Erased reports that the run is gone; the error wraps ErrNoRun then, too.
	Erased bool
}

func (e *FencedError) Error() string {
	switch {
	case e.Erased:
		return fmt.Sprintf("run %s was erased: nothing more can be recorded", e.Run)
	case e.Owner == "":
		return fmt.Sprintf("run %s was released: nothing more can be recorded under this lease", e.Run)
	}
	return fmt.Sprintf("run %s was taken over by %s: nothing more can be recorded under this lease", e.Run, e.Owner)
}

// Unwrap returns ErrFenced, and ErrNoRun if the run is gone.
func (e *FencedError) Unwrap() []error {
	if e.Erased {
		return []error{ErrFenced, ErrNoRun}
	}
	return []error{ErrFenced}
}

// Check holds the record to the limits of all ledgers, before anything is written.
func (r Record) Check() error {
	switch {
	case len(r.Data) > MaxRecordData:
		return fmt.Errorf("%w: %q has %d bytes of data, at most %d are allowed", ErrRecordTooLarge, r.Kind, len(r.Data), MaxRecordData)
	case len(r.Kind) > MaxRecordKind:
		return fmt.Errorf("%w: its kind has %d bytes, at most %d are allowed", ErrRecordTooLarge, len(r.Kind), MaxRecordKind)
	case r.Version < 0:
		return fmt.Errorf("record %q: version %d is negative", r.Kind, r.Version)
	}
	return nil
}

// Check holds a claim, and its first records, to the limits of all ledgers.
func (o ClaimOptions) Check() error {
	if o.Lease <= 0 {
		return fmt.Errorf("claiming a run: a lease of %v has ended already", o.Lease)
	}
	return checkRecords(o.First)
}

func checkRecords(records []Record) error {
	for _, r := range records {
		if err := r.Check(); err != nil {
			return err
		}
	}
	return nil
}
