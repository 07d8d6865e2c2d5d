package main

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/steps"
)

var update = flag.Bool("update", false, "write what the ERP got into testdata/calls.golden")

func TestTheERPGetsTheRecordedCalls(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	got, err := run(&out, "acme", false, "")
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/calls.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, part := range []string{
		"info: The ERP has 2026-EU-0042 as ERP-1001.", "info: The ERP has 2026-US-0007 as ERP-1002.",
		"the ERP holds  ERP-1001 2026-EU-0042: 1030.00 EUR, 10 lines, 2 attachments, submitted",
		"formulas computed again: erp_created, erp_attach_path, erp_attached, erp_submit_path (4 runs)",
		"formulas computed again: erp_attached (1 runs)",
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, out.String())
		}
	}
	if strings.Contains(out.String(), "erp-client-secret") {
		t.Error("a secret is shown")
	}
}

func TestEachQueueHasItsHooks(t *testing.T) {
	t.Parallel()
	o, err := rossum.LoadOrganisation(os.DirFS("acme"))
	if err != nil || len(o.Hooks) != 12 || len(o.Queues) != 2 {
		t.Fatalf("%d hooks, %d queues, %v", len(o.Hooks), len(o.Queues), err)
	}
	registry := &organisation.Registry{}
	steps.Register(registry, steps.RegisterOptions{})
	for queue, template := range map[string]string{"Invoices EU": "Taxation EU", "Invoices US": "Taxation US"} {
		q, err := o.Queue(queue)
		if err != nil {
			t.Fatal(err)
		}
		chain, err := chainOf(o, q, registry)
		if err != nil {
			t.Fatal(err)
		}
		graph := chain.Graph()
		if strings.Count(graph, "[") != 11 || !strings.Contains(graph, template) || !strings.Contains(graph, "h306 --> h309") ||
			!strings.Contains(graph, "h308 --> h309") {
			t.Errorf("%s:\n%s", queue, graph)
		}
	}
}
