// Package pgledger keeps runs in PostgreSQL (14 or later), for programs that run on
// several machines: a [pipeline.Ledger] whose clock is the database's.
//
// Each call is one statement in a transaction of its own, so that it works through
// PgBouncer in transaction mode (give pgx the mode QueryExecModeExec then), and so
// that a process which stands still holds no lock. Wait looks every 100
// milliseconds. What is acknowledged is as safe as the database's commits: Open
// refuses a database with synchronous_commit or fsync off.
//
// It depends on pgx, the PostgreSQL driver of nearly every Go program that talks to
// PostgreSQL; that is why this is a module of its own.
package pgledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Options are the options of [Open]; the zero value works.
type Options struct {
	// Schema holds the tables; "exportpipeline" if empty. It is made if it is
	// missing.
	Schema string
	// Prefix begins the names of the tables; "ledger_" if empty.
	Prefix string
	// Unsafe allows a database that may forget what it has committed.
	Unsafe bool
}

type ledger struct {
	pool     *pgxpool.Pool
	schema   string
	prefix   string // with the schema
	instance string

	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup
}

var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// Open returns the ledger in a database, and makes its tables if they are missing.
// The pool stays the caller's: Close of the ledger doesn't close it. The error wraps
// [pipeline.ErrNewerFormat] if a newer version has made the tables.
func Open(ctx context.Context, pool *pgxpool.Pool, o Options) (pipeline.Ledger, error) {
	if o.Schema == "" {
		o.Schema = "exportpipeline"
	}
	if o.Prefix == "" {
		o.Prefix = "ledger_"
	}
	for _, name := range []string{o.Schema, o.Prefix} {
		if !plainName.MatchString(name) || len(name) > 40 {
			return nil, fmt.Errorf("ledger in PostgreSQL: %q is not a name of lower-case letters, digits and _", name)
		}
	}
	l := &ledger{pool: pool, schema: o.Schema, prefix: o.Schema + "." + o.Prefix, instance: strings.ToLower(rand.Text())}
	if err := l.safe(ctx, o.Unsafe); err != nil {
		return nil, fmt.Errorf("ledger in PostgreSQL: %w", err)
	}
	if err := l.migrate(ctx); err != nil {
		return nil, fmt.Errorf("ledger in PostgreSQL: making the tables %s*: %w", l.prefix, err)
	}
	return l, nil
}

func (l *ledger) safe(ctx context.Context, unsafe bool) error {
	var commit, fsync string
	if err := l.pool.QueryRow(ctx, "SELECT current_setting('synchronous_commit'), current_setting('fsync')").Scan(&commit, &fsync); err != nil {
		return err
	}
	if !unsafe && (commit == "off" || fsync == "off") {
		return fmt.Errorf("synchronous_commit is %s and fsync is %s: what is acknowledged could be lost; set both to on, or Options.Unsafe", commit, fsync)
	}
	return nil
}

// enter begins a call.
func (l *ledger) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return pipeline.ErrLedgerClosed
	}
	l.calls.Add(1)
	return nil
}

func interval(d time.Duration) pgtype.Interval {
	return pgtype.Interval{Microseconds: d.Microseconds(), Valid: true}
}

// columns are records as arrays.
func columns(records []pipeline.Record) (kinds []string, versions []int64, datas [][]byte, err error) {
	kinds, versions, datas = []string{}, []int64{}, [][]byte{}
	for _, r := range records {
		switch {
		case len(r.Data) > pipeline.MaxRecordData:
			return nil, nil, nil, fmt.Errorf("%w: %q has %d bytes of data, at most %d are allowed", pipeline.ErrRecordTooLarge, r.Kind, len(r.Data), pipeline.MaxRecordData)
		case len(r.Kind) > pipeline.MaxRecordKind:
			return nil, nil, nil, fmt.Errorf("%w: its kind has %d bytes, at most %d are allowed", pipeline.ErrRecordTooLarge, len(r.Kind), pipeline.MaxRecordKind)
		case r.Version < 0:
			return nil, nil, nil, fmt.Errorf("record %q: version %d is negative", r.Kind, r.Version)
		}
		if r.Data == nil {
			r.Data = []byte{} // not NULL
		}
		kinds, versions, datas = append(kinds, string(r.Kind)), append(versions, int64(r.Version)), append(datas, r.Data)
	}
	return kinds, versions, datas, nil
}

func (l *ledger) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("ledger in PostgreSQL: %s: %w", what, err)
}

