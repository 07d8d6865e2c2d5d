package pgledger

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger/pgledgertest"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

var key = pipeline.RunKey{Organization: "https://pg.rossum.example", Hook: "7", Annotation: 1, Event: "annotation_content.export"}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func pool(t *testing.T, address string) *pgxpool.Pool {
	t.Helper()
	p, err := pgxpool.New(t.Context(), address+" pool_max_conns=8")
	must(t, err)
	t.Cleanup(p.Close)
	return p
}

func opened(t *testing.T, address string, o Options) *ledger {
	t.Helper()
	l, err := open(t.Context(), pool(t, address), o, migrations)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func claimed(t *testing.T, l pipeline.Ledger, annotation int64, lease time.Duration) pipeline.Claimed {
	t.Helper()
	k := key
	k.Annotation = annotation
	got, err := l.Claim(t.Context(), k, pipeline.ClaimOptions{Owner: "x", Lease: lease, After: pipeline.AnyRun})
	must(t, err)
	return got
}

// Who waits hears of the end from another replica, without looking: the two ledgers of this
// test would look after an hour.
func TestWhoWaitsHearsOfTheEndAtOnce(t *testing.T) {
	s := pgledgertest.New(t)
	one, two := opened(t, s.Address(), Options{}), opened(t, s.Address(), Options{})
	two.ends.listening, two.ends.polling = time.Hour, time.Hour
	for i, end := range map[int64]func(pipeline.Claimed) error{
		1: func(c pipeline.Claimed) error { return one.End(t.Context(), c.Lease, pipeline.Record{Kind: "end"}) },
		2: func(c pipeline.Claimed) error { return one.Release(t.Context(), c.Lease) },
		3: func(c pipeline.Claimed) error { return one.Erase(t.Context(), key.Organization, c.Run.Key.Annotation) },
		4: func(pipeline.Claimed) error { return one.Close() },
	} {
		if i == 4 {
			one = opened(t, s.Address(), Options{})
		}
		got := claimed(t, one, i, 2*time.Hour)
		done := make(chan error)
		go func() {
			_, err := two.Wait(t.Context(), got.Run.ID)
			done <- err
		}()
		isAwaited(t, two, got.Run.ID)
		must(t, end(got))
		if err := <-done; err != nil && !errors.Is(err, pipeline.ErrNoRun) {
			t.Errorf("%d: %v", i, err)
		}
		if i == 4 {
			one = opened(t, s.Address(), Options{})
		}
	}
}

// isAwaited returns when somebody listens and the run's end will be notified.
func isAwaited(t *testing.T, l *ledger, id pipeline.RunID) {
	t.Helper()
	for awaited := false; !awaited || !l.ends.works(); time.Sleep(time.Millisecond) {
		must(t, l.pool.QueryRow(t.Context(), "SELECT awaited FROM "+l.prefix+"run WHERE id = $1", string(id)).Scan(&awaited))
	}
}

// A run that nobody waits for is not notified of: commits with notifications go one after
// the other.
func TestOnlyRunsThatAreWaitedForAreNotified(t *testing.T) {
	s := pgledgertest.New(t)
	l := opened(t, s.Address(), Options{})
	conn, err := pgx.Connect(t.Context(), s.Address())
	must(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), "LISTEN "+l.channel())
	must(t, err)
	quiet, awaited := claimed(t, l, 1, time.Hour), claimed(t, l, 2, time.Hour)
	_, _, err = l.await(t.Context(), awaited.Run.ID)
	must(t, err)
	for _, c := range []pipeline.Claimed{quiet, awaited} {
		must(t, l.End(t.Context(), c.Lease, pipeline.Record{Kind: "end"}))
	}
	said, err := conn.WaitForNotification(t.Context())
	if err != nil || said.Payload != string(awaited.Run.ID) {
		t.Errorf("%+v, %v", said, err)
	}
}

// Without the connection that listens Wait looks by itself.
func TestWhoCannotHearLooks(t *testing.T) {
	s := pgledgertest.New(t)
	l := opened(t, s.Address(), Options{Listen: "host=/nowhere user=postgres"})
	got := claimed(t, l, 1, time.Hour)
	done := make(chan error)
	go func() {
		_, err := l.Wait(t.Context(), got.Run.ID)
		done <- err
	}()
	must(t, l.End(t.Context(), got.Lease, pipeline.Record{Kind: "end"}))
	must(t, <-done)
}

