package main

import (
	"errors"
	"os"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline/pgledger/pgledgertest"
	"github.com/exportpipeline/exportpipeline/pipeline/temporalrun/temporaltest"
)

func TestMain(m *testing.M) {
	if config := os.Getenv(replicaVariable); config != "" {
		if err := serveReplica(config); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// Exports outlive kills and pauses of the replicas and of the database: each is one invoice,
// or a message where nothing tells whether a call was made.
func TestExportsOutliveTheMachinesTheyRunOn(t *testing.T) {
	err := run(t.Context(), options{exports: 200, kills: 20, replicas: 3, atOnce: 16, seed: 16})
	if errors.Is(err, pgledgertest.ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Error(err)
	}
}

// The same with Temporal, whose server is killed, too.
func TestExportsAsWorkflowsOutliveTheMachinesTheyRunOn(t *testing.T) {
	err := run(t.Context(), options{exports: 200, kills: 20, replicas: 3, atOnce: 16, seed: 16, temporal: true})
	if (errors.Is(err, pgledgertest.ErrMissing) || errors.Is(err, temporaltest.ErrMissing)) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Error(err)
	}
}

// What must not be is seen.
func TestDoubleAndLostInvoicesAreSeen(t *testing.T) {
	e := startERP()
	defer e.Close()
	for _, d := range []deed{{"/probe/create", 1}, {"/probe/attach", 1}, {"/probe/submit", 1}, {"/probe/submit", 1}, {"/key/create", 2}, {"/key/create", 2}} {
		e.act(d, "a key")
	}
	for name, tt := range map[string]struct {
		r    result
		want string
	}{
		"done twice":             {result{1, byProbe, ""}, "annotation 1: /probe/submit was done 2 times"},
		"lost":                   {result{2, byKey, ""}, "annotation 2: /key/attach was never done, and nobody was told\nannotation 2: /key/submit was never done, and nobody was told"},
		"failed":                 {result{3, byKey, "x"}, "annotation 3 (key) ended with a message: x"},
		"a message of no call":   {result{4, neither, "x"}, "annotation 4 ended with a message that names no call: x"},
		"a message of the call":  {result{5, neither, "nobody knows of POST " + e.URL + "/neither/create"}, ""},
		"a message for the rest": {result{6, byProbe, "POST " + e.URL + "/neither/create"}, "annotation 6 (probe) ended with a message: POST " + e.URL + "/neither/create"},
	} {
		got := ""
		if err := e.check(tt.r); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
