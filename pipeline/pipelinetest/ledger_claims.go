package pipelinetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// claimRules are about who owns a run.
var claimRules = []ledgerRule{
	{"a claim begins a run with its first records", oneInstance, func(c *ledgerCheck) {
		key, o := c.key(), lasting(long)
		o.First = []pipeline.Record{rec("a"), rec("b")}
		got := c.claim(c.one, key, o)
		run := c.load(c.one, got.Run.ID)
		for where, i := range map[string]pipeline.RunInfo{"Claim": got.Run, "Load": run.RunInfo} {
			if i.Key != key || i.State != pipeline.RunLive || i.Owner != o.Owner || i.Content != o.Content || i.Fingerprint != o.Fingerprint ||
				i.Generation <= 0 || i.Fence != got.Lease.Fence || i.Count != 2 || i.Started.IsZero() || !i.Ended.IsZero() || i.Seen.Before(i.Started) || i.Damaged {
				c.fault("%s says of the run: %+v", where, i)
			}
		}
		if got.TakenOver || got.Lease.Run != got.Run.ID || got.Lease.Duration != o.Lease || kinds(run) != "a b" {
			c.fault("Claim: %+v, records %q", got, kinds(run))
		}
		if len(got.Run.ID) > 100 || !plainID(string(got.Run.ID)) {
			c.fault("the id %q has other characters than letters, digits, - and _, or more than 100", got.Run.ID)
		}
	}},
	{"a live run is busy for everybody", oneInstance, func(c *ledgerCheck) {
		key := c.key()
		got := c.claim(c.one, key, lasting(long))
		for _, o := range []pipeline.ClaimOptions{lasting(long), {Owner: "another", Lease: long}, {Owner: "another", Lease: long, Resume: got.Run.ID}} {
			_, err := c.one.Claim(c.ctx, key, o)
			c.is("Claim of a live run", err, pipeline.ErrBusy)
			if busy, ok := errors.AsType[*pipeline.BusyError](err); !ok || busy.Run.ID != got.Run.ID || busy.Run.Owner != "conformance" {
				c.fault("Claim of a live run: %v has not the run", err)
			}
		}
		c.must("Append after others tried", c.one.Append(c.ctx, got.Lease, rec("mine")))
	}},
	{"a live run is busy for other instances", twoInstances, func(c *ledgerCheck) {
		key := c.key()
		c.claim(c.one, key, lasting(long))
		_, err := c.two.Claim(c.ctx, key, lasting(long))
		c.is("Claim by another instance", err, pipeline.ErrBusy)
	}},
	{"a run whose lease has ended is taken over", oneInstance, func(c *ledgerCheck) {
		key, o := c.key(), lasting(short)
		o.First = []pipeline.Record{rec("first")}
		was := c.claim(c.one, key, o)
		c.abandoned(c.one, was.Run.ID)
		now := c.claim(c.one, key, pipeline.ClaimOptions{Owner: "heir", Lease: long, Content: "other", Fingerprint: "other", First: []pipeline.Record{rec("second")}})
		if !now.TakenOver || now.Run.ID != was.Run.ID || now.Run.Generation != was.Run.Generation || now.Lease.Fence <= was.Lease.Fence ||
			now.Run.Owner != "heir" || now.Run.Content != "content" || now.Run.Fingerprint != "chain" || now.Run.State != pipeline.RunLive || !now.Run.Started.Equal(was.Run.Started) {
			c.fault("Claim of an abandoned run: %+v, was %+v", now, was)
		}
		c.must("Append by the new owner", c.one.Append(c.ctx, now.Lease, rec("third")))
		if got := kinds(c.load(c.one, was.Run.ID)); got != "first second third" {
			c.fault("the run has the records %q", got)
		}
	}},
	{"the former owner is fenced", oneInstance, func(c *ledgerCheck) {
		key := c.key()
		was := c.claim(c.one, key, lasting(short))
		c.abandoned(c.one, was.Run.ID)
		c.claim(c.one, key, pipeline.ClaimOptions{Owner: "heir", Lease: long})
		c.fenced(c.one, was.Lease, "heir", false)
		if run := c.load(c.one, was.Run.ID); len(run.Records) != 0 || run.State != pipeline.RunLive {
			c.fault("after a fenced owner's calls the run is %v and has the records %q", run.State, kinds(run))
		}
	}},
	{"another instance takes over, too", twoInstances, func(c *ledgerCheck) {
		key := c.key()
		was := c.claim(c.one, key, lasting(short))
		c.must("Append", c.one.Append(c.ctx, was.Lease, rec("before")))
		c.abandoned(c.two, was.Run.ID)
		now := c.claim(c.two, key, pipeline.ClaimOptions{Owner: "heir", Lease: long})
		c.fenced(c.one, was.Lease, "heir", false)
		c.must("Append by the new owner", c.two.Append(c.ctx, now.Lease, rec("after")))
		for _, l := range []pipeline.Ledger{c.one, c.two} {
			if got := kinds(c.load(l, was.Run.ID)); got != "before after" {
				c.fault("the run has the records %q", got)
			}
		}
	}},
	{"a new run needs the knowledge of the latest ended one", oneInstance, func(c *ledgerCheck) {
		key, o := c.key(), lasting(long)
		o.After = 0
		first := c.claim(c.one, key, o)
		c.must("End", c.one.End(c.ctx, first.Lease, rec("done")))
		for _, after := range []int64{0, first.Run.Generation - 1} {
			o.After = after
			_, err := c.one.Claim(c.ctx, key, o)
			c.is("Claim that does not know the latest run", err, pipeline.ErrStale)
			if stale, ok := errors.AsType[*pipeline.StaleError](err); !ok || stale.Run.ID != first.Run.ID || stale.Run.State != pipeline.RunEnded {
				c.fault("Claim that does not know the latest run: %v has not the run", err)
			}
		}
		o.After = first.Run.Generation
		second := c.claim(c.one, key, o)
		if second.TakenOver || second.Run.ID == first.Run.ID || second.Run.Generation <= first.Run.Generation {
			c.fault("the second run is %+v after %+v", second.Run, first.Run)
		}
		c.must("End", c.one.End(c.ctx, second.Lease, rec("done")))
		_, err := c.one.Claim(c.ctx, key, o)
		c.is("Claim that knows only the run before", err, pipeline.ErrStale)
	}},
	{"Resume claims one run and begins none", oneInstance, func(c *ledgerCheck) {
		key := c.key()
		resume := func(id pipeline.RunID) error {
			_, err := c.one.Claim(c.ctx, key, pipeline.ClaimOptions{Owner: "heir", Lease: long, Resume: id})
			return err
		}
		c.is("Resume of a run that never was", resume(key.ID(1)), pipeline.ErrNoRun)
		was := c.claim(c.one, key, lasting(long))
		c.must("Release", c.one.Release(c.ctx, was.Lease))
		c.is("Resume of a run that never was", resume(key.ID(1)), pipeline.ErrNoRun)
		if _, err := c.one.Claim(c.ctx, c.key(), pipeline.ClaimOptions{Owner: "heir", Lease: long, Resume: was.Run.ID}); !errors.Is(err, pipeline.ErrNoRun) {
			c.fault("Resume of another key's run: %v", err)
		}
		now, err := c.one.Claim(c.ctx, key, pipeline.ClaimOptions{Owner: "heir", Lease: long, Resume: was.Run.ID})
		c.must("Resume of an abandoned run", err)
		if !now.TakenOver || now.Run.ID != was.Run.ID {
			c.fault("Resume gave %+v", now)
		}
		c.must("End", c.one.End(c.ctx, now.Lease, rec("done")))
		c.is("Resume of an ended run", resume(was.Run.ID), pipeline.ErrEnded)
	}},
	{"one of many claims wins", oneInstance, func(c *ledgerCheck) { c.oneWins(c.key(), c.one, c.one) }},
	{"one of many claims by instances wins", twoInstances, func(c *ledgerCheck) { c.oneWins(c.key(), c.one, c.two) }},
	{"one of many takes over", oneInstance, func(c *ledgerCheck) {
		key := c.key()
		was := c.claim(c.one, key, lasting(long))
		c.must("Release", c.one.Release(c.ctx, was.Lease))
		c.oneWins(key, c.one, c.one)
	}},
	{"keys that differ in anything are different", oneInstance, func(c *ledgerCheck) {
		key := c.key()
		c.claim(c.one, key, lasting(long))
		for _, change := range []func(*pipeline.RunKey){
			func(k *pipeline.RunKey) { k.Organization += "x" }, func(k *pipeline.RunKey) { k.Hook += "x" },
			func(k *pipeline.RunKey) { k.Annotation++ }, func(k *pipeline.RunKey) { k.Event += "x" },
			func(k *pipeline.RunKey) { k.Hook, k.Event = k.Hook+k.Event[:1], k.Event[1:] },
		} {
			other := key
			change(&other)
			if got, err := c.one.Claim(c.ctx, other, lasting(long)); err != nil || got.Run.Key != other || got.TakenOver {
				c.fault("Claim of %v while %v runs: %+v, %v", other, key, got, err)
			}
		}
	}},
	{"generations never come again", oneInstance, func(c *ledgerCheck) {
		key := c.key()
		seen := make(map[int64]bool)
		ids := make(map[pipeline.RunID]bool)
		last := int64(0)
		for i := range 8 {
			got := c.claim(c.one, key, lasting(long))
			if seen[got.Run.Generation] || ids[got.Run.ID] || got.Run.Generation <= last && i%2 == 1 {
				c.fault("run %d has generation %d and id %s again, or a lower one than %d", i+1, got.Run.Generation, got.Run.ID, last)
			}
			last = got.Run.Generation
			seen[last], ids[got.Run.ID] = true, true
			c.must("End", c.one.End(c.ctx, got.Lease, rec("done")))
			if i%2 == 1 {
				c.must("Erase", c.one.Erase(c.ctx, key.Organization, key.Annotation))
			}
		}
	}},
	{"a lease that ended still counts until a takeover", oneInstance, func(c *ledgerCheck) {
		got := c.claim(c.one, c.key(), lasting(short))
		c.abandoned(c.one, got.Run.ID)
		lease := got.Lease
		lease.Duration = long
		c.must("Append of a late reply", c.one.Append(c.ctx, lease, rec("late")))
		if run := c.load(c.one, got.Run.ID); run.State != pipeline.RunLive || kinds(run) != "late" {
			c.fault("after Append the run is %v and has %q", run.State, kinds(run))
		}
		_, err := c.one.Claim(c.ctx, got.Run.Key, lasting(long))
		c.is("Claim after Append renewed the lease", err, pipeline.ErrBusy)
	}},
	{"Renew has the lease last", oneInstance, func(c *ledgerCheck) {
		got := c.claim(c.one, c.key(), lasting(short))
		lease := got.Lease
		lease.Duration = long
		c.must("Renew", c.one.Renew(c.ctx, lease))
		time.Sleep(2 * short)
		if run := c.load(c.one, got.Run.ID); run.State != pipeline.RunLive || run.Count != 0 {
			c.fault("after Renew and the first lease's end the run is %v and has %d records", run.State, run.Count)
		}
	}},
	{"Release hands a run over at once", oneInstance, func(c *ledgerCheck) {
		key := c.key()
		was := c.claim(c.one, key, lasting(long))
		c.must("Append", c.one.Append(c.ctx, was.Lease, rec("before")))
		c.must("Release", c.one.Release(c.ctx, was.Lease))
		if run := c.load(c.one, was.Run.ID); run.State != pipeline.RunAbandoned {
			c.fault("after Release the run is %v", run.State)
		}
		c.fenced(c.one, was.Lease, "", false)
		if now := c.claim(c.one, key, lasting(long)); !now.TakenOver || now.Run.ID != was.Run.ID {
			c.fault("Claim after Release: %+v", now)
		}
	}},
	{"Close ends its leases and everything else", oneInstance, func(c *ledgerCheck) {
		l := c.open()
		got := c.claim(l, c.key(), lasting(long))
		c.must("Close", l.Close())
		c.must("a second Close", l.Close())
		if c.one.Durable() {
			if run := c.load(c.one, got.Run.ID); run.State != pipeline.RunAbandoned {
				c.fault("after Close of its owner's ledger the run is %v", run.State)
			}
			if now := c.claim(c.one, got.Run.Key, lasting(long)); !now.TakenOver {
				c.fault("Claim after Close: %+v", now)
			}
		}
		for name, err := range eachCall(c.ctx, l, got) {
			c.is(name+" after Close", err, pipeline.ErrLedgerClosed)
		}
	}},
	{"nothing is done when ctx has ended", oneInstance, func(c *ledgerCheck) {
		got := c.claim(c.one, c.key(), lasting(long))
		ctx, cancel := context.WithCancel(c.ctx)
		cancel()
		for name, err := range eachCall(ctx, c.one, got) {
			c.is(name+" with a ctx that has ended", err, context.Canceled)
		}
		if run := c.load(c.one, got.Run.ID); run.State != pipeline.RunLive || run.Count != 0 {
			c.fault("calls with a ctx that had ended left the run %v with the records %q", run.State, kinds(run))
		}
	}},
	{"a lease must last", oneInstance, func(c *ledgerCheck) {
		for _, lease := range []time.Duration{0, -time.Second} {
			if _, err := c.one.Claim(c.ctx, c.key(), lasting(lease)); err == nil {
				c.fault("Claim with a lease of %v: no error", lease)
			}
		}
	}},
}