// A call whose answer was lost is not made twice when it is tried again.
func TestACallThatIsTriedAgainIsMadeOnce(t *testing.T) {
	s := pgledgertest.New(t)
	l := opened(t, s.Address(), Options{})
	got := claimed(t, l, 1, time.Hour)
	twice := func(what string, lease pipeline.Lease, kinds ...string) {
		t.Helper()
		var records []pipeline.Record
		for _, k := range kinds {
			records = append(records, pipeline.Record{Kind: pipeline.RecordKind(k)})
		}
		c, err := columnsOf(records)
		must(t, err)
		w := &write{lease: lease, what: what, nonce: nonce(), columns: c}
		for _, again := range []bool{false, true} {
			must(t, l.attempt(t.Context(), []*write{w}, again))
			must(t, w.err())
		}
	}
	twice("append", got.Lease, "a", "b")
	twice("note", got.Lease, "n")
	twice("append", got.Lease)
	twice("end", got.Lease, "z")
	run, err := l.Load(t.Context(), got.Run.ID)
	must(t, err)
	all := ""
	for _, r := range run.Records {
		all += string(r.Kind)
	}
	if all != "abnz" || run.Outcome != "z" {
		t.Errorf("the run has %q", all)
	}
	released := claimed(t, l, 2, time.Hour)
	twice("release", released.Lease)
	for _, lease := range []time.Duration{time.Hour, time.Nanosecond} { // one that is new, one that is taken over
		k := key
		k.Annotation = 3
		o := pipeline.ClaimOptions{Owner: "x", Lease: lease, First: []pipeline.Record{{Kind: "first"}}}
		records, err := columnsOf(o.First)
		must(t, err)
		mark := nonce()
		first, code, err := l.claim(t.Context(), k, o, records, mark, false)
		must(t, err)
		second, again, err := l.claim(t.Context(), k, o, records, mark, true)
		if err != nil || again != code || second.ID != first.ID || second.Fence != first.Fence || second.Count != first.Count {
			t.Errorf("a claim that is tried again: %s %+v, then %s %+v, %v", code, first, again, second, err)
		}
		must(t, l.Release(t.Context(), pipeline.Lease{Run: first.ID, Fence: first.Fence}))
	}
}

// The clock of a client counts for nothing: one of this test stands still, in the year 2000.
func TestAClientsClockCountsForNothing(t *testing.T) {
	s := pgledgertest.New(t)
	right := opened(t, s.Address(), Options{})
	theirs := claimed(t, right, 2, time.Hour)
	wrongBegan, rightLooked := make(chan pipeline.Claimed), make(chan struct{})
	go func() {
		defer close(rightLooked)
		got := <-wrongBegan
		if _, err := right.Claim(t.Context(), got.Run.Key, pipeline.ClaimOptions{Owner: "y", Lease: time.Hour}); !errors.Is(
			err,
			pipeline.ErrBusy,
		) {
			t.Errorf("a run of a client whose clock is wrong: %v", err)
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		p, err := pgxpool.New(t.Context(), s.Address()+" pool_max_conns=4")
		must(t, err)
		wrong, err := open(t.Context(), p, Options{}, migrations)
		must(t, err)
		if year := time.Now().Year(); year != 2000 {
			t.Fatalf("this clock says %d", year)
		}
		got := claimed(t, wrong, 1, time.Hour)
		if age := got.Run.Seen.Sub(got.Run.Started).Abs(); got.Run.Started.Year() < 2026 || age > time.Hour {
			t.Errorf("the run began at %v, seen at %v", got.Run.Started, got.Run.Seen)
		}
		wrongBegan <- got
		<-rightLooked
		if _, err := wrong.Claim(t.Context(), theirs.Run.Key, pipeline.ClaimOptions{Owner: "y", Lease: time.Hour}); !errors.Is(
			err,
			pipeline.ErrBusy,
		) {
			t.Errorf("a client whose clock is wrong takes a run: %v", err)
		}
		must(t, wrong.End(t.Context(), got.Lease, pipeline.Record{Kind: "end"}))
		if n, err := wrong.Expire(t.Context(), time.Hour); n != 0 || err != nil {
			t.Errorf("a client whose clock is wrong removes %d runs, %v", n, err)
		}
		must(t, wrong.Close())
		p.Close()
	})
}

