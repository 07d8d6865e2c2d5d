package pipelinetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// processRules are about processes that end, or stand still, at any moment.
var processRules = []ledgerRule{
	{"what was acknowledged outlives a kill", processes, func(c *ledgerCheck) {
		for range 6 {
			c.outlives()
		}
	}},
	{"a killed process's run is taken over", processes, func(c *ledgerCheck) {
		key := c.key()
		p := c.child()
		was, err := p.Claim(c.ctx, key, lasting(300*time.Millisecond))
		c.must("Claim by a process", err)
		c.must("Append by a process", p.Append(c.ctx, was.Lease, rec("before")))
		p.kill()
		c.abandoned(c.one, was.Run.ID)
		for _, l := range []pipeline.Ledger{c.one, c.two} {
			found := c.find(l, pipeline.RunQuery{Annotation: key.Annotation, State: pipeline.RunAbandoned})
			if len(found) != 1 || found[0].ID != was.Run.ID {
				c.fault("Find of abandoned runs yields %d, want the killed process's", len(found))
			}
		}
		now, err := c.child().Claim(c.ctx, key, lasting(long))
		c.must("Claim by another process", err)
		if !now.TakenOver || now.Run.ID != was.Run.ID {
			c.fault("Claim by another process: %+v", now)
		}
		if got := kinds(c.load(c.two, was.Run.ID)); got != "before" {
			c.fault("the run has the records %q", got)
		}
	}},
	{"one of many processes wins", processes, func(c *ledgerCheck) {
		ps := []pipeline.Ledger{}
		for range 3 {
			ps = append(ps, remoteLedger{c.child()})
		}
		for range 5 {
			c.oneWins(c.key(), ps...)
		}
	}},
	{"a process that stood still past its lease is fenced", processes, func(c *ledgerCheck) {
		for range 3 {
			c.standsStill()
		}
	}},
	{"another process may erase a run", processes, func(c *ledgerCheck) {
		p := c.child()
		key := c.key()
		got, err := p.Claim(c.ctx, key, lasting(long))
		c.must("Claim by a process", err)
		c.must("Append by a process", p.Append(c.ctx, got.Lease, rec("secret")))
		c.must("Erase", c.one.Erase(c.ctx, key.Organization, key.Annotation))
		c.fenced(remoteLedger{p}, got.Lease, "", true)
		p.kill()
		again := c.claim(c.two, key, pipeline.ClaimOptions{Owner: "x", Lease: long})
		if again.TakenOver || again.Run.ID == got.Run.ID {
			c.fault("Claim after Erase and the owner's end: %+v", again)
		}
	}},
	{"kills at any moment leave a ledger that keeps its rules", processes, (*ledgerCheck).chaos},
}

// remoteLedger is a child as a Ledger.
type remoteLedger struct{ *ledgerChild }

func (remoteLedger) Durable() bool { return true }
func (remoteLedger) Close() error  { return nil }