func (l *ledger) Claim(ctx context.Context, key pipeline.RunKey, o pipeline.ClaimOptions) (pipeline.Claimed, error) {
	if o.Lease <= 0 {
		return pipeline.Claimed{}, fmt.Errorf("claiming a run: a lease of %v has ended already", o.Lease)
	}
	kinds, versions, datas, err := columns(o.First)
	if err != nil {
		return pipeline.Claimed{}, err
	}
	if err := l.enter(ctx); err != nil {
		return pipeline.Claimed{}, err
	}
	defer l.calls.Done()
	for {
		var code, id string
		err = l.pool.QueryRow(ctx, "SELECT code, run_id FROM "+l.prefix+"claim_1($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)",
			strings.TrimSuffix(string(key.ID(0)), "0"), key.Organization, key.Hook, key.Annotation, key.Event, o.Owner, l.instance, interval(o.Lease),
			o.Content, o.Fingerprint, o.After, string(o.Resume), kinds, versions, datas).Scan(&code, &id)
		if err != nil {
			return pipeline.Claimed{}, l.explain("claiming "+key.String(), err)
		}
		switch code {
		case "missing":
			return pipeline.Claimed{}, fmt.Errorf("run %s: %w", o.Resume, pipeline.ErrNoRun)
		case "ended":
			return pipeline.Claimed{}, fmt.Errorf("run %s: %w", o.Resume, pipeline.ErrEnded)
		}
		info, err := l.info(ctx, pipeline.RunID(id))
		switch {
		case errors.Is(err, pipeline.ErrNoRun) && (code == "busy" || code == "stale"): // erased meanwhile
			continue
		case err != nil:
			return pipeline.Claimed{}, err
		case code == "busy":
			return pipeline.Claimed{}, &pipeline.BusyError{Run: info}
		case code == "stale":
			return pipeline.Claimed{}, &pipeline.StaleError{Run: info}
		}
		return pipeline.Claimed{Lease: pipeline.Lease{Run: info.ID, Fence: info.Fence, Duration: o.Lease}, Run: info, TakenOver: code == "taken"}, nil
	}
}

// write is a call on a run that is there.
func (l *ledger) write(ctx context.Context, what string, lease pipeline.Lease, records ...pipeline.Record) error {
	kinds, versions, datas, err := columns(records)
	if err != nil {
		return err
	}
	if err := l.enter(ctx); err != nil {
		return err
	}
	defer l.calls.Done()
	var code, owner string
	err = l.pool.QueryRow(ctx, "SELECT code, new_owner FROM "+l.prefix+"write_1($1,$2,$3,$4,$5,$6,$7)",
		clean(lease.Run), lease.Fence, interval(lease.Duration), what, kinds, versions, datas).Scan(&code, &owner)
	switch {
	case err != nil:
		return l.explain("recording in run "+string(lease.Run), err)
	case code == "missing" && what == "note":
		return fmt.Errorf("run %.100s: %w", lease.Run, pipeline.ErrNoRun)
	case code == "missing":
		return &pipeline.FencedError{Run: lease.Run, Fence: lease.Fence, Erased: true}
	case code == "fenced":
		return &pipeline.FencedError{Run: lease.Run, Fence: lease.Fence, Owner: owner}
	case code == "ended":
		return fmt.Errorf("run %s: %w", lease.Run, pipeline.ErrEnded)
	}
	return nil
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

const infoColumns = "id, organization, hook, annotation, event, generation, fence, owner, content, fingerprint, begun, ended, outcome, count, state, seen"

func scanInfo(row pgx.Row) (i pipeline.RunInfo, err error) {
	var id, outcome string
	var ended *time.Time
	var state int
	err = row.Scan(&id, &i.Key.Organization, &i.Key.Hook, &i.Key.Annotation, &i.Key.Event, &i.Generation, &i.Fence, &i.Owner, &i.Content, &i.Fingerprint,
		&i.Begun, &ended, &outcome, &i.Count, &state, &i.Seen)
	i.ID, i.Outcome, i.State, i.Begun, i.Seen = pipeline.RunID(id), pipeline.RecordKind(outcome), pipeline.RunState(state), i.Begun.UTC(), i.Seen.UTC()
	if ended != nil {
		i.Ended = ended.UTC()
	}
	return i, err
}

func (l *ledger) info(ctx context.Context, id pipeline.RunID) (pipeline.RunInfo, error) {
	i, err := scanInfo(l.pool.QueryRow(ctx, "SELECT "+infoColumns+" FROM "+l.prefix+"info_1 WHERE id = $1", clean(id)))
	if errors.Is(err, pgx.ErrNoRows) {
		return i, fmt.Errorf("run %.100s: %w", id, pipeline.ErrNoRun)
	}
	return i, l.explain("reading run "+string(id), err)
}

func (l *ledger) Load(ctx context.Context, id pipeline.RunID) (run pipeline.Run, err error) {
	if err := l.enter(ctx); err != nil {
		return run, err
	}
	defer l.calls.Done()
	// One snapshot for both.
	err = pgx.BeginTxFunc(ctx, l.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		run.RunInfo, err = scanInfo(tx.QueryRow(ctx, "SELECT "+infoColumns+" FROM "+l.prefix+"info_1 WHERE id = $1", clean(id)))
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT seq, kind, version, at, data FROM "+l.prefix+"record WHERE run = $1 ORDER BY seq", clean(id))
		if err != nil {
			return err
		}
		run.Records, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r pipeline.Record, err error) {
			var kind string
			err = row.Scan(&r.Seq, &kind, &r.Version, &r.Time, &r.Data)
			r.Kind, r.Time = pipeline.RecordKind(kind), r.Time.UTC()
			return r, err
		})
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return pipeline.Run{}, fmt.Errorf("run %.100s: %w", id, pipeline.ErrNoRun)
	}
	if err != nil {
		return pipeline.Run{}, l.explain("loading run "+string(id), err)
	}
	return run, nil
}

