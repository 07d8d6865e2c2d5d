package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// part does the next step of a run, in a process of its own.
func part(
	ctx context.Context,
	chain *pipeline.Chain,
	j *pipeline.Journal,
	run pipeline.RunID,
	options ...pipeline.Option,
) (k pipeline.Kept, asked []string, err error) {
	o := pipeline.KeepOptions{Resume: run, Pause: func(step string) bool {
		asked = append(asked, step)
		return len(asked) > 1
	}}
	p, _, err := j.Call(ctx, run)
	if err != nil {
		return k, nil, err
	}
	k, err = chain.Keep(ctx, p, o, append(slices.Clip(options), pipeline.WithJournal(j))...)
	return k, asked, err
}

// inParts begins a run and does it to its end. asked are the steps before which each part
// asked whether to pause.
func inParts(
	t *testing.T,
	chain *pipeline.Chain,
	ledger pipeline.Ledger,
	call *rossumtest.Call,
	options ...pipeline.Option,
) (k pipeline.Kept, asked [][]string, err error) {
	t.Helper()
	j := journal(t, ledger)
	run, err := chain.Begin(t.Context(), call.Payload(), pipeline.KeepOptions{}, append(slices.Clip(options), pipeline.WithJournal(j))...)
	if err != nil {
		return k, nil, err
	}
	for range 20 {
		var steps []string
		k, steps, err = part(t.Context(), chain, j, run.ID, options...)
		asked = append(asked, steps)
		if !k.Left {
			break
		}
	}
	return k, asked, err
}

func TestARunInPartsAnswersAsOneInOnePart(t *testing.T) {
	t.Parallel()
	fails := pipeline.Named("fails", pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return errors.New("no") }))
	large := pipeline.Named("large", pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		return x.Files.Put(ctx, pipeline.File{Key: "large", Data: bytes.Repeat([]byte("x"), 5<<20)})
	}))
	for name, tt := range map[string]struct {
		steps func(e *countingERP) []pipeline.Step
		asked string
	}{
		"rows and a last step": {
			func(e *countingERP) []pipeline.Step { return crashChain(t, e).Steps() },
			"[[post /first chain] [chain parallel] [parallel step] [step post /notify] [post /notify]]",
		},
		"a step that fails": {func(e *countingERP) []pipeline.Step {
			return []pipeline.Step{posts(e, "/a", "a"), fails, posts(e, "/b", "b"), pipeline.Finally(posts(e, "/c", "c"))}
		}, "[[post /a fails] [fails post /c] [post /c]]"},
		"a file that is too large to record": {func(e *countingERP) []pipeline.Step {
			return []pipeline.Step{posts(e, "/a", "a"), large, posts(e, "/b", "b"), reads("large", "c"), posts(e, "/d", "d")}
		}, "[[post /a large] [large post /b] [post /b step] [step post /d] [post /d]]"},
		"no step": {func(*countingERP) []pipeline.Step { return nil }, "[[]]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain, erp := newCountingERP(false), newCountingERP(false)
			want, wantErr := chainOf(t, tt.steps(plain)...).Export(t.Context(), keepCall().Payload())
			k, asked, err := inParts(t, chainOf(t, tt.steps(erp)...), pipeline.MemoryLedger(), keepCall())
			if k.Left || texts(k.Response) != texts(want) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("%v, %v, want %v\n%.2000s, want\n%.2000s", k.Left, err, wantErr, texts(k.Response), texts(want))
			}
			if most, acts := erp.most(); most > 1 || fmt.Sprint(erp.acts) != fmt.Sprint(plain.acts) {
				t.Errorf("acts%s, want %v", acts, plain.acts)
			}
			if got := fmt.Sprint(asked); got != tt.asked {
				t.Errorf("asked before %s, want %s", got, tt.asked)
			}
		})
	}
}

// Each part is killed at each of its writes, before and after, and another one goes on.
func TestPartsThatAreKilledAtAnyWriteGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plain := newCountingERP(false)
		undisturbed, err := crashChain(t, plain).Export(t.Context(), keepCall().Payload())
		if err != nil {
			t.Fatal(err)
		}
		keys := pipeline.WithIdempotency(pipeline.Idempotency{})
		for at := 1; at < 8; at++ {
			for _, after := range []bool{false, true} {
				name := fmt.Sprintf("write %d of each part, done %v", at, after)
				erp, shared := newCountingERP(true), pipeline.MemoryLedger()
				chain, j := crashChain(t, erp), journal(t, shared)
				run, err := chain.Begin(t.Context(), keepCall().Payload(), pipeline.KeepOptions{}, pipeline.WithJournal(j))
				if err != nil {
					t.Fatal(err)
				}
				var k pipeline.Kept
				for n := 0; n == 0 || k.Left; n++ {
					dying, ctx := mortal.New(t.Context(), shared, at, after)
					_, _, _ = part(ctx, chain, journal(t, dying), run.ID, keys)
					if dying.Dead() {
						time.Sleep(31 * time.Second) // the lease ends
					}
					if k, _, err = part(t.Context(), chain, j, run.ID, keys); errors.Is(err, pipeline.ErrEnded) {
						break
					}
					if err != nil || n > 20 {
						t.Fatalf("%s: %v", name, err)
					}
				}
				o, err := j.Outcome(t.Context(), run.ID)
				if most, all := erp.most(); most > 1 || err != nil || texts(o.Response) != texts(undisturbed) {
					t.Errorf("%s: %v, acts%s,\n%s, want\n%s", name, err, all, texts(o.Response), texts(undisturbed))
				}
			}
		}
	})
}

