package folderledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/disk"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// modelRun is a run as the rules say that it must be.
type modelRun struct {
	id       pipeline.RunID
	key      pipeline.RunKey
	fence    int64
	until    time.Time
	released bool
	ended    bool
	erased   bool
	records  []string
	gen      int64
}

// model says what each call on a ledger must do.
type model struct {
	runs   []*modelRun      // oldest first
	leases []pipeline.Lease // all that were ever given
}

func (m *model) latest(key pipeline.RunKey) *modelRun {
	for i := len(m.runs) - 1; i >= 0; i-- {
		if m.runs[i].key == key && !m.runs[i].erased {
			return m.runs[i]
		}
	}
	return nil
}

func (r *modelRun) live() bool { return !r.ended && !r.released && time.Now().Before(r.until) }

func (m *model) run(id pipeline.RunID) *modelRun {
	for _, r := range m.runs {
		if r.id == id {
			return r
		}
	}
	return nil
}

// owner is the error that a lease must get, nil if it counts.
func (m *model) owner(l pipeline.Lease) error {
	switch r := m.run(l.Run); {
	case r.erased, r.fence != l.Fence, r.released && !r.ended:
		return pipeline.ErrFenced
	case r.ended:
		return pipeline.ErrEnded
	}
	return nil
}

// TestLedgersDoWhatTheModelSays has several owners work on few keys in random order,
// with leases that end meanwhile.
func TestLedgersDoWhatTheModelSays(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) []pipeline.Ledger{
		"memory": func(*testing.T) []pipeline.Ledger { return []pipeline.Ledger{pipeline.MemoryLedger()} },
		"folder": func(t *testing.T) (all []pipeline.Ledger) {
			dir := t.TempDir()
			for range 2 {
				l := newLedger(dir, quiet, &disk.Disk{})
				l.now = time.Now
				l.lease = func() (time.Duration, string) { return time.Duration(time.Now().UnixNano()), "test" }
				if err := l.open(); err != nil {
					t.Fatal(err)
				}
				all = append(all, l)
			}
			return all
		},
	} {
		for seed := range uint64(8) {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					ledgers := open(t)
					compare(t, ledgers, rand.New(rand.NewPCG(seed, 5)))
					for _, l := range ledgers {
						if err := l.Close(); err != nil {
							t.Error(err)
						}
					}
				})
			})
		}
	}
}

func compare(t *testing.T, ledgers []pipeline.Ledger, random *rand.Rand) {
	m := &model{}
	for step := range 150 {
		l := ledgers[random.IntN(len(ledgers))]
		name := fmt.Sprintf("%d", step)
		what, got, want := m.step(t.Context(), l, name, random)
		if !errors.Is(got, want) || want == nil && got != nil {
			t.Fatalf("step %d, %s: got %v, want %v", step, what, got, want)
		}
		for _, r := range m.runs {
			m.check(t, ledgers[random.IntN(len(ledgers))], r, fmt.Sprintf("step %d, %s", step, what))
		}
	}
}

// step makes a random call and says what had to come.
func (m *model) step(ctx context.Context, l pipeline.Ledger, name string, random *rand.Rand) (what string, got, want error) {
	lease := pipeline.Lease{}
	if len(m.leases) > 0 {
		lease = m.leases[random.IntN(len(m.leases))]
		if random.IntN(3) > 0 {
			lease = m.leases[len(m.leases)-1]
		}
	}
	choice := random.IntN(12)
	if lease.Run == "" && choice > 3 {
		choice = 0
	}
	switch choice {
	default:
		return m.claim(ctx, l, name, random)
	case 3:
		time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
		return "time passes", nil, nil
	case 4, 5, 6:
		got, want, what = l.Append(
			ctx, lease, pipeline.Record{Kind: pipeline.RecordKind(name)}, pipeline.Record{Kind: "pair"},
		), m.owner(lease), "Append"
		if want == nil {
			r := m.run(lease.Run)
			r.records, r.until = append(r.records, name, "pair"), time.Now().Add(lease.Duration)
		}
	case 7:
		if got, want, what = l.Renew(ctx, lease), m.owner(lease), "Renew"; want == nil {
			m.run(lease.Run).until = time.Now().Add(lease.Duration)
		}
	case 8:
		if got, want, what = l.End(ctx, lease, pipeline.Record{Kind: pipeline.RecordKind(name)}), m.owner(lease), "End"; want == nil {
			r := m.run(lease.Run)
			r.records, r.ended = append(r.records, name), true
		}
	case 9:
		if got, want, what = l.Release(ctx, lease), m.owner(lease), "Release"; want == nil {
			m.run(lease.Run).released = true
		}
	case 10:
		r := m.run(lease.Run)
		if got, what = l.Note(ctx, r.id, pipeline.Record{Kind: pipeline.RecordKind(name)}), "Note"; r.erased {
			return what, got, pipeline.ErrNoRun
		}
		r.records = append(r.records, name)
	case 11:
		if random.IntN(3) > 0 {
			return "nothing", nil, nil
		}
		key := m.run(lease.Run).key
		got, what = l.Erase(ctx, key.Organization, key.Annotation), "Erase"
		for _, r := range m.runs {
			r.erased = r.erased || r.key.Annotation == key.Annotation
		}
	}
	return what, got, want
}

