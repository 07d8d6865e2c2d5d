package pipelinetest_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
)

// brokenLedger breaks one rule.
type brokenLedger struct {
	pipeline.Ledger
	breach string
	calls  atomic.Int64
	mu     sync.Mutex
	kept   map[pipeline.RecordKind][]byte
}

// breaches names, for each rule, what a ledger does that must not pass.
var breaches = map[string]string{
	"a claim begins a run with its first records":                    "loses First",
	"a live run is busy for everybody":                               "shares runs",
	"a live run is busy for other instances":                         "shares runs",
	"a run whose lease has ended is taken over":                      "denies takeovers",
	"the former owner is fenced":                                     "records for anybody",
	"another instance takes over, too":                               "records for anybody",
	"a new run needs the knowledge of the latest ended one":          "ignores After",
	"Resume claims one run and begins none":                          "ignores Resume",
	"one of many claims wins":                                        "shares runs",
	"one of many claims by instances wins":                           "shares runs",
	"one of many takes over":                                         "shares runs",
	"keys that differ in anything are different":                     "ignores the event",
	"generations never come again":                                   "counts from 1",
	"a lease that ended still counts until a takeover":               "is strict",
	"Renew has the lease last":                                       "does not renew",
	"Release hands a run over at once":                               "does not release",
	"Close ends its leases and everything else":                      "does not close",
	"nothing is done when ctx has ended":                             "ignores ctx",
	"a lease must last":                                              "takes any lease",
	"records come back as they were, in order":                       "cuts data",
	"Seq and Time are the ledger's":                                  "believes times",
	"a caller may use its bytes again":                               "keeps slices",
	"records that are too large are refused, with those beside them": "takes any size",
	"branches of a run may record at once":                           "loses some",
	"End ends a run for good":                                        "ends twice",
	"Note needs no lease and disturbs nobody":                        "loses notes",
	"another instance may note":                                      "loses notes",
	"runs that are not there are said to be missing":                 "invents runs",
	"Find finds by everything, newest first":                         "ignores Limit",
	"another instance finds what one has kept":                       "finds nothing",
	"Wait ends with the run or its lease":                            "does not wait",
	"another instance's Wait ends, too":                              "does not wait",
	"Erase removes an annotation and nothing else":                   "ignores exceptions",
	"another instance may erase":                                     "does not erase",
	"Expire removes old ended runs only":                             "expires all ended",
	"what was acknowledged outlives a kill":                          "loses some",
	"a killed process's run is taken over":                           "denies takeovers",
	"one of many processes wins":                                     "shares runs",
	"a process that stood still past its lease is fenced":            "hides fences",
	"another process may erase a run":                                "does not erase",
	"kills at any moment leave a ledger that keeps its rules":        "loses some",
}

func (b *brokenLedger) Claim(ctx context.Context, key pipeline.RunKey, o pipeline.ClaimOptions) (pipeline.Claimed, error) {
	switch b.breach {
	case "loses First":
		o.First = nil
	case "ignores After":
		o.After = pipeline.AnyRun
	case "ignores Resume":
		o.Resume = ""
	case "ignores the event":
		key.Event = "any"
	case "takes any lease":
		o.Lease = max(o.Lease, time.Second)
	case "takes any size":
		o.First = nil
	}
	c, err := b.Ledger.Claim(b.ctx(ctx), key, o)
	switch busy, isBusy := errors.AsType[*pipeline.BusyError](err); {
	case isBusy && b.breach == "shares runs":
		return pipeline.Claimed{Run: busy.Run, Lease: pipeline.Lease{Run: busy.Run.ID, Fence: busy.Run.Fence, Duration: o.Lease}}, nil
	case b.breach == "denies takeovers":
		c.TakenOver = false
	case b.breach == "counts from 1":
		c.Run.Generation = 1
	}
	return c, err
}