// eachCall makes every call once, the run's end before the waiting for it, and returns
// the error of each. A call that does not return within a while is an error, too.
func eachCall(ctx context.Context, l pipeline.Ledger, got pipeline.Claimed) map[string]error {
	query := pipeline.RunQuery{Organization: got.Run.Key.Organization, Annotation: got.Run.Key.Annotation}
	faults := make(map[string]error)
	for _, c := range []struct {
		name string
		call func() error
	}{
		{"Claim", func() error { _, err := l.Claim(ctx, pipeline.RunKey{Hook: "x"}, lasting(long)); return err }},
		{"Append", func() error { return l.Append(ctx, got.Lease, rec("x")) }},
		{"Renew", func() error { return l.Renew(ctx, got.Lease) }},
		{"Note", func() error { return l.Note(ctx, got.Run.ID, rec("x")) }},
		{"Load", func() error { _, err := l.Load(ctx, got.Run.ID); return err }},
		{"Find", func() (err error) {
			for _, err = range l.Find(ctx, query) {
			}
			return err
		}},
		{"End", func() error { return l.End(ctx, got.Lease, rec("x")) }},
		{"Release", func() error { return l.Release(ctx, got.Lease) }},
		{"Wait", func() error { _, err := l.Wait(ctx, got.Run.ID); return err }},
		{"Erase", func() error { return l.Erase(ctx, got.Run.Key.Organization, got.Run.Key.Annotation) }},
		{"Expire", func() error { _, err := l.Expire(ctx, 1000*time.Hour); return err }},
	} {
		faults[c.name] = returns(c.call)
	}
	return faults
}

