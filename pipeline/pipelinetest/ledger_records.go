package pipelinetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// recordRules are about what is kept, found and removed.
var recordRules = []ledgerRule{
	{"records come back as they were, in order", oneInstance, func(c *ledgerCheck) {
		got := c.claim(c.one, c.key(), lasting(long))
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		want := []pipeline.Record{
			{Kind: "nil"}, {Kind: "empty", Data: []byte{}}, {Kind: "bytes", Version: 7, Data: all}, {Kind: pipeline.RecordKind(strings.Repeat("k", pipeline.MaxRecordKind)), Version: 1 << 30},
			{Kind: "ž", Data: []byte("text")}, {Kind: "", Data: bytes.Repeat(all, 4<<10)},
		}
		c.must("Append", c.one.Append(c.ctx, got.Lease, want[:2]...))
		c.must("Append", c.one.Append(c.ctx, got.Lease, want[2]))
		c.must("Append", c.one.Append(c.ctx, got.Lease, want[3:5]...))
		c.must("Append of a megabyte", c.one.Append(c.ctx, got.Lease, want[5]))
		run := c.load(c.one, got.Run.ID)
		if len(run.Records) != len(want) {
			c.fault("%d records were kept of %d: %q", len(run.Records), len(want), kinds(run))
			return
		}
		for i, r := range run.Records {
			if r.Kind != want[i].Kind || r.Version != want[i].Version || !bytes.Equal(r.Data, want[i].Data) {
				c.fault("record %d became %q, version %d, %d bytes", i+1, r.Kind, r.Version, len(r.Data))
			}
		}
	}},
	{"Seq and Time are the ledger's", oneInstance, func(c *ledgerCheck) {
		got := c.claim(c.one, c.key(), lasting(long))
		wrong := rec("x")
		wrong.Seq, wrong.Time = 99, time.Date(1999, 1, 1, 0, 0, 0, 0, time.Local)
		c.must("Append", c.one.Append(c.ctx, got.Lease, wrong, wrong))
		run := c.load(c.one, got.Run.ID)
		for _, r := range run.Records {
			if r.Time.Year() == 1999 || r.Time.Location() != time.UTC || !r.Time.Equal(r.Time.Truncate(time.Microsecond)) || r.Time.Before(run.Started.Add(-time.Minute)) {
				c.fault("record %d has the time %v; the run began at %v", r.Seq, r.Time, run.Started)
			}
		}
	}},
	{"a caller may use its bytes again", oneInstance, func(c *ledgerCheck) {
		data := []byte("as it was")
		o := lasting(long)
		o.First = []pipeline.Record{{Kind: "first", Data: data}}
		got := c.claim(c.one, c.key(), o)
		c.must("Append", c.one.Append(c.ctx, got.Lease, pipeline.Record{Kind: "x", Data: data}))
		copy(data, "changed!!")
		run := c.load(c.one, got.Run.ID)
		for _, r := range run.Records {
			if string(r.Data) != "as it was" {
				c.fault("a caller's change after the call changed record %q", r.Kind)
			}
			copy(r.Data, "changed!!")
		}
		for _, r := range c.load(c.one, got.Run.ID).Records {
			if string(r.Data) != "as it was" {
				c.fault("a change of what Load gave changed record %q", r.Kind)
			}
		}
	}},
	{"records that are too large are refused, with those beside them", oneInstance, func(c *ledgerCheck) {
		key := c.key()
		got := c.claim(c.one, key, lasting(long))
		long2 := pipeline.Record{Kind: pipeline.RecordKind(strings.Repeat("k", pipeline.MaxRecordKind+1))}
		large := pipeline.Record{Kind: "large", Data: make([]byte, pipeline.MaxRecordData+1)}
		for _, r := range []pipeline.Record{long2, large} {
			c.is("Append", c.one.Append(c.ctx, got.Lease, rec("beside"), r), pipeline.ErrRecordTooLarge)
			c.is("End", c.one.End(c.ctx, got.Lease, r), pipeline.ErrRecordTooLarge)
			c.is("Note", c.one.Note(c.ctx, got.Run.ID, r), pipeline.ErrRecordTooLarge)
			other := lasting(long)
			other.First = []pipeline.Record{r}
			_, err := c.one.Claim(c.ctx, c.key(), other)
			c.is("Claim", err, pipeline.ErrRecordTooLarge)
		}
		if run := c.load(c.one, got.Run.ID); run.Count != 0 || run.State != pipeline.RunLive {
			c.fault("records that were refused left the run %v with %q", run.State, kinds(run))
		}
	}},
	{"branches of a run may record at once", oneInstance, func(c *ledgerCheck) {
		got := c.claim(c.one, c.key(), lasting(long))
		var group sync.WaitGroup
		faults := make([]error, 8)
		for b := range faults {
			group.Go(func() {
				for i := range 10 {
					if err := c.one.Append(c.ctx, got.Lease, rec(fmt.Sprintf("%d:%d", b, i)), rec("pair")); err != nil {
						faults[b] = err
					}
				}
			})
		}
		group.Wait()
		for _, err := range faults {
			c.must("Append", err)
		}
		run := c.load(c.one, got.Run.ID)
		next := make(map[string]string)
		for i, r := range run.Records {
			branch, n, _ := strings.Cut(string(r.Kind), ":")
			if i%2 == 1 && r.Kind != "pair" || i%2 == 0 && n <= next[branch] && next[branch] != "" {
				c.fault("record %d is %q: pairs were torn, or a branch's order changed", i+1, r.Kind)
				return
			}
			next[branch] = n
		}
		if run.Count != 160 {
			c.fault("%d records of 160 are there", run.Count)
		}
	}},
	{"End ends a run for good", oneInstance, func(c *ledgerCheck) {
		key := c.key()
		got := c.claim(c.one, key, lasting(long))
		c.must("Append", c.one.Append(c.ctx, got.Lease, rec("work")))
		c.must("End", c.one.End(c.ctx, got.Lease, rec("final")))
		c.is("Append after End", c.one.Append(c.ctx, got.Lease, rec("late")), pipeline.ErrEnded)
		c.is("End after End", c.one.End(c.ctx, got.Lease, rec("other")), pipeline.ErrEnded)
		c.is("Renew after End", c.one.Renew(c.ctx, got.Lease), pipeline.ErrEnded)
		c.is("Release after End", c.one.Release(c.ctx, got.Lease), pipeline.ErrEnded)
		run := c.load(c.one, got.Run.ID)
		if kinds(run) != "work final" || run.State != pipeline.RunEnded || run.Outcome != "final" || run.Ended.Before(run.Started) {
			c.fault("the ended run is %+v with the records %q", run.RunInfo, kinds(run))
		}
		if next := c.claim(c.one, key, lasting(long)); next.TakenOver || next.Run.ID == got.Run.ID {
			c.fault("Claim after End: %+v", next)
		}
	}},
	{"Note needs no lease and disturbs nobody", oneInstance, func(c *ledgerCheck) {
		got := c.claim(c.one, c.key(), lasting(long))
		c.notes(c.one, c.one, got)
	}},
	{"another instance may note", twoInstances, func(c *ledgerCheck) {
		got := c.claim(c.one, c.key(), lasting(long))
		c.notes(c.one, c.two, got)
	}},
	{"runs that are not there are said to be missing", oneInstance, func(c *ledgerCheck) {
		for _, id := range []pipeline.RunID{c.key().ID(5), "", "x", "../../etc/passwd", "..", "a/b", pipeline.RunID(strings.Repeat("x", 5000))} {
			_, err := c.one.Load(c.ctx, id)
			c.is(fmt.Sprintf("Load of %.20q", id), err, pipeline.ErrNoRun)
			c.is(fmt.Sprintf("Note on %.20q", id), c.one.Note(c.ctx, id, rec("x")), pipeline.ErrNoRun)
			_, err = c.one.Wait(c.ctx, id)
			c.is(fmt.Sprintf("Wait for %.20q", id), err, pipeline.ErrNoRun)
			c.is(fmt.Sprintf("Append to %.20q", id), c.one.Append(c.ctx, pipeline.Lease{Run: id, Fence: 1, Duration: long}, rec("x")), pipeline.ErrFenced)
		}
	}},
	{"Find finds by everything, newest first", oneInstance, findRule},
	{"another instance finds what one has kept", twoInstances, func(c *ledgerCheck) {
		key := c.key()
		got := c.claim(c.one, key, lasting(long))
		c.must("Append", c.one.Append(c.ctx, got.Lease, rec("x")))
		if run := c.load(c.two, got.Run.ID); kinds(run) != "x" || run.State != pipeline.RunLive {
			c.fault("another instance loads %q, %v", kinds(run), run.State)
		}
		if found := c.find(c.two, pipeline.RunQuery{Hook: key.Hook, Annotation: key.Annotation, State: pipeline.RunLive}); len(found) != 1 {
			c.fault("another instance finds %d live runs of the key, want 1", len(found))
		}
	}},
	{"Wait ends with the run or its lease", oneInstance, func(c *ledgerCheck) { c.waits(c.one, c.one) }},
	{"another instance's Wait ends, too", twoInstances, func(c *ledgerCheck) { c.waits(c.one, c.two) }},
	{"Erase removes an annotation and nothing else", oneInstance, func(c *ledgerCheck) { c.erases(c.one, c.one) }},
	{"another instance may erase", twoInstances, func(c *ledgerCheck) { c.erases(c.one, c.two) }},
	{"Expire removes old ended runs only", alone, func(c *ledgerCheck) {
		ended, unended := c.claim(c.one, c.key(), lasting(long)), c.claim(c.one, c.key(), lasting(short))
		c.must("End", c.one.End(c.ctx, ended.Lease, rec("done")))
		c.must("Release", c.one.Release(c.ctx, unended.Lease))
		_, err := c.one.Expire(c.ctx, time.Hour)
		c.must("Expire", err)
		c.load(c.one, ended.Run.ID)
		n, err := c.one.Expire(c.ctx, 0)
		c.must("Expire", err)
		_, err = c.one.Load(c.ctx, ended.Run.ID)
		c.is("Load of what has expired", err, pipeline.ErrNoRun)
		if n < 1 {
			c.fault("Expire says that it removed %d runs", n)
		}
		if run := c.load(c.one, unended.Run.ID); run.State != pipeline.RunAbandoned {
			c.fault("after Expire an abandoned run is %v", run.State)
		}
	}},
}

