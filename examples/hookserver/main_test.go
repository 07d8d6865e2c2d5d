package main

import (
	"context"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func TestTheHookServerAnswersAndEnds(t *testing.T) {
	if err := run(t.Context(), "", true, nil); err != nil {
		t.Error(err)
	}
}

func TestTheHookServerNeedsASecretToServe(t *testing.T) {
	t.Setenv("ROSSUM_HOOK_SECRET", "")
	ended, end := context.WithCancel(t.Context())
	end()
	if err := run(ended, "127.0.0.1:0", false, nil); err == nil || !strings.Contains(err.Error(), "set ROSSUM_HOOK_SECRET") {
		t.Errorf("got %v", err)
	}
	t.Setenv("ROSSUM_HOOK_SECRET", "a secret")
	if err := run(ended, "127.0.0.1:0", false, nil); err != nil {
		t.Error(err)
	}
}

func TestAPersonSettlesACallFromTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	if err := do(t.Context(), "", true, "", "", true); err == nil {
		t.Error("-pending without -ledger")
	}
	if err := do(t.Context(), dir, true, "", "", true); err == nil || !strings.Contains(err.Error(), "the secret has a length of 0") {
		t.Errorf("without a key: %v", err)
	}
	t.Setenv(keyVariable, strings.Repeat("a1", 32))
	if err := do(t.Context(), dir, false, "", "", true); err != nil { // an export that is kept
		t.Fatal(err)
	}
	journal, err := openJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	// A process that died with the answer to its call.
	dying, ctx := mortal.New(t.Context(), journal.Ledger(), 3, false)
	lost, err := pipeline.NewJournal(
		dying,
		pipeline.JournalOptions{Key: pipeline.SealKey{ID: "1", Secret: []byte(strings.Repeat("\xa1", 32))}},
	)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := pipeline.New(pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		_, err := x.Once(
			ctx,
			pipeline.Act{Call: "request", What: "POST https://erp.example/invoices"},
			func(context.Context, pipeline.Attempt) (*pipeline.Reply, error) {
				return &pipeline.Reply{Status: 201}, nil
			},
		)
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = chain.Export(ctx, rossumtest.Annotation(rossumtest.Offline()).Payload(), pipeline.WithJournal(lost))
	if err := dying.Bury(t.Context()); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := listPending(t.Context(), &out, journal); err != nil || !strings.Contains(out.String(), "POST https://erp.example/invoices") {
		t.Fatalf("%v: %s", err, out.String())
	}
	_, verdict, _ := strings.Cut(out.String(), "-settle ")
	verdict, _, _ = strings.Cut(verdict, " or ")
	if err := settle(t.Context(), journal, "nonsense"); err == nil {
		t.Error("nonsense is a verdict")
	}
	if err := settle(t.Context(), journal, verdict); err != nil {
		t.Error(err)
	}
	if err := journal.Ledger().Close(); err != nil {
		t.Error(err)
	}
	if err := do(t.Context(), dir, true, "", "", true); err != nil {
		t.Error(err)
	}
}

func TestTheHookServerShowsNeitherKeyNorSecret(t *testing.T) {
	const canary = "c4nary-of-a-key"
	t.Setenv("ROSSUM_HOOK_SECRET", canary)
	for _, key := range []string{canary, strings.Repeat("c4", 15), strings.Repeat("c4", 16) + "x"} {
		t.Setenv(keyVariable, key)
		if err := do(t.Context(), t.TempDir(), true, "", "", true); err == nil || strings.Contains(err.Error(), key[:8]) {
			t.Errorf("%s: %v", key, err)
		}
	}
	if err := run(t.Context(), "erp.example:port", false, nil); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("an address without a port: %v", err)
	}
}
