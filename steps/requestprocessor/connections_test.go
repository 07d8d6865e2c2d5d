package requestprocessor_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

func TestRunsShareAConnection(t *testing.T) {
	t.Parallel()
	var connections, calls atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		answer(w, 200, "application/json", `{"id": "ERP-1"}`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	settings := strings.ReplaceAll(handles(toField("remote_id", "response.body", "$jmespath", "id")), "API", server.URL)
	const runs = 5
	for range runs { // without a client of the program's own, and each run with a step of its own
		chain, err := pipeline.New(step(t, nil, settings))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := chain.Export(t.Context(), offline().Payload()); err != nil {
			t.Fatal(err)
		}
	}
	if connections.Load() >= runs || calls.Load() != runs { // under load, net/http may give one up
		t.Errorf("%d calls over %d connections", calls.Load(), connections.Load())
	}
}