func (c *ledgerCheck) notes(owner, other pipeline.Ledger, got pipeline.Claimed) {
	c.must("Append", owner.Append(c.ctx, got.Lease, rec("one")))
	c.must("Note on a live run", other.Note(c.ctx, got.Run.ID, rec("note1")))
	c.must("Append after a note", owner.Append(c.ctx, got.Lease, rec("two")))
	c.must("End", owner.End(c.ctx, got.Lease, rec("final")))
	c.must("Note on an ended run", other.Note(c.ctx, got.Run.ID, rec("note2")))
	c.must("Note by the owner", owner.Note(c.ctx, got.Run.ID, rec("note3")))
	run := c.load(owner, got.Run.ID)
	if kinds(run) != "one note1 two final note2 note3" || run.State != pipeline.RunEnded || run.Outcome != "final" {
		c.fault("with notes the run is %v, outcome %q, with the records %q", run.State, run.Outcome, kinds(run))
	}
	left := c.claim(owner, c.key(), lasting(long))
	c.must("Release", owner.Release(c.ctx, left.Lease))
	c.must("Note on an abandoned run", other.Note(c.ctx, left.Run.ID, rec("verdict")))
	if run := c.load(owner, left.Run.ID); run.State != pipeline.RunAbandoned || kinds(run) != "verdict" {
		c.fault("a note made an abandoned run %v, with %q", run.State, kinds(run))
	}
}

