package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHooksRunOnAPayloadFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.json")
	payload, err := os.ReadFile("payload.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(empty, []byte(strings.ReplaceAll(string(payload), "2026-0042", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	for _, tt := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"answered", []string{"-hooks", "hooks", "-payload", "payload.json", "-out", out, "-artefacts", "memory"}, 0, `{"messages":[],"operations":[]}` + "\n", "2. Invoice CSV  done"},
		{"single files", []string{"-hooks", "hooks/Cleaning_[101].json", "hooks/Invoice CSV_[102].json", "-payload", "payload.json"}, 0, `{"messages":[],"operations":[]}` + "\n", "answered without an error"},
		{"with an error message", []string{"-hooks", "hooks", "-payload", empty}, 1, `{"messages":[{"type":"error","content":"The invoice has no number."}],"operations":[]}` + "\n", "answered with an error"},
		{"a missing predecessor", []string{"-hooks", "hooks/Evaluator_[103].json", "-payload", "payload.json"}, 2, "", `hook "Evaluator" (id 103): run_after names`},
		{"no payload file", []string{"-hooks", "hooks", "-payload", "nope.json"}, 2, "", "nope.json"},
		{"no hooks", []string{"-payload", "payload.json"}, 2, "", "-hooks or -org is missing"},
		{"unknown argument", []string{"-hooks", "hooks", "-nope", "x"}, 2, "", "unknown argument -nope"},
		{"an organisation", []string{"-org", ".", "-payload", "payload.json"}, 0, `{"messages":[],"operations":[]}` + "\n", "2. Invoice CSV  done"},
		{"an unknown queue", []string{"-org", ".", "-queue", "Invoices", "-payload", "payload.json"}, 2, "", `queue "Invoices": there is none`},
		{"a queue of nothing", []string{"-hooks", "hooks", "-queue", "1", "-payload", "payload.json"}, 2, "", "-queue names a queue of -org, which is missing"},
		{"graph", []string{"-hooks", "hooks", "-graph"}, 0, "graph TD\n  h101[\"Cleaning\"]\n  h102[\"Invoice CSV\"]\n  h103[\"Evaluator\"]\n  h101 --> h102\n  h102 --> h103\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			if code := run(tt.args, &stdout, &stderr); code != tt.code || stdout.String() != tt.stdout || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("code %d\nstdout %s\nstderr %s", code, stdout.String(), stderr.String())
			}
		})
	}
	if data, err := os.ReadFile(filepath.Join(out, "invoice_csv")); err != nil || string(data) != "Document ID,Item,Quantity,Amount\n2026-0042,Paper,5,12.50\n2026-0042,Toner,1,25.00\n" {
		t.Errorf("artefact %q, %v", data, err)
	}
}
