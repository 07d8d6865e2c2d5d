package pgledger_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger/pgledgertest"
)

// folder is one for a server, of a short path.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pg") //nolint:usetesting // PostgreSQL is run by another user, who must be able to enter it
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// recorder appends to a run of its own until it is stopped, and knows what was
// acknowledged.
type recorder struct {
	t     *testing.T
	l     pipeline.Ledger
	id    pipeline.RunID
	acked []string
	n     *atomic.Int64 // of all recorders
	err   error
}

// record has several recorders work, and returns a function that waits until so many more
// records were acknowledged, and one that stops them and looks for what they have recorded.
func record(t *testing.T, l pipeline.Ledger, several int) (more func(int64), check func(pipeline.Ledger)) {
	t.Helper()
	var n, failed atomic.Int64
	var group sync.WaitGroup
	stop := make(chan struct{})
	recorders := make([]*recorder, several)
	for i := range recorders {
		k := key
		k.Annotation = int64(1000 + i)
		got, err := l.Claim(t.Context(), k, pipeline.ClaimOptions{Owner: "x", Lease: time.Hour, After: pipeline.AnyRun})
		must(t, err)
		r := &recorder{t: t, l: l, id: got.Run.ID, n: &n}
		recorders[i] = r
		group.Go(func() {
			if r.err = r.work(got.Lease, stop); r.err != nil {
				failed.Add(1)
			}
		})
	}
	more = func(count int64) {
		t.Helper()
		for from := n.Load(); n.Load() < from+count && failed.Load() == 0; {
			time.Sleep(time.Millisecond)
		}
	}
	return more, func(now pipeline.Ledger) {
		t.Helper()
		close(stop)
		group.Wait()
		for _, r := range recorders {
			r.check(now)
		}
	}
}

func (r *recorder) work(lease pipeline.Lease, stop chan struct{}) error {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return nil
		default:
		}
		kind := fmt.Sprint(i)
		data := make([]byte, i%3*6000) // some have bodies of their own
		if err := r.l.Append(r.t.Context(), lease, pipeline.Record{Kind: pipeline.RecordKind(kind), Data: data}, pipeline.Record{Kind: "pair"}); err != nil {
			return err
		}
		r.acked = append(r.acked, kind)
		r.n.Add(1)
	}
}

// check finds each record that was acknowledged, once.
func (r *recorder) check(now pipeline.Ledger) {
	r.t.Helper()
	if r.err != nil {
		r.t.Errorf("the records of run %s stopped: %v", r.id, r.err)
	}
	run, err := now.Load(r.t.Context(), r.id)
	must(r.t, err)
	there := make(map[string]int)
	for i, record := range run.Records {
		there[string(record.Kind)]++
		if record.Seq != int64(i+1) {
			r.t.Errorf("record %d has Seq %d", i+1, record.Seq)
		}
	}
	for _, kind := range r.acked {
		if there[kind] != 1 {
			r.t.Errorf("record %s was acknowledged and is there %d times", kind, there[kind])
		}
	}
	if there["pair"] != len(there)-1 {
		r.t.Errorf("%d records have %d pairs", len(there)-1, there["pair"])
	}
}

// patient waits for a server on a slow machine.
const patient = 2 * time.Minute

// Callers notice nothing of it when connections are cut and the server is killed: what they
// record is there once.
func TestCutsAndRestartsAreNotNoticed(t *testing.T) {
	s := pgledgertest.New(t)
	l, err := open(address(s), pgledger.Options{Patience: patient})
	must(t, err)
	defer l.Close()
	more, check := record(t, l, 8)
	for i := range 12 {
		more(10)
		if i%4 == 3 {
			must(t, s.Kill())
			must(t, s.StartAgain())
		} else {
			must(t, s.Cut())
		}
		claim := pipeline.ClaimOptions{Owner: "x", Lease: time.Hour, After: pipeline.AnyRun}
		k := key
		k.Annotation = int64(i)
		if got, err := l.Claim(t.Context(), k, claim); err != nil || got.TakenOver {
			t.Fatalf("claim %d: %+v, %v", i, got, err)
		} else if err := l.End(t.Context(), got.Lease, pipeline.Record{Kind: "end"}); err != nil {
			t.Fatal(err)
		}
	}
	more(20)
	check(l)
}