func (b *brokenLedger) ctx(ctx context.Context) context.Context {
	if b.breach == "ignores ctx" {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

func (b *brokenLedger) Append(ctx context.Context, l pipeline.Lease, records ...pipeline.Record) error {
	switch b.breach {
	case "loses some":
		if b.calls.Add(1)%3 == 0 {
			return nil
		}
	case "is strict":
		if run, err := b.Load(ctx, l.Run); err != nil || run.State == pipeline.RunAbandoned {
			return pipeline.ErrFenced
		}
	case "keeps slices":
		b.mu.Lock()
		for _, r := range records {
			b.kept[r.Kind] = r.Data
		}
		b.mu.Unlock()
	}
	err := b.Ledger.Append(b.ctx(ctx), l, records...)
	switch {
	case b.breach == "records for anybody" && errors.Is(err, pipeline.ErrFenced), b.breach == "takes any size" && errors.Is(err, pipeline.ErrRecordTooLarge):
		return nil
	case b.breach == "hides fences" && err != nil:
		return errors.New("something went wrong")
	}
	return err
}

func (b *brokenLedger) Renew(ctx context.Context, l pipeline.Lease) error {
	if b.breach == "does not renew" {
		return nil
	}
	return b.Ledger.Renew(b.ctx(ctx), l)
}

func (b *brokenLedger) Release(ctx context.Context, l pipeline.Lease) error {
	if b.breach == "does not release" {
		return nil
	}
	return b.Ledger.Release(b.ctx(ctx), l)
}

func (b *brokenLedger) End(ctx context.Context, l pipeline.Lease, final pipeline.Record) error {
	err := b.Ledger.End(b.ctx(ctx), l, final)
	if b.breach == "ends twice" && errors.Is(err, pipeline.ErrEnded) {
		return nil
	}
	return err
}

func (b *brokenLedger) Note(ctx context.Context, id pipeline.RunID, r pipeline.Record) error {
	if b.breach == "loses notes" {
		return nil
	}
	return b.Ledger.Note(b.ctx(ctx), id, r)
}

func (b *brokenLedger) Load(ctx context.Context, id pipeline.RunID) (pipeline.Run, error) {
	run, err := b.Ledger.Load(b.ctx(ctx), id)
	for i := range run.Records {
		r := &run.Records[i]
		switch b.breach {
		case "cuts data":
			r.Data = r.Data[:min(len(r.Data), 100)]
		case "believes times":
			r.Time = r.Time.In(time.FixedZone("here", 3600))
		case "keeps slices":
			b.mu.Lock()
			if kept, there := b.kept[r.Kind]; there {
				r.Data = kept
			}
			b.mu.Unlock()
		}
	}
	if b.breach == "invents runs" {
		err = nil
	}
	return run, err
}

func (b *brokenLedger) Find(ctx context.Context, q pipeline.RunQuery) iter.Seq2[pipeline.RunInfo, error] {
	switch b.breach {
	case "ignores Limit":
		q.Limit = 0
	case "finds nothing":
		q.Organization = "nobody"
	}
	return b.Ledger.Find(b.ctx(ctx), q)
}

func (b *brokenLedger) Wait(ctx context.Context, id pipeline.RunID) (pipeline.RunInfo, error) {
	if b.breach == "does not wait" {
		run, err := b.Ledger.Load(ctx, id)
		return run.RunInfo, err
	}
	return b.Ledger.Wait(b.ctx(ctx), id)
}

func (b *brokenLedger) Erase(ctx context.Context, organization string, annotation int64, except ...pipeline.RunID) error {
	switch b.breach {
	case "does not erase":
		return nil
	case "ignores exceptions":
		except = nil
	}
	return b.Ledger.Erase(b.ctx(ctx), organization, annotation, except...)
}

func (b *brokenLedger) Expire(ctx context.Context, age time.Duration) (int, error) {
	if b.breach == "expires all ended" {
		age = 0
	}
	return b.Ledger.Expire(b.ctx(ctx), age)
}

func (b *brokenLedger) Close() error {
	if b.breach == "does not close" {
		return nil
	}
	return b.Ledger.Close()
}

const breachEnv = "LEDGER_BREACH"

func breakLedger(l pipeline.Ledger, err error, breach string) (pipeline.Ledger, error) {
	return &brokenLedger{Ledger: l, breach: breach, kept: make(map[pipeline.RecordKind][]byte)}, err
}

// Each rule is broken once, and must be the one that says so.
func TestEachBreachOfALedgerIsCaught(t *testing.T) {
	for _, rule := range pipelinetest.LedgerRules() {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			breach := breaches[rule]
			if breach == "" {
				t.Fatal("nothing breaks this rule")
			}
			dir := t.TempDir()
			err := pipelinetest.CheckLedgerRule(t.Context(), pipelinetest.LedgerHarness{
				Open: func() (pipeline.Ledger, error) {
					l, err := folderledger.Open(dir, folderledger.Options{})
					if err == nil {
						t.Cleanup(func() { _ = l.Close() })
					}
					return breakLedger(l, err, breach)
				},
				Env: []string{folderEnv + "=" + dir, breachEnv + "=" + breach},
			}, rule)
			if !errors.Is(err, pipelinetest.ErrLedger) {
				t.Errorf("a ledger that %s passes: %v", breach, err)
			}
		})
	}
	for rule := range breaches {
		if !slices.Contains(pipelinetest.LedgerRules(), rule) {
			t.Errorf("there is no rule %q", rule)
		}
	}
}

func openChild() (pipeline.Ledger, error) {
	l, err := folderledger.Open(os.Getenv(folderEnv), folderledger.Options{})
	return breakLedger(l, err, os.Getenv(breachEnv))
}