// outlives has a process record pairs on several runs until it is killed.
func (c *ledgerCheck) outlives() {
	p := c.child()
	const runs = 4
	var group sync.WaitGroup
	var acked [runs]atomic.Int64
	var ids [runs]pipeline.RunID
	var total atomic.Int64
	faults := make([]error, runs)
	for i := range runs {
		got, err := p.Claim(c.ctx, c.key(), lasting(short))
		c.must("Claim by a process", err)
		ids[i] = got.Run.ID
		group.Go(func() {
			for n := int64(1); ; n++ {
				first, second := rec(fmt.Sprintf("%d a", n)), rec(fmt.Sprintf("%d b", n))
				second.Data = make([]byte, rand.IntN(20_000))
				if err := p.Append(c.ctx, got.Lease, first, second); err != nil {
					if !errors.Is(err, errProcessGone) {
						faults[i] = err
					}
					return
				}
				acked[i].Store(n)
				total.Add(1)
			}
		})
	}
	for want := 1 + rand.Int64N(60); total.Load() < want && c.ctx.Err() == nil; {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
	p.kill()
	group.Wait()
	c.must("Append by a process", errors.Join(faults...))
	for i, id := range ids {
		run := c.load(c.two, id)
		if run.Damaged {
			c.fault("after a kill the run is damaged")
		}
		for k, r := range run.Records {
			if want := fmt.Sprintf("%d %c", k/2+1, 'a'+rune(k%2)); string(r.Kind) != want {
				c.fault("record %d is %q, want %q", k+1, r.Kind, want)
				return
			}
		}
		if n := acked[i].Load(); int64(run.Count) < 2*n || run.Count%2 != 0 || int64(run.Count) > 2*n+2 {
			c.fault("%d pairs were acknowledged, and %d records are there", n, run.Count)
		}
		c.abandoned(c.one, id)
		heir := c.claim(c.one, run.Key, lasting(long))
		c.must("Append after a kill", c.one.Append(c.ctx, heir.Lease, rec("heir")))
		// What a server was still told may have come meanwhile, whole, before the takeover.
		after := c.load(c.two, id)
		if n := int64(after.Count - 1); n < int64(run.Count) || n > 2*acked[i].Load()+2 || n%2 != 0 || after.Records[n].Kind != "heir" || !heir.TakenOver {
			c.fault("after a kill there were %d records, and after a takeover there are %q", run.Count, kinds(after))
		}
	}
}

// standsStill pauses a process while it records, and takes its run over.
func (c *ledgerCheck) standsStill() {
	p := c.child()
	key := c.key()
	was, err := p.Claim(c.ctx, key, lasting(short))
	c.must("Claim by a process", err)
	stopped := make(chan error, 1)
	var acked atomic.Int64
	go func() {
		for n := 1; ; n++ {
			if err := p.Append(c.ctx, was.Lease, rec(fmt.Sprint(n))); err != nil {
				stopped <- err
				return
			}
			acked.Store(int64(n))
		}
	}()
	for acked.Load() < 3 && c.ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if err := pause(p.cmd.Process, true); err != nil {
		panic(errStop) // this system can't
	}
	time.Sleep(short) // answers that are on their way arrive
	c.abandoned(c.one, was.Run.ID)
	heir := c.claim(c.one, key, pipeline.ClaimOptions{Owner: "heir", Lease: long, First: []pipeline.Record{rec("heir")}})
	c.must("waking the process", pause(p.cmd.Process, false))
	select {
	case err := <-stopped:
		c.is("Append by a process that stood still", err, pipeline.ErrFenced)
	case <-c.ctx.Done():
		c.fault("a process that stood still never learns that it is fenced")
		return
	}
	run := c.load(c.two, was.Run.ID)
	seen := int64(0)
	for i, r := range run.Records {
		if r.Kind == "heir" {
			if i != len(run.Records)-1 {
				c.fault("after the takeover come records of the former owner: %q", kinds(run))
			}
			break
		}
		seen++
	}
	if seen < acked.Load() || !heir.TakenOver {
		c.fault("%d records were acknowledged before the takeover, and %d are there", acked.Load(), seen)
	}
}

// chaos has processes claim, record and end runs of few keys while they are killed,
// and looks whether anything adds up that must not.
func (c *ledgerCheck) chaos() {
	keys := []pipeline.RunKey{c.key(), c.key(), c.key()}
	model := &chaosModel{check: c, owners: make(map[string]bool), acked: make(map[pipeline.RunID][]string), ended: make(map[pipeline.RunID]int64)}
	var group sync.WaitGroup
	for worker := range 3 {
		group.Go(func() {
			for kills := range 4 {
				p := c.childOrNil(model)
				if p == nil {
					return
				}
				step := func(n int) bool {
					return model.step(p, keys[rand.IntN(len(keys))], fmt.Sprintf("%d.%d.%d", worker, kills, n))
				}
				if !step(0) { // it takes its time to start
					return
				}
				timer := time.AfterFunc(time.Duration(5+rand.IntN(150))*time.Millisecond, p.kill)
				for n := 1; step(n); n++ {
				}
				timer.Stop()
				p.kill()
			}
		})
	}
	group.Wait()
	for _, fault := range model.faults {
		c.fault("%s", fault)
	}
	for _, key := range keys {
		model.verify(key)
	}
}

func (c *ledgerCheck) childOrNil(m *chaosModel) (p *ledgerChild) {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer func() {
		if recover() != nil {
			p = nil
		}
	}()
	return c.child()
}

// chaosModel is what was acknowledged.
type chaosModel struct {
	check  *ledgerCheck
	mu     sync.Mutex
	owners map[string]bool // run and fence
	acked  map[pipeline.RunID][]string
	ended  map[pipeline.RunID]int64 // by which fence
	faults []string
}

// step is one run, or a part of it; false means that the process is gone.
func (m *chaosModel) step(p *ledgerChild, key pipeline.RunKey, name string) bool {
	ctx := m.check.ctx
	note := func(id pipeline.RunID, kind string) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.acked[id] = append(m.acked[id], kind)
	}
	got, err := p.Claim(ctx, key, pipeline.ClaimOptions{Owner: name, Lease: 30 * time.Millisecond, After: pipeline.AnyRun, First: []pipeline.Record{rec(name + " claim")}})
	if err != nil {
		return m.bears(err, "Claim", pipeline.ErrBusy)
	}
	note(got.Run.ID, name+" claim")
	// Others may have heard of later claims earlier: only fences tell their order.
	m.mu.Lock()
	if owner := fmt.Sprint(got.Run.ID, got.Lease.Fence); m.owners[owner] {
		m.faults = append(m.faults, fmt.Sprintf("fence %d was given twice", got.Lease.Fence))
	} else {
		m.owners[owner] = true
	}
	if fence, ended := m.ended[got.Run.ID]; ended && got.Lease.Fence > fence {
		m.faults = append(m.faults, "a run that had ended was claimed")
	}
	m.mu.Unlock()
	for i := range rand.IntN(5) {
		kind := fmt.Sprintf("%s %d", name, i)
		if err := p.Append(ctx, got.Lease, rec(kind)); err != nil {
			return m.bears(err, "Append", pipeline.ErrFenced)
		}
		note(got.Run.ID, kind)
	}
	if rand.IntN(4) == 0 {
		return true // left to be taken over
	}
	if err := p.End(ctx, got.Lease, rec(name+" end")); err != nil {
		return m.bears(err, "End", pipeline.ErrFenced)
	}
	note(got.Run.ID, name+" end")
	m.mu.Lock()
	m.ended[got.Run.ID] = got.Lease.Fence
	m.mu.Unlock()
	return true
}