func (c *ledgerCheck) find(l pipeline.Ledger, q pipeline.RunQuery) (found []pipeline.RunInfo) {
	for info, err := range l.Find(c.ctx, q) {
		c.must("Find", err)
		found = append(found, info)
	}
	return found
}

func findRule(c *ledgerCheck) {
	base := c.key()
	base.Organization = fmt.Sprintf("https://find-%d.rossum.example", base.Annotation) // nobody else's
	var want []pipeline.RunInfo
	add := func(change func(*pipeline.RunKey), finish func(pipeline.Lease) error) {
		key := base
		change(&key)
		got := c.claim(c.one, key, lasting(long))
		if finish != nil {
			c.must("ending a run", finish(got.Lease))
		}
		info := c.load(c.one, got.Run.ID).RunInfo
		want = append(want, info)
		time.Sleep(2 * time.Millisecond)
	}
	end := func(l pipeline.Lease) error { return c.one.End(c.ctx, l, rec("ok")) }
	release := func(l pipeline.Lease) error { return c.one.Release(c.ctx, l) }
	add(func(*pipeline.RunKey) {}, end)
	add(func(*pipeline.RunKey) {}, release)
	add(func(k *pipeline.RunKey) { k.Hook = "other hook" }, nil)
	add(func(k *pipeline.RunKey) { k.Event = "annotation_status.changed" }, end)
	add(func(k *pipeline.RunKey) { k.Annotation++ }, release)
	add(func(k *pipeline.RunKey) { k.Annotation++; k.Hook = "other hook" }, nil)
	slices.Reverse(want)
	org := base.Organization
	for _, q := range []pipeline.RunQuery{
		{Organization: org}, {Organization: org, Hook: base.Hook}, {Organization: org, Annotation: base.Annotation}, {Organization: org, Event: base.Event},
		{Organization: org, State: pipeline.RunLive}, {Organization: org, State: pipeline.RunAbandoned}, {Organization: org, State: pipeline.RunEnded},
		{Organization: org, Since: want[3].Started}, {Organization: org, Limit: 2}, {Organization: org, Annotation: base.Annotation, State: pipeline.RunAbandoned},
		{Annotation: base.Annotation}, {Organization: org + "x"},
	} {
		var list []pipeline.RunID
		for _, w := range want {
			if (q.Hook == "" || q.Hook == w.Key.Hook) && (q.Organization == "" || q.Organization == w.Key.Organization) && (q.Annotation == 0 || q.Annotation == w.Key.Annotation) &&
				(q.Event == "" || q.Event == w.Key.Event) && (q.State == 0 || q.State == w.State) && !w.Started.Before(q.Since) && (q.Limit == 0 || len(list) < q.Limit) {
				list = append(list, w.ID)
			}
		}
		var got []pipeline.RunID
		for _, info := range c.find(c.one, q) {
			got = append(got, info.ID)
			i := slices.IndexFunc(want, func(w pipeline.RunInfo) bool { return w.ID == info.ID })
			if i >= 0 {
				w := want[i]
				if w.Seen = info.Seen; info != w {
					c.fault("Find says %+v, Load %+v", info, w)
				}
			}
		}
		if !slices.Equal(got, list) {
			c.fault("Find %+v yields %d runs, %v, want %v", q, len(got), got, list)
		}
	}
	c.one.Find(c.ctx, pipeline.RunQuery{Organization: org})(func(pipeline.RunInfo, error) bool {
		return false // ending early must not panic
	})
}