// What is judged by a client's clock could not be tested for every skew; so none is read.
func TestNoClientsClockIsRead(t *testing.T) {
	entries, err := os.ReadDir(".")
	must(t, err)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, 0)
		must(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && fmt.Sprint(s.X) == "time" && (s.Sel.Name == "Now" || s.Sel.Name == "Since") {
				t.Errorf("%s reads the clock", e.Name())
			}
			return true
		})
	}
}

// second is a form that adds a column, a function and an index.
var second = migration{form: 2, oldest: 1, sql: `
	ALTER TABLE @p@run ADD COLUMN IF NOT EXISTS region text;
	CREATE OR REPLACE FUNCTION @p@region_2(run_id text) RETURNS text LANGUAGE sql AS 'SELECT region FROM @p@run WHERE id = run_id'`,
	indexes: []index{{name: "by_region", on: "@p@run (region)"}}}

// A migration holds nobody up, however long a table is in use, and the old version goes on
// beside the new one.
func TestAMigrationHoldsNobodyUp(t *testing.T) {
	s := pgledgertest.New(t)
	ctx := t.Context()
	old := opened(t, s.Address(), Options{})
	var n atomic.Int64
	stop, done := make(chan struct{}), make(chan error)
	got := claimed(t, old, 1, time.Hour)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if err := old.Append(ctx, got.Lease, pipeline.Record{Kind: "x"}); err != nil {
				done <- err
				return
			}
			n.Add(1)
		}
	}()
	more := func() {
		for from := n.Load(); n.Load() < from+100; time.Sleep(time.Millisecond) {
			select {
			case err := <-done:
				t.Fatal(err)
			default:
			}
		}
	}
	reader, err := pgx.Connect(ctx, s.Address()) // someone's report, which takes its time
	must(t, err)
	defer reader.Close(context.Background())
	_, err = reader.Exec(ctx, "BEGIN; SELECT count(*) FROM "+old.prefix+"run")
	must(t, err)
	migrated := make(chan error)
	var young *ledger
	go func() {
		var err error
		young, err = open(ctx, pool(t, s.Address()), Options{}, append(migrations, second))
		migrated <- err
	}()
	for waits := false; !waits; time.Sleep(time.Millisecond) { // for the reader
		must(
			t,
			old.pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ALTER TABLE%')").
				Scan(&waits),
		)
	}
	more() // although the migration waits
	_, err = reader.Exec(ctx, "ROLLBACK")
	must(t, err)
	must(t, <-migrated)
	more()
	must(t, young.Append(ctx, got.Lease, pipeline.Record{Kind: "y"}))
	close(stop)
	must(t, <-done)
	if again := opened(t, s.Address(), Options{}); claimed(t, again, 2, time.Hour).Run.ID == "" {
		t.Error("the old version can't be started again")
	}
	must(t, young.Close())
}

// A migration that was cut short is taken up where it was left.
func TestAMigrationThatWasCutShortIsTakenUp(t *testing.T) {
	s := pgledgertest.New(t)
	l := opened(t, s.Address(), Options{})
	must(t, l.change(t.Context(), second))
	must(t, l.makeIndex(t.Context(), second.indexes[0]))
	must(t, s.SQL("UPDATE pg_index SET indisvalid = false WHERE indexrelid = '"+l.prefix+"by_region'::regclass"))
	for range 2 {
		var group [3]chan error
		for i := range group { // by several processes at once
			group[i] = make(chan error)
			go func() {
				other, err := open(t.Context(), pool(t, s.Address()), Options{}, append(migrations, second))
				if err == nil {
					err = other.Close()
				}
				group[i] <- err
			}()
		}
		for i := range group {
			must(t, <-group[i])
		}
	}
	var valid bool
	must(
		t,
		l.pool.QueryRow(t.Context(), "SELECT indisvalid FROM pg_index WHERE indexrelid = $1::text::regclass", l.prefix+"by_region").Scan(&valid),
	)
	if !valid {
		t.Error("an index that was cut short is left as it was")
	}
}
