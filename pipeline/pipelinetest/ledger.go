package pipelinetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// errLedger is wrapped by each error of [CheckLedger].
var errLedger = errors.New("the ledger breaks a rule")

// LedgerHarness says how [TestLedger] reaches a store.
type LedgerHarness struct {
	// Open opens the store as another process would. A ledger that lives in memory
	// (not Durable) is a new one each time, and rules on several are left out.
	Open func() (pipeline.Ledger, error)
	// Env is what the test binary needs in its environment to open the same store
	// when it runs as another process: its TestMain calls [LedgerProcess] first. The
	// rules on processes, which kill them, are left out if it is empty; a durable
	// ledger needs them.
	Env []string
}

// TestLedger checks that a ledger keeps the rules of [pipeline.Ledger], one subtest
// for each: on one instance, on several, and on processes that are killed, or
// paused, while they write. The store is for this test only: all runs expire.
func TestLedger(t *testing.T, h LedgerHarness) {
	t.Helper()
	for _, r := range ledgerRules {
		t.Run(strings.ReplaceAll(r.name, " ", "_"), func(t *testing.T) {
			if r.needs != alone {
				t.Parallel()
			}
			err := r.run(t.Context(), h)
			if errors.Is(err, errLeftOut) {
				t.Skip(err)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// CheckLedger does what [TestLedger] does and returns every violation, joined.
func CheckLedger(ctx context.Context, h LedgerHarness) error {
	if h.Open == nil {
		return errors.New("checking a ledger: LedgerHarness.Open is nil")
	}
	var faults []error
	for _, r := range ledgerRules {
		if err := r.run(ctx, h); err != nil && !errors.Is(err, errLeftOut) {
			faults = append(faults, fmt.Errorf("%s: %w", r.name, err))
		}
	}
	return errors.Join(faults...)
}

// errLeftOut means that a rule is not for this kind of ledger.
var errLeftOut = errors.New("only for a durable ledger that several processes share")

// ledgerRule is one rule and how it is checked.
type ledgerRule struct {
	name   string
	needs  ledgerNeeds
	verify func(*ledgerCheck)
}

type ledgerNeeds int

const (
	oneInstance  ledgerNeeds = iota
	alone                    // no other rule may run at the same time
	twoInstances             // of one store
	processes
)

var ledgerRules = append(append(append([]ledgerRule{}, claimRules...), recordRules...), processRules...)

// ledgerPatience bounds what must happen at all.
const ledgerPatience = 2 * time.Minute

func (r ledgerRule) run(ctx context.Context, h LedgerHarness) error {
	ctx, cancel := context.WithTimeout(ctx, ledgerPatience)
	defer cancel()
	c := &ledgerCheck{ctx: ctx, harness: h}
	defer c.close()
	c.one = c.open()
	if c.one == nil {
		return errors.Join(c.faults...)
	}
	if r.needs >= twoInstances && !c.one.Durable() || r.needs == processes && len(h.Env) == 0 {
		return errLeftOut
	}
	if r.needs >= twoInstances {
		if c.two = c.open(); c.two == nil {
			return errors.Join(c.faults...)
		}
	}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(errStop) {
				panic(p)
			}
		}()
		r.verify(c)
	}()
	return errors.Join(c.faults...)
}

// errStop ends a rule whose rest makes no sense.
var errStop = errors.New("the rest of this rule can't be checked")

type ledgerCheck struct {
	ctx      context.Context
	harness  LedgerHarness
	one, two pipeline.Ledger
	opened   []pipeline.Ledger
	children []*ledgerChild
	faults   []error
}

func (c *ledgerCheck) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf("%w: "+format, append([]any{errLedger}, args...)...))
}

// must ends the rule on an error.
func (c *ledgerCheck) must(what string, err error) {
	if err != nil {
		c.fault("%s: %v", what, err)
		panic(errStop)
	}
}

// is notes an error that is not the wanted one.
func (c *ledgerCheck) is(what string, err, want error) {
	if !errors.Is(err, want) {
		c.fault("%s: got the error %v, want one that wraps %q", what, err, want)
	}
}

func (c *ledgerCheck) open() pipeline.Ledger {
	l, err := c.harness.Open()
	if err != nil {
		c.fault("opening the ledger: %v", err)
		return nil
	}
	c.opened = append(c.opened, l)
	return l
}

func (c *ledgerCheck) close() {
	for _, child := range c.children {
		child.kill()
	}
	for _, l := range c.opened {
		_ = l.Close()
	}
}

var annotations atomic.Int64

// key is one that nobody else uses.
func (c *ledgerCheck) key() pipeline.RunKey {
	return pipeline.RunKey{Organization: "https://conformance.rossum.example", Hook: "https://conformance.rossum.example/api/v1/hooks/7",
		Annotation: rand.Int64N(1<<40)<<16 + annotations.Add(1), Event: "annotation_content.export"}
}

// long and short are leases that don't end during a check, and soon.
const (
	long  = time.Hour
	short = 100 * time.Millisecond
)

func lasting(lease time.Duration) pipeline.ClaimOptions {
	return pipeline.ClaimOptions{Owner: "conformance", Lease: lease, Content: "content", Fingerprint: "chain", After: pipeline.AnyRun}
}

func (c *ledgerCheck) claim(l pipeline.Ledger, key pipeline.RunKey, o pipeline.ClaimOptions) pipeline.Claimed {
	claimed, err := l.Claim(c.ctx, key, o)
	c.must("Claim", err)
	return claimed
}

// abandoned waits until a run's lease has ended.
func (c *ledgerCheck) abandoned(l pipeline.Ledger, id pipeline.RunID) {
	info, err := l.Wait(c.ctx, id)
	c.must("Wait for the lease's end", err)
	if info.State != pipeline.RunAbandoned {
		c.fault("after its lease ended the run is %v, want abandoned", info.State)
	}
}

func (c *ledgerCheck) load(l pipeline.Ledger, id pipeline.RunID) pipeline.Run {
	run, err := l.Load(c.ctx, id)
	c.must("Load", err)
	for i, r := range run.Records {
		if r.Seq != int64(i+1) {
			c.fault("record %d of run %s has Seq %d", i+1, id, r.Seq)
		}
		if i > 0 && r.Time.Before(run.Records[i-1].Time) {
			c.fault("record %d is older than the one before it", i+1)
		}
	}
	if run.Count != len(run.Records) {
		c.fault("Count is %d, and there are %d records", run.Count, len(run.Records))
	}
	return run
}

// kinds are the kinds of a run's records, joined.
func kinds(run pipeline.Run) string {
	var list []string
	for _, r := range run.Records {
		list = append(list, string(r.Kind))
	}
	return strings.Join(list, " ")
}

func rec(kind string) pipeline.Record {
	return pipeline.Record{Kind: pipeline.RecordKind(kind), Version: 1, Data: []byte("data of " + kind)}
}
