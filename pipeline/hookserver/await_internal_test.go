package hookserver

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func TestWithANegativeAfterAnExportThatHasEndedAlreadyIsPolledToo(t *testing.T) {
	t.Parallel()
	s := &Server{o: Options{Async: &Async{After: -1}}}
	for range 100 { // a select of two channels that are ready takes either
		j := &job{payload: &rossum.Payload{Annotation: new(rossum.Annotation)}, begun: make(chan pipeline.RunInfo, 1), done: make(chan struct{})}
		j.kept.Response = new(rossum.Response)
		j.begun <- pipeline.RunInfo{ID: "run"}
		close(j.done)
		if a, again := s.await(context.Background(), j, ""); again || a.run != "run" || a.response != nil {
			t.Fatalf("answered with run %q and response %v, again %v", a.run, a.response, again)
		}
	}
}

// alwaysStale is a ledger on which an export of the annotation has ended whenever another
// begins.
type alwaysStale struct{ pipeline.Ledger }

func (alwaysStale) Claim(context.Context, pipeline.RunKey, pipeline.ClaimOptions) (pipeline.Claimed, error) {
	return pipeline.Claimed{}, &pipeline.StaleError{}
}

func TestACallThatOthersAreInTheWayOfIsAnsweredInTime(t *testing.T) {
	t.Parallel()
	chain, err := pipeline.New(pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	journal, err := pipeline.NewJournal(alwaysStale{pipeline.MemoryLedger()}, pipeline.JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Chain: chain, Unsigned: true, Journal: journal, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(rossumtest.Annotation().Bytes())))
	r.Header.Set("Content-Type", "application/json")
	s.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "in the way") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