// callTime is how long a call that has nothing to wait for may take on a busy machine.
const callTime = 30 * time.Second

var errStuck = errors.New("the call did not return")

func returns(call func() error) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	timer := time.NewTimer(callTime)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return errStuck
	}
}

// fenced checks that a lease gives no right any more.
func (c *ledgerCheck) fenced(l pipeline.Ledger, lease pipeline.Lease, owner string, erased bool) {
	for name, err := range map[string]error{
		"Append": l.Append(c.ctx, lease, rec("fenced")), "empty Append": l.Append(c.ctx, lease), "Renew": l.Renew(c.ctx, lease),
		"Release": l.Release(c.ctx, lease), "End": l.End(c.ctx, lease, rec("fenced")),
	} {
		c.is(name+" by a fenced owner", err, pipeline.ErrFenced)
		if f, ok := errors.AsType[*pipeline.FencedError](err); !ok || f.Run != lease.Run || f.Fence != lease.Fence || f.Owner != owner || f.Erased != erased {
			c.fault("%s by a fenced owner: %+v, want the owner %q, erased %v", name, err, owner, erased)
		}
		if erased {
			c.is(name+" on an erased run", err, pipeline.ErrNoRun)
		}
	}
}

// oneWins has many claim a key at once.
func (c *ledgerCheck) oneWins(key pipeline.RunKey, ledgers ...pipeline.Ledger) {
	var group sync.WaitGroup
	var won, other atomic.Int32
	var fault atomic.Value
	for i := range 16 {
		l := ledgers[i%len(ledgers)]
		group.Go(func() {
			switch _, err := l.Claim(c.ctx, key, lasting(long)); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, pipeline.ErrBusy):
				other.Add(1)
				fault.Store(fmt.Sprint(err))
			}
		})
	}
	group.Wait()
	if won.Load() != 1 || other.Load() > 0 {
		c.fault("%d of 16 claims at once became the owner, want 1; %d failed: %v", won.Load(), other.Load(), fault.Load())
	}
}

func plainID(id string) bool {
	for _, r := range id {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return id != ""
}