// What an earlier run had sent that gave way is shown by a run in parts, too, whichever part
// shows it.
func TestARunInPartsKnowsWhatTheEarlierOneHadSent(t *testing.T) {
	t.Parallel()
	erp := newCountingERP(false)
	chain := chainOf(t, posts(erp, "/first", "a"), posts(erp, "/second", "b"))
	ledger := pipeline.MemoryLedger()
	dying, ctx := mortal.New(t.Context(), ledger, 4, false)
	_, _ = chain.Export(ctx, keepCall().Payload(), pipeline.WithJournal(journal(t, dying)))
	if err := dying.Bury(t.Context()); err != nil {
		t.Fatal(err)
	}
	k, _, err := inParts(t, chain, ledger, keepCall().With(rossumtest.Field("corrected", "yes")))
	if want := "These calls were made: POST https://erp.example/first"; err != nil || strings.Count(texts(k.Response), want) != 1 {
		t.Errorf("%v: %s, want it to say once: %s", err, texts(k.Response), want)
	}
}

// Nobody who has called waits for a part: what keeps the run from going on is on the ledger.
func TestARunInPartsWhoseChainHasChangedSaysSoOnTheLedger(t *testing.T) {
	t.Parallel()
	erp := newCountingERP(false)
	j := journal(t, pipeline.MemoryLedger())
	before := chainOf(t, posts(erp, "/a", "a"), posts(erp, "/b", "b"))
	run, err := before.Begin(t.Context(), keepCall().Payload(), pipeline.KeepOptions{}, pipeline.WithJournal(j))
	if err != nil {
		t.Fatal(err)
	}
	if k, _, err := part(t.Context(), before, j, run.ID); err != nil || !k.Left {
		t.Fatal(k.Left, err)
	}
	if _, _, err := part(t.Context(), chainOf(t, posts(erp, "/c", "a"), posts(erp, "/b", "b")), j, run.ID); !errors.Is(
		err,
		pipeline.ErrChanged,
	) {
		t.Fatal(err)
	}
	o, err := j.Outcome(t.Context(), run.ID)
	if want := "its step /post %2Fa, which had ended or may have sent something, is no longer there"; err != nil || !o.Waits ||
		!strings.Contains(texts(o.Response), want) {
		t.Errorf("%v, waits %v, %s; want %s", err, o.Waits, texts(o.Response), want)
	}
	// The hook is called again, with the former chain.
	if _, err := before.Begin(t.Context(), keepCall().Payload(), pipeline.KeepOptions{}, pipeline.WithJournal(j)); err != nil {
		t.Fatal(err)
	}
	k, _, err := part(t.Context(), before, j, run.ID)
	if most, all := erp.most(); err != nil || k.Left || k.Response.Failed() || most > 1 || len(erp.acts) != 2 {
		t.Errorf("%v, %s, acts%s", err, texts(k.Response), all)
	}
}

func TestBeginRefusesWhatKeepRefuses(t *testing.T) {
	t.Parallel()
	chain, j := chainOf(t), journal(t, pipeline.MemoryLedger())
	if _, err := chain.Begin(t.Context(), keepCall().Payload(), pipeline.KeepOptions{}); err == nil ||
		!strings.Contains(err.Error(), "WithJournal") {
		t.Errorf("without a ledger: %v", err)
	}
	if _, err := (*pipeline.Chain)(nil).Begin(t.Context(), nil, pipeline.KeepOptions{}); err == nil {
		t.Error("a nil chain begins")
	}
	if _, err := chain.Begin(t.Context(), nil, pipeline.KeepOptions{}, pipeline.WithJournal(j)); err == nil {
		t.Error("a nil payload begins")
	}
	claimed, err := j.Ledger().Claim(t.Context(), pipeline.RunKeyOf(keepCall().Payload()), pipeline.ClaimOptions{Lease: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chain.Begin(t.Context(), keepCall().Payload(), pipeline.KeepOptions{}, pipeline.WithJournal(j)); !errors.Is(
		err,
		pipeline.ErrBusy,
	) {
		t.Errorf("beside run %s: %v", claimed.Run.ID, err)
	}
}
