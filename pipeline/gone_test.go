package pipeline_test

import (
	"context"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// Annotations of two organisations may have the same number.
func TestAPurgeSaysNothingOfAnotherOrganisationsAnnotation(t *testing.T) {
	t.Parallel()
	journal, err := pipeline.NewJournal(pipeline.MemoryLedger(), pipeline.JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	chain, err := pipeline.New(pipeline.Named("count", pipeline.StepFunc(func(context.Context, *pipeline.Export) error {
		runs++
		return nil
	})))
	if err != nil {
		t.Fatal(err)
	}
	gone := rossumtest.Annotation(rossumtest.Event("annotation_status", "changed"), rossumtest.Set("status", "purged")).Payload()
	if _, err := chain.Export(t.Context(), gone, pipeline.WithJournal(journal)); err != nil {
		t.Fatal(err)
	}
	for base, wanted := range map[string]int{"": 1, "https://other.rossum.example": 1, gone.BaseURL: 0} {
		p := rossumtest.Annotation(rossumtest.Offline()).Payload()
		p.BaseURL, p.Timestamp, runs = base, "2026-11-24T09:00:00Z", 0
		if _, err := chain.Export(t.Context(), p, pipeline.WithJournal(journal)); runs != wanted || (err == nil) != (wanted == 1) {
			t.Errorf("an annotation of %q ran %d times, want %d: %v", base, runs, wanted, err)
		}
	}
}