func (m *model) claim(ctx context.Context, l pipeline.Ledger, name string, random *rand.Rand) (what string, got, want error) {
	key := diskKey(int64(1 + random.IntN(2)))
	o := pipeline.ClaimOptions{
		Owner: name, Lease: time.Duration(1+random.IntN(2000)) * time.Millisecond, After: pipeline.AnyRun,
		First: []pipeline.Record{{Kind: pipeline.RecordKind(name)}},
	}
	latest := m.latest(key)
	if random.IntN(3) == 0 {
		if o.After = 0; latest != nil {
			o.After = latest.gen - int64(random.IntN(2))
		}
	}
	if latest != nil && random.IntN(4) == 0 {
		o.Resume = latest.id
	}
	claimed, err := l.Claim(ctx, key, o)
	switch {
	case latest != nil && latest.live():
		return "Claim", err, pipeline.ErrBusy
	case latest != nil && latest.ended && o.Resume != "":
		return "Claim", err, pipeline.ErrEnded
	case latest != nil && latest.ended && latest.gen > o.After:
		return "Claim", err, pipeline.ErrStale
	case err != nil:
		return "Claim", err, nil
	}
	r := latest
	if r == nil || r.ended {
		r = &modelRun{id: claimed.Run.ID, key: key, gen: claimed.Run.Generation}
		if m.run(r.id) != nil {
			return "Claim", errors.New("an id came again"), nil
		}
		m.runs = append(m.runs, r)
	} else if !claimed.TakenOver || claimed.Run.ID != r.id || claimed.Lease.Fence <= r.fence {
		return "Claim", fmt.Errorf("a takeover of %s, fence %d, gave %+v", r.id, r.fence, claimed), nil
	}
	r.fence, r.until, r.released = claimed.Lease.Fence, time.Now().Add(o.Lease), false
	r.records = append(r.records, name)
	m.leases = append(m.leases, claimed.Lease)
	return "Claim", nil, nil
}

func (m *model) check(t *testing.T, l pipeline.Ledger, r *modelRun, when string) {
	t.Helper()
	run, err := l.Load(t.Context(), r.id)
	if r.erased {
		if !errors.Is(err, pipeline.ErrNoRun) {
			t.Fatalf("%s: an erased run: %v", when, err)
		}
		return
	}
	want := pipeline.RunAbandoned
	switch {
	case r.ended:
		want = pipeline.RunEnded
	case r.live():
		want = pipeline.RunLive
	}
	if err != nil || run.State != want || run.Damaged || kindsOf(run) != strings.Join(
		r.records, " ",
	) || run.Count != len(r.records) || run.Fence != r.fence {
		t.Fatalf(
			"%s: run %s is %v with %q, fence %d, damaged %v, %v; want %v with %q, fence %d", when, r.id, run.State, kindsOf(run), run.Fence,
			run.Damaged, err, want, r.records, r.fence,
		)
	}
	for i, record := range run.Records {
		if record.Seq != int64(i+1) {
			t.Fatalf("%s: record %d has Seq %d", when, i+1, record.Seq)
		}
	}
}