// What was acknowledged is on the synchronous standby that takes the server's place, and
// what goes on goes on there.
func TestASynchronousStandbyTakesTheServersPlace(t *testing.T) {
	primary := pgledgertest.New(t)
	standby, err := primary.Standby(folder(t), "standby")
	must(t, err)
	t.Cleanup(func() { _ = standby.Kill() })
	must(t, primary.SQL("ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()"))
	both := fmt.Sprintf(
		"host=%s,%s port=5432,5432 user=postgres dbname=postgres target_session_attrs=read-write pool_max_conns=8",
		primary.Dir(),
		standby.Dir(),
	)
	l, err := open(both, pgledger.Options{Patience: patient, Standby: true})
	must(t, err)
	defer l.Close()
	more, check := record(t, l, 8)
	more(100)
	waited := make(chan error)
	live := key
	live.Annotation = 2
	got, err := l.Claim(t.Context(), live, pipeline.ClaimOptions{Owner: "x", Lease: time.Hour})
	must(t, err)
	go func() {
		info, err := l.Wait(t.Context(), got.Run.ID)
		if err == nil && info.State != pipeline.RunEnded {
			err = fmt.Errorf("the run is %v", info.State)
		}
		waited <- err
	}()
	must(t, primary.Kill())
	must(t, standby.Promote())
	more(100)
	must(t, l.End(t.Context(), got.Lease, pipeline.Record{Kind: "end"}))
	must(t, <-waited)
	now, err := open(standby.Address(), pgledger.Options{})
	must(t, err)
	defer now.Close()
	check(now)
}

// A standby that commits don't wait for is refused, unless the program knows better.
func TestAnAsynchronousStandbyIsRefused(t *testing.T) {
	primary := pgledgertest.New(t)
	for _, tt := range []struct {
		name string
		o    pgledger.Options
		want string
	}{
		{"one that isn't there", pgledger.Options{Standby: true}, "commits don't wait for the standby"},
		{"one of both kinds", pgledger.Options{Standby: true, AsyncStandby: true}, "Standby conflicts with Options.AsyncStandby"},
	} {
		refused(t, tt.name, primary.Address(), tt.o, tt.want)
	}
	standby, err := primary.Standby(folder(t), "standby")
	must(t, err)
	t.Cleanup(func() { _ = standby.Kill() })
	streams := "the database streams to 1 standby servers"
	refused(t, "one that is seen", primary.Address(), pgledger.Options{}, streams)
	refused(t, "one that is seen and named", primary.Address(), pgledger.Options{Standby: true}, "commits don't wait for the standby")
	accepted(t, "one that is only read", primary.Address(), pgledger.Options{AsyncStandby: true})
	must(t, primary.SQL("ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()"))
	accepted(t, "a synchronous one", primary.Address(), pgledger.Options{})
	accepted(t, "a synchronous one that is named", primary.Address(), pgledger.Options{Standby: true})
	local := primary.Address() + " options='-c synchronous_commit=local'"
	refused(t, "one that is synchronous, but for these connections", local, pgledger.Options{}, streams)
	refused(t, "the same, named", local, pgledger.Options{Standby: true}, "synchronous_commit is local")
}

func refused(t *testing.T, name, address string, o pgledger.Options, want string) {
	t.Helper()
	if l, err := open(address, o); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v", name, err)
		if err == nil {
			_ = l.Close()
		}
	}
}

func accepted(t *testing.T, name, address string, o pgledger.Options) {
	t.Helper()
	l, err := open(address, o)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	must(t, l.Close())
}

// Without a database a call ends when its patience does, and not before.
func TestPatienceEnds(t *testing.T) {
	s := pgledgertest.New(t)
	l, err := open(address(s), pgledger.Options{Patience: -1})
	must(t, err)
	got, err := l.Claim(t.Context(), key, pipeline.ClaimOptions{Owner: "x", Lease: time.Hour})
	must(t, err)
	must(t, s.Kill())
	if err := l.Append(t.Context(), got.Lease, pipeline.Record{Kind: "x"}); err == nil || errors.Is(err, pipeline.ErrFenced) {
		t.Errorf("without a server: %v", err)
	}
	must(t, s.StartAgain())
	if err := l.Append(t.Context(), got.Lease, pipeline.Record{Kind: "x"}); err != nil {
		if err = l.Append(t.Context(), got.Lease, pipeline.Record{Kind: "x"}); err != nil { // on a connection that is lost
			t.Error(err)
		}
	}
	must(t, l.Close())
}