func (c *ledgerCheck) waits(owner, other pipeline.Ledger) {
	type result struct {
		info pipeline.RunInfo
		err  error
	}
	wait := func(id pipeline.RunID) chan result {
		done := make(chan result, 1)
		go func() {
			info, err := other.Wait(c.ctx, id)
			done <- result{info, err}
		}()
		return done
	}
	for _, how := range []struct {
		name string
		do   func(pipeline.Claimed) error
		want pipeline.RunState
		err  error
	}{
		{"End", func(g pipeline.Claimed) error { return owner.End(c.ctx, g.Lease, rec("done")) }, pipeline.RunEnded, nil},
		{"Release", func(g pipeline.Claimed) error { return owner.Release(c.ctx, g.Lease) }, pipeline.RunAbandoned, nil},
		{"Erase", func(g pipeline.Claimed) error {
			return owner.Erase(c.ctx, g.Run.Key.Organization, g.Run.Key.Annotation)
		}, 0, pipeline.ErrNoRun},
	} {
		got := c.claim(owner, c.key(), lasting(long))
		done := wait(got.Run.ID)
		select {
		case r := <-done:
			c.fault("Wait for a live run returned %v, %v", r.info.State, r.err)
			continue
		case <-time.After(100 * time.Millisecond):
		}
		c.must(how.name, how.do(got))
		select {
		case r := <-done:
			if r.info.State != how.want || how.err == nil && r.err != nil || how.err != nil && fmt.Sprint(r.err) == "<nil>" {
				c.fault("Wait after %s: %v, %v", how.name, r.info.State, r.err)
			}
			if how.err != nil {
				c.is("Wait after "+how.name, r.err, how.err)
			}
		case <-time.After(ledgerPatience / 4):
			c.fault("Wait does not return after %s", how.name)
			continue
		}
		if how.err == nil {
			if info, err := other.Wait(c.ctx, got.Run.ID); err != nil || info.State != how.want {
				c.fault("Wait for a run that is not live: %v, %v", info.State, err)
			}
		}
	}
	got := c.claim(owner, c.key(), lasting(short))
	c.abandoned(other, got.Run.ID)
	live := c.claim(owner, c.key(), lasting(long))
	ctx, cancel := context.WithTimeout(c.ctx, 50*time.Millisecond)
	defer cancel()
	_, err := other.Wait(ctx, live.Run.ID)
	c.is("Wait until ctx ends", err, context.DeadlineExceeded)
}