func (l *ledger) Find(ctx context.Context, q pipeline.RunQuery) iter.Seq2[pipeline.RunInfo, error] {
	return func(yield func(pipeline.RunInfo, error) bool) {
		found, err := l.find(ctx, q)
		if err != nil {
			yield(pipeline.RunInfo{}, err)
			return
		}
		for _, i := range found {
			if !yield(i, nil) {
				return
			}
		}
	}
}

func (l *ledger) find(ctx context.Context, q pipeline.RunQuery) ([]pipeline.RunInfo, error) {
	if err := l.enter(ctx); err != nil {
		return nil, err
	}
	defer l.calls.Done()
	text := "SELECT " + infoColumns + " FROM " + l.prefix + "info_1 WHERE true"
	var args []any
	and := func(condition string, arg any) {
		args = append(args, arg)
		text += fmt.Sprintf(" AND "+condition, len(args))
	}
	if q.Organization != "" {
		and("organization = $%d", q.Organization)
	}
	if q.Hook != "" {
		and("hook = $%d", q.Hook)
	}
	if q.Annotation != 0 {
		and("annotation = $%d", q.Annotation)
	}
	if q.Event != "" {
		and("event = $%d", q.Event)
	}
	if q.State == pipeline.RunEnded {
		text += " AND ended IS NOT NULL"
	} else if q.State != 0 {
		text += " AND ended IS NULL"
		and("state = $%d", int(q.State))
	}
	if !q.Since.IsZero() {
		and("begun >= $%d", q.Since)
	}
	text += " ORDER BY generation DESC, id DESC"
	if q.Limit > 0 {
		text += fmt.Sprintf(" LIMIT %d", q.Limit)
	}
	rows, err := l.pool.Query(ctx, text, args...)
	if err != nil {
		return nil, l.explain("finding runs", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (pipeline.RunInfo, error) { return scanInfo(row) })
	return found, l.explain("finding runs", err)
}

func (l *ledger) Wait(ctx context.Context, id pipeline.RunID) (pipeline.RunInfo, error) {
	pause := 10 * time.Millisecond
	for {
		if err := l.enter(ctx); err != nil {
			return pipeline.RunInfo{}, err
		}
		info, err := l.info(ctx, id)
		l.calls.Done()
		if err != nil || info.State != pipeline.RunLive {
			return info, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		pause = min(2*pause, 100*time.Millisecond)
	}
}

func (l *ledger) Erase(ctx context.Context, organization string, annotation int64, except ...pipeline.RunID) error {
	if err := l.enter(ctx); err != nil {
		return err
	}
	defer l.calls.Done()
	keep := []string{}
	for _, id := range except {
		keep = append(keep, clean(id))
	}
	_, err := l.pool.Exec(ctx, "DELETE FROM "+l.prefix+"run WHERE organization = $1 AND annotation = $2 AND NOT id = ANY($3)", organization, annotation, keep)
	return l.explain(fmt.Sprintf("erasing annotation %d", annotation), err)
}

func (l *ledger) Expire(ctx context.Context, age time.Duration) (int, error) {
	if err := l.enter(ctx); err != nil {
		return 0, err
	}
	defer l.calls.Done()
	for total := 0; ; { // few at a time: nobody waits for long
		tag, err := l.pool.Exec(ctx, "DELETE FROM "+l.prefix+"run WHERE id IN (SELECT id FROM "+l.prefix+"run WHERE ended <= clock_timestamp() - $1::interval LIMIT 500)", interval(age))
		total += int(tag.RowsAffected())
		if err != nil || tag.RowsAffected() == 0 {
			return total, l.explain("removing old runs", err)
		}
	}
}

func (l *ledger) Durable() bool { return true }

func (l *ledger) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	l.calls.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err := l.pool.Exec(ctx, "UPDATE "+l.prefix+"run SET released = true WHERE instance = $1 AND ended IS NULL AND NOT released", l.instance)
	return l.explain("releasing runs", err)
}
