package ownstep_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"

	"example.com/ownstep"
)

// server is an archive that answers with a status.
func server(t *testing.T, status int) (url string, got func() string) {
	t.Helper()
	var last atomic.Value // which several exports at once write
	last.Store("")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		last.Store(r.URL.Path + " " + r.Header.Get("Authorization") + " " + string(body))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"id": "r-7"}`)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() string { return last.Load().(string) }
}

func step(t testing.TB, url string) *ownstep.Archive {
	t.Helper()
	a := &ownstep.Archive{}
	if err := json.Unmarshal([]byte(`{"url": "`+url+`/records", "record": {"number": "@{document_id}"}, "id_schema_id": "archive_id"}`), a); err != nil {
		t.Fatal(err)
	}
	return a
}

func invoice() *rossumtest.Call {
	return rossumtest.Annotation(
		rossumtest.Field("document_id", "2026-1"),
		rossumtest.Field("archive_id", ""),
		rossumtest.Secret("archive_key", "key-1"),
	)
}

func TestTheRecordIsCreatedAndItsIDKept(t *testing.T) {
	t.Parallel()
	url, got := server(t, 201)
	r := pipelinetest.Run(t, step(t, url), invoice())
	if r.Err != nil || r.Values["archive_id"] != "r-7" || got() != `/records Bearer key-1 {"number":"2026-1"}` {
		t.Errorf("%v, field %q, the archive got %s", r.Err, r.Values["archive_id"], got())
	}
}

func TestARefusalFailsTheExport(t *testing.T) {
	t.Parallel()
	url, _ := server(t, 422)
	if r := pipelinetest.Run(t, step(t, url), invoice()); r.Err != nil || !r.Response.Failed() {
		t.Errorf("%v, %+v", r.Err, r.Response)
	}
}

func TestAnErrorSaysThatNothingWasSent(t *testing.T) {
	t.Parallel()
	r := pipelinetest.Run(t, step(t, "http://127.0.0.1:1"), invoice())
	var at *pipeline.StepError
	if !errors.Is(r.Err, pipeline.ErrNotSent) || !errors.As(r.Err, &at) || at.Step != "archive" || at.Place != "url" {
		t.Errorf("got %v", r.Err)
	}
}

func TestSettingsAreCheckedBeforeAnythingRuns(t *testing.T) {
	t.Parallel()
	err := json.Unmarshal([]byte(`{"ulr": "x", "id_schema_id": 7}`), &ownstep.Archive{})
	if err == nil || !strings.Contains(err.Error(), "ulr: unknown key (did you mean url?)") ||
		!strings.Contains(err.Error(), "id_schema_id: is a number, expected a string") {
		t.Errorf("got %v", err)
	}
	if _, err := pipeline.New(&ownstep.Archive{Record: json.RawMessage(`{"$NOPE$": 1}`)}); len(pipeline.Faults(err)) != 2 {
		t.Errorf("got %v", err)
	}
}

func TestAFieldThatTheAnnotationLacksIsFoundBeforeTheCall(t *testing.T) {
	t.Parallel()
	url, got := server(t, 201)
	r := pipelinetest.Run(
		t,
		step(t, url),
		rossumtest.Annotation(rossumtest.Field("document_id", "1"), rossumtest.Secret("archive_key", "key-1")),
	)
	if r.Err == nil || !strings.Contains(r.Err.Error(), "archive_id") || got() != "" {
		t.Errorf("got %v, the archive got %s", r.Err, got())
	}
}

func TestTheStepConforms(t *testing.T) {
	url, _ := server(t, 201)
	pipelinetest.TestStep(t, step(t, url), pipelinetest.Case{Name: "invoice", Call: invoice()})
}
