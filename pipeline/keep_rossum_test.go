package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/internal/pipelinerun"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// rossumRun is a chain with a platform and an ERP that knows repeated calls.
type rossumRun struct {
	*testing.T
	platform *rossumtest.Server
	erp      *countingERP
	chain    *pipeline.Chain
	ledger   pipeline.Ledger
	options  []pipeline.Option
}

func newRossumRun(t *testing.T, step func(ctx context.Context, x *pipeline.Export) error) *rossumRun {
	t.Helper()
	r := &rossumRun{T: t, platform: rossumtest.NewServer(), erp: newCountingERP(true), ledger: pipeline.MemoryLedger()}
	t.Cleanup(r.platform.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	r.options = []pipeline.Option{
		pipeline.WithStore(
			pipeline.InRossum(),
		), pipeline.WithHTTPClient(&http.Client{Transport: transport}), pipeline.WithIdempotency(pipeline.Idempotency{}),
	}
	r.chain = chainOf(t, pipeline.Named("on rossum", pipeline.StepFunc(step)), posts(r.erp, "/first", "a"))
	return r
}

func (r *rossumRun) call() *rossumtest.Call { return keepCall().With(rossumtest.On(r.platform)) }

// dies runs the chain in a process that dies at a write, and reports whether it did.
func (r *rossumRun) dies(at int, done bool) bool {
	r.Helper()
	dying, ctx := mortal.New(r.Context(), r.ledger, at, done)
	_, _ = r.chain.Export(ctx, r.call().Payload(), append(r.options, pipeline.WithJournal(journal(r.T, dying)))...)
	if err := dying.Bury(r.Context()); err != nil {
		r.Fatal(err)
	}
	return dying.Dead()
}

func (r *rossumRun) goesOn() (*rossum.Response, error) {
	k, err := r.chain.Keep(
		r.Context(),
		r.call().Payload(),
		pipeline.KeepOptions{},
		append(r.options, pipeline.WithJournal(journal(r.T, r.ledger)))...)
	return k.Response, err
}

// count says how often the platform was called.
func (r *rossumRun) count(call string) (n int) {
	for _, made := range r.platform.Calls() {
		if made == call {
			n++
		}
	}
	return n
}

func TestWhatIsSavedInRossumIsSavedOnceWhereverTheProcessDies(t *testing.T) {
	t.Parallel()
	died := make(chan bool, 2*mostWrites)
	t.Run("writes", func(t *testing.T) {
		for at := range mostWrites {
			for _, done := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d, done %v", at+1, done), func(t *testing.T) {
					t.Parallel()
					died <- savedOnce(t, at+1, done)
				})
			}
		}
	})
	close(died)
	n := 0
	for dead := range died {
		if dead {
			n++
		}
	}
	if n < 30 || n == 2*mostWrites {
		t.Errorf("%d processes died; each write of a run should be one at which a process dies", n)
	}
}

// mostWrites is more than a run of the test below has.
const mostWrites = 24

func savedOnce(t *testing.T, at int, done bool) (died bool) {
	r := newRossumRun(t, func(ctx context.Context, x *pipeline.Export) error {
		for _, text := range []string{"one", "two"} { // the second replaces the first
			if err := x.Files.Put(ctx, pipeline.File{Key: "k", Name: "k.txt", Data: []byte(text)}); err != nil {
				return err
			}
		}
		return x.Files.Put(ctx, pipeline.File{Key: "other", Name: "k.txt", Data: []byte("one")})
	})
	died = r.dies(at, done)
	if _, err := r.goesOn(); err != nil && !errors.Is(err, pipeline.ErrStale) {
		t.Error(err)
	}
	kept := r.platform.Artefacts(rossumtest.AnnotationID)
	if string(kept["k"]) != "two" || string(kept["other"]) != "one" || r.platform.DocumentCount() != 3 { // the third is of the reply
		t.Errorf("%q, %d documents", kept, r.platform.DocumentCount())
	}
	if documents, relations := r.count("POST documents"), r.count("POST document_relations"); documents != 4 || relations != 3 {
		t.Errorf("%d documents and %d relations were made, by %v", documents, relations, r.platform.Calls())
	}
	return died
}

func TestARunThatGoesOnDecidesByWhatRossumHadSaid(t *testing.T) {
	t.Parallel()
	r := newRossumRun(t, func(ctx context.Context, x *pipeline.Export) error {
		n := 0
		for _, err := range x.Rossum.Relations(ctx, x.Annotation.ID) {
			if err != nil {
				return err
			}
			n++
		}
		if _, err := x.Rossum.Document(ctx, 1); !errors.Is(err, rossum.ErrNotFound) {
			return fmt.Errorf("document 1: %w", err)
		}
		pipelinerun.KeepToken(ctx, x, "token", "the same")
		act := pipeline.Act{Call: "decided", What: "POST https://erp.example/decided"}
		answer, err := x.Once(ctx, act, func(context.Context, pipeline.Attempt) (*pipeline.Reply, error) {
			return &pipeline.Reply{Status: 201, Body: fmt.Append(nil, n)}, nil
		})
		if err != nil {
			return err
		}
		return x.Set("b", fmt.Sprintf("%d sent, %s answered", n, answer.Body))
	})
	if !r.dies(5, true) { // claim, token, saved, call, reply
		t.Fatal("the process did not die")
	}
	r.platform.AddRelation(rossum.Relation{Type: "duplicate", Annotations: []string{r.call().Payload().Annotation.URL}})
	r.platform.AddDocument(1, "a.txt", "text/plain", nil)
	calls := len(r.platform.Calls())
	answer, err := r.goesOn()
	if err != nil || !strings.Contains(texts(answer.Operations), "0 sent, 0 answered") {
		t.Errorf("%v, %s", err, texts(answer.Operations))
	}
	// What follows is about the file of the second step.
	if again := r.platform.Calls()[calls:]; again[0] != "POST documents" || slices.Contains(again, "GET relations") {
		t.Errorf("the platform was called again: %v", again)
	}
}

func TestWhatIsTooLargeForTheLedgerMustBeTheSameWhenTheRunGoesOn(t *testing.T) {
	t.Parallel()
	large := bytes.Repeat([]byte("x"), 2<<20)
	for name, now := range map[string][]byte{"the same": large, "another": slices.Concat(large, []byte("y"))} {
		r := newRossumRun(t, func(ctx context.Context, x *pipeline.Export) error {
			data, _, err := x.Rossum.Fetch(ctx, "documents/1/content")
			if err != nil {
				return err
			}
			return errors.Join(x.Set("b", fmt.Sprint(len(data))), postsTo(ctx, x))
		})
		r.platform.AddDocument(1, "a.txt", "text/plain", large)
		if !r.dies(3, true) { // claim, call, reply
			t.Fatal("the process did not die")
		}
		r.platform.AddDocument(1, "a.txt", "text/plain", now)
		answer, err := r.goesOn()
		switch {
		case name == "the same" && (err != nil || !strings.Contains(texts(answer.Operations), fmt.Sprint(len(large)))):
			t.Errorf("%s: %v, %s", name, err, texts(answer.Operations))
		case name == "another" && (err == nil || !strings.Contains(err.Error(), "the answer is another one than before")):
			t.Errorf("%s: %v", name, err)
		}
	}
}

func postsTo(ctx context.Context, x *pipeline.Export) error {
	act := pipeline.Act{Call: "post", What: "POST https://erp.example/"}
	_, err := x.Once(ctx, act, func(context.Context, pipeline.Attempt) (*pipeline.Reply, error) {
		return &pipeline.Reply{Status: 201}, nil
	})
	return err
}