// bears notes an error that may not be.
func (m *chaosModel) bears(err error, what string, allowed error) bool {
	if errors.Is(err, errProcessGone) {
		return false
	}
	if errors.Is(err, allowed) || errors.Is(err, pipeline.ErrEnded) {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = append(m.faults, fmt.Sprintf("%s amid kills: %v", what, err))
	return m.check.ctx.Err() == nil && len(m.faults) < 20
}

// verify compares a key's runs with what was acknowledged.
func (m *chaosModel) verify(key pipeline.RunKey) {
	c := m.check
	unended := 0
	for _, info := range c.find(c.one, pipeline.RunQuery{Organization: key.Organization, Annotation: key.Annotation}) {
		run := c.load(c.two, info.ID)
		if run.State != pipeline.RunEnded {
			unended++
		}
		there := make(map[string]int)
		for _, r := range run.Records {
			there[string(r.Kind)]++
		}
		for _, kind := range m.acked[info.ID] {
			if there[kind] != 1 {
				c.fault("the record %q was acknowledged and is there %d times", kind, there[kind])
			}
		}
		if _, ended := m.ended[info.ID]; ended && (run.State != pipeline.RunEnded || run.Damaged) {
			c.fault("a run whose end was acknowledged is %v", run.State)
		}
		delete(m.acked, info.ID)
	}
	if unended > 1 {
		c.fault("%d runs of one key are unended", unended)
	}
}
