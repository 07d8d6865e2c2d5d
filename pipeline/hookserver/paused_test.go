package hookserver_test

import (
	"context"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// pausingLedger is that of a process that stands still, once, at a call of its ledger.
type pausingLedger struct {
	pipeline.Ledger
	at     string // the method
	once   sync.Once
	paused chan struct{} // closed when it stands still
	wake   chan struct{}
}

func newPausingLedger(l pipeline.Ledger, at string) *pausingLedger {
	return &pausingLedger{Ledger: l, at: at, paused: make(chan struct{}), wake: make(chan struct{})}
}

func (p *pausingLedger) pause(at string) {
	if at == p.at {
		p.once.Do(func() { close(p.paused); <-p.wake })
	}
}

func (p *pausingLedger) Claim(ctx context.Context, key pipeline.RunKey, o pipeline.ClaimOptions) (pipeline.Claimed, error) {
	p.pause("Claim")
	return p.Ledger.Claim(ctx, key, o)
}

func (p *pausingLedger) Find(ctx context.Context, q pipeline.RunQuery) iter.Seq2[pipeline.RunInfo, error] {
	p.pause("Find")
	return p.Ledger.Find(ctx, q)
}

// TestAPausedProcessMakesNoSecondExport has a process stand still while another one, which
// gets the platform's next call, exports the annotation and delivers its answer. The
// first one does not see that its caller has gone.
func TestAPausedProcessMakesNoSecondExport(t *testing.T) {
	t.Parallel()
	later := rossumtest.Sideload("timestamp", "2026-11-24T11:00:00.000000Z")
	for name, next := range map[string]*rossumtest.Call{
		"a repeat":                 invoice(rossumtest.Request("repeat")),
		"a repeat that is stamped": invoice(later),
		"with corrected content":   invoice(later, rossumtest.Field("corrected", "yes")),
	} {
		for _, at := range []string{"Find", "Claim"} {
			for kind, stores := range twoStores(t) {
				t.Run(strings.Join([]string{name, at, kind}, ", "), func(t *testing.T) {
					t.Parallel()
					one, two := stores(t)
					pausing := newPausingLedger(one, at)
					var acts atomic.Int32
					chain := chainOf(t, erpStep(&acts, 0))
					o := hookserver.Options{Chain: chain, Window: time.Nanosecond}
					o.Journal = journalOnDisk(t, pausing)
					first := newServer(t, o)
					o.Journal = journalOnDisk(t, two)
					second := newServer(t, o)
					var group sync.WaitGroup
					group.Go(func() {
						status, answer := serve(first, hookCall(invoice().Bytes()))
						if same := !strings.Contains(name, "corrected"); status != 200 || answer.Failed() == same {
							t.Errorf("the paused process answered %d %+v", status, answer)
						}
					})
					<-pausing.paused
					if status, answer := serve(second, hookCall(next.Bytes())); status != 200 || answer.Failed() {
						t.Errorf("%d %+v", status, answer)
					}
					close(pausing.wake)
					group.Wait()
					if acts.Load() != 1 {
						t.Errorf("the ERP holds %d invoices", acts.Load())
					}
				})
			}
		}
	}
}

func (p *pausingLedger) Append(ctx context.Context, l pipeline.Lease, records ...pipeline.Record) error {
	p.pause("Append")
	return p.Ledger.Append(ctx, l, records...)
}

// TestAPausedProcessExportsNoAnnotationThatIsGone has a process stand still while another
// one gets the event that the annotation was purged or deleted.
func TestAPausedProcessExportsNoAnnotationThatIsGone(t *testing.T) {
	t.Parallel()
	asked := rossumtest.Sideload("timestamp", "2026-11-24T11:00:00.000000Z")
	for _, status := range []string{"purged", "deleted"} {
		for _, at := range []string{"Find", "Claim", "Append"} {
			for kind, stores := range twoStores(t) {
				t.Run(strings.Join([]string{status, at, kind}, ", "), func(t *testing.T) {
					t.Parallel()
					one, two := stores(t)
					pausing := newPausingLedger(one, at)
					var acts atomic.Int32
					o := hookserver.Options{Chain: chainOf(t, erpStep(&acts, 0))}
					o.Journal = journalOnDisk(t, pausing)
					first := newServer(t, o)
					o.Journal = journalOnDisk(t, two)
					second := newServer(t, o)
					var group sync.WaitGroup
					group.Go(func() {
						if status, answer := serve(first, hookCall(invoice(asked).Bytes())); status == 200 && !answer.Failed() {
							t.Errorf("the paused process answered %d %+v", status, answer)
						}
					})
					<-pausing.paused
					gone := invoice(rossumtest.Event("annotation_status", "changed"), rossumtest.Set("status", status), rossumtest.WithoutContent(),
						rossumtest.Sideload("timestamp", "2026-11-24T11:00:01.000000Z"))
					if status, answer := serve(second, hookCall(gone.Bytes())); status != 200 || answer.Failed() {
						t.Errorf("%d %+v", status, answer)
					}
					close(pausing.wake)
					group.Wait()
					if acts.Load() != 0 {
						t.Errorf("the ERP holds %d invoices", acts.Load())
					}
					for info, err := range two.Find(t.Context(), pipeline.RunQuery{}) {
						if err != nil || info.Key.Event != "annotation_status.changed" {
							t.Errorf("the ledger has %+v, %v", info, err)
						}
					}
					if status == "purged" {
						return
					}
					// Somebody has taken the annotation back.
					later := rossumtest.Sideload("timestamp", "2026-11-24T12:00:00.000000Z")
					if status, answer := serve(second, hookCall(invoice(later).Bytes())); status != 200 || answer.Failed() || acts.Load() != 1 {
						t.Errorf("%d %+v, %d invoices", status, answer, acts.Load())
					}
				})
			}
		}
	}
}

// twoStores opens a store for two processes.
func twoStores(testing.TB) map[string]func(t *testing.T) (one, two pipeline.Ledger) {
	return map[string]func(t *testing.T) (one, two pipeline.Ledger){
		"memory": func(*testing.T) (pipeline.Ledger, pipeline.Ledger) {
			l := pipeline.MemoryLedger()
			return l, l
		},
		"folder": func(t *testing.T) (pipeline.Ledger, pipeline.Ledger) {
			var both [2]pipeline.Ledger
			folder := t.TempDir()
			for i := range both {
				l, err := folderledger.Open(folder, folderledger.Options{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = l.Close() })
				both[i] = l
			}
			return both[0], both[1]
		},
	}
}

func journalOnDisk(t testing.TB, l pipeline.Ledger) *pipeline.Journal {
	t.Helper()
	j, err := pipeline.NewJournal(l, pipeline.JournalOptions{TrustDisk: true})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// overtakenLedger is that of a process that stands still before it records something for the
// first time, while another one takes its run over.
type overtakenLedger struct {
	pipeline.Ledger
	once sync.Once
	do   func(pipeline.Lease)
}

func (o *overtakenLedger) Append(ctx context.Context, l pipeline.Lease, records ...pipeline.Record) error {
	o.once.Do(func() { o.do(l) })
	return o.Ledger.Append(ctx, l, records...)
}

// TestAProcessWhoseRunWasTakenOverGivesTheAnswerOfTheOtherOne: a failure would have a person
// export what is exported.
func TestAProcessWhoseRunWasTakenOverGivesTheAnswerOfTheOtherOne(t *testing.T) {
	t.Parallel()
	for kind, stores := range twoStores(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			one, two := stores(t)
			var acts atomic.Int32
			chain := chainOf(t, erpStep(&acts, 0))
			second := newServer(t, hookserver.Options{Chain: chain, Journal: journalOnDisk(t, two)})
			ledger := &overtakenLedger{Ledger: one, do: func(l pipeline.Lease) {
				if err := one.Release(t.Context(), l); err != nil { // as if it had ended
					t.Error(err)
				}
				if status, answer := serve(second, hookCall(invoice().Bytes())); status != 200 || answer.Failed() {
					t.Errorf("the other process answered %d %+v", status, answer)
				}
			}}
			first := newServer(t, hookserver.Options{Chain: chain, Journal: journalOnDisk(t, ledger)})
			if status, answer := serve(first, hookCall(invoice().Bytes())); status != 200 || answer.Failed() || len(answer.Operations) == 0 {
				t.Errorf("%d %+v", status, answer)
			}
			if acts.Load() != 1 {
				t.Errorf("%d acts", acts.Load())
			}
		})
	}
}