func (c *ledgerCheck) erases(owner, other pipeline.Ledger) {
	key := c.key()
	secret := rec("secret")
	ended := c.claim(owner, key, lasting(long))
	c.must("Append", owner.Append(c.ctx, ended.Lease, secret))
	c.must("End", owner.End(c.ctx, ended.Lease, rec("done")))
	running := c.claim(owner, key, lasting(long))
	c.must("Append", owner.Append(c.ctx, running.Lease, secret))
	purge, neighbour, namesake := key, key, key
	purge.Event = "annotation_status.changed"
	neighbour.Annotation++
	namesake.Organization += "x"
	kept := []pipeline.Claimed{c.claim(owner, purge, lasting(long)), c.claim(owner, neighbour, lasting(long)), c.claim(owner, namesake, lasting(long))}
	c.must("Erase", other.Erase(c.ctx, key.Organization, key.Annotation, kept[0].Run.ID))
	for _, gone := range []pipeline.Claimed{ended, running} {
		_, err := owner.Load(c.ctx, gone.Run.ID)
		c.is("Load of an erased run", err, pipeline.ErrNoRun)
		_, err = owner.Claim(c.ctx, key, pipeline.ClaimOptions{Owner: "x", Lease: long, Resume: gone.Run.ID})
		c.is("Resume of an erased run", err, pipeline.ErrNoRun)
	}
	c.fenced(owner, running.Lease, "", true)
	c.is("Note on an erased run", owner.Note(c.ctx, ended.Run.ID, rec("x")), pipeline.ErrNoRun)
	for i, k := range kept {
		if err := owner.Append(c.ctx, k.Lease, rec("on")); err != nil {
			c.fault("after Erase of another, run %d of those to be kept: %v", i, err)
		}
	}
	found := c.find(owner, pipeline.RunQuery{Organization: key.Organization, Annotation: key.Annotation})
	if len(found) != 1 || found[0].ID != kept[0].Run.ID {
		c.fault("Find of an erased annotation yields %d runs, want the one excepted", len(found))
	}
	again := c.claim(other, key, pipeline.ClaimOptions{Owner: "x", Lease: long})
	if again.TakenOver || again.Run.Generation == ended.Run.Generation || again.Run.Generation == running.Run.Generation || again.Run.Count != 0 {
		c.fault("Claim after Erase: %+v", again)
	}
	c.must("Erase of everything", other.Erase(c.ctx, key.Organization, key.Annotation))
	c.must("Erase of nothing", other.Erase(c.ctx, key.Organization, key.Annotation))
}
