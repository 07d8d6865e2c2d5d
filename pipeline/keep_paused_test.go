package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// beforeClaim does something before a process claims a run for the n-th time: what other
// processes do while this one stands still.
type beforeClaim struct {
	pipeline.Ledger
	n  int
	do func()
}

func (b *beforeClaim) Claim(ctx context.Context, key pipeline.RunKey, o pipeline.ClaimOptions) (pipeline.Claimed, error) {
	if b.n--; b.n == 0 {
		b.do()
	}
	return b.Ledger.Claim(ctx, key, o)
}

func TestExportMakesNoSecondExportOfWhatHasEndedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]*rossumtest.Call{
		"a repeat": keepCall(), "other content": keepCall().With(rossumtest.Field("corrected", "yes")),
	} {
		erp, shared := newCountingERP(false), pipeline.MemoryLedger()
		chain := chainOf(t, posts(erp, "/first", "a"))
		paused := &beforeClaim{shared, 1, func() {
			if _, err := chain.Export(t.Context(), other.Payload(), pipeline.WithJournal(journal(t, shared))); err != nil {
				t.Error(err)
			}
		}}
		answer, err := chain.Export(t.Context(), keepCall().Payload(), pipeline.WithJournal(journal(t, paused)))
		given := err == nil && !answer.Failed() && len(answer.Operations) == 1
		if same := name == "a repeat"; given != same || !same && (!errors.Is(err, pipeline.ErrStale) || !answer.Failed()) {
			t.Errorf("%s: %+v, %v", name, answer, err)
		}
		if erp.acts["/first"] != 1 {
			t.Errorf("%s: acts %v", name, erp.acts)
		}
		// One that is asked for afterwards is a new one.
		if _, err := chain.Export(t.Context(), keepCall().Payload(), pipeline.WithJournal(journal(t, shared))); err != nil ||
			erp.acts["/first"] != 2 {
			t.Errorf("%s: %v, acts %v", name, err, erp.acts)
		}
	}
}

func TestExportMakesNoSecondExportOfWhatWasGoingOnWhenItWasCalled(t *testing.T) {
	t.Parallel()
	erp, shared := newCountingERP(false), pipeline.MemoryLedger()
	reached, leave := make(chan struct{}), make(chan struct{})
	chain := chainOf(t, posts(erp, "/first", "a"), pipeline.StepFunc(func(context.Context, *pipeline.Export) error {
		close(reached)
		<-leave
		return nil
	}))
	ended := make(chan error)
	go func() {
		_, err := chain.Export(t.Context(), keepCall().Payload(), pipeline.WithJournal(journal(t, shared)))
		ended <- err
	}()
	<-reached
	paused := &beforeClaim{shared, 1, func() {
		close(leave)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}}
	answer, err := chain.Export(t.Context(), keepCall().Payload(), pipeline.WithJournal(journal(t, paused)))
	if err != nil || len(answer.Operations) != 1 || erp.acts["/first"] != 1 {
		t.Errorf("%+v, %v, acts %v", answer, err, erp.acts)
	}
}

// TestExportWaitsForWhatGoesOn: the platform calls again while an export runs, and a person
// may have corrected the annotation meanwhile.
func TestExportWaitsForWhatGoesOn(t *testing.T) {
	for name, tt := range map[string]struct {
		call    *rossumtest.Call
		timeout time.Duration
		acts    int
		want    string
	}{
		"the same content":      {keepCall(), time.Minute, 1, ""},
		"other content":         {keepCall().With(rossumtest.Field("corrected", "yes")), time.Minute, 2, ""},
		"for as long as it may": {keepCall(), 5 * time.Second, 1, "the run is in progress elsewhere"},
	} {
		synctest.Test(t, func(t *testing.T) {
			erp, shared := newCountingERP(false), pipeline.MemoryLedger()
			chain := chainOf(t, posts(erp, "/first", "a"), pipeline.StepFunc(func(context.Context, *pipeline.Export) error {
				time.Sleep(20 * time.Second)
				return nil
			}))
			first := make(chan string)
			go func() {
				answer, _ := chain.Export(t.Context(), keepCall().Payload(), pipeline.WithJournal(journal(t, shared)))
				first <- texts(answer)
			}()
			time.Sleep(time.Second)
			started := time.Now()
			answer, err := chain.Export(t.Context(), tt.call.Payload(), pipeline.WithTimeout(tt.timeout), pipeline.WithJournal(journal(t, shared)))
			took, was := time.Since(started), <-first
			if (err == nil) != (tt.want == "") || !strings.Contains(texts(answer.Messages), tt.want) || took > tt.timeout ||
				erp.acts["/first"] != tt.acts {
				t.Errorf("%s: %v after %v, %s, acts %v", name, err, took, texts(answer), erp.acts)
			}
			if tt.acts == 1 && err == nil && texts(answer) != was {
				t.Errorf("%s: %s, want %s", name, texts(answer), was)
			}
		})
	}
}

// TestARunThatAnotherOneGaveWayToIsNotBegunTwice: between the end of the run that was cut
// short and the beginning of the new one, another process may begin the new one, too.
func TestARunThatAnotherOneGaveWayToIsNotBegunTwice(t *testing.T) {
	t.Parallel()
	for _, after := range []int64{0, pipeline.AnyRun} {
		erp, shared := newCountingERP(false), pipeline.MemoryLedger()
		chain := chainOf(t, posts(erp, "/first", "a"))
		dying, ctx := mortal.New(t.Context(), shared, 2, false) // before the call is announced
		_, _ = chain.Export(ctx, keepCall().Payload(), pipeline.WithJournal(journal(t, dying)))
		if err := dying.Bury(t.Context()); err != nil {
			t.Fatal(err)
		}
		changed := keepCall().With(rossumtest.Field("corrected", "yes"))
		paused := &beforeClaim{shared, 2, func() {
			if _, err := chain.Export(t.Context(), changed.Payload(), pipeline.WithJournal(journal(t, shared))); err != nil {
				t.Error(err)
			}
		}}
		_, err := chain.Keep(t.Context(), changed.Payload(), pipeline.KeepOptions{After: after}, pipeline.WithJournal(journal(t, paused)))
		if !errors.Is(err, pipeline.ErrStale) || erp.acts["/first"] != 1 {
			t.Errorf("after %d: %v, acts %v", after, err, erp.acts)
		}
	}
}
