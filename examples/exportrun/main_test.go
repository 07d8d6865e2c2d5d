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
	org := filepath.Join(dir, "org")
	if err := os.CopyFS(filepath.Join(org, "hooks"), os.DirFS("hooks")); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other.json")
	if err := os.WriteFile(other, []byte(strings.ReplaceAll(string(payload), "queues/8199", "queues/77")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"answered", []string{"-hooks", "hooks", "-payload", "payload.json", "-out", out, "-artefacts", "memory"}, 0, `{"messages":[],"operations":[]}` + "\n", "2. Invoice CSV  done"},
		{"single files", []string{"-hooks", "hooks/Cleaning_[101].json", "hooks/Invoice CSV_[102].json", "-payload", "payload.json"}, 0, `{"messages":[],"operations":[]}` + "\n", "answered without an error"},
		{"with an error message", []string{"-hooks", "hooks", "-payload", empty}, 1, `{"messages":[{"type":"error","content":"The invoice has no number."}],"operations":[]}` + "\n", "answered with an error"},
		{"a missing predecessor", []string{"-hooks", "hooks/Evaluator_[103].json", "-payload", "payload.json"}, 2, "", `hook "Evaluator" (id 103), hooks/Evaluator_[103].json:14:5: run_after[0]: `},
		{"a queue without hooks", []string{"-hooks", "hooks", "-payload", other}, 2, "", "none of the organisation's hooks (3) is bound to the queue https://example.rossum.app/api/v1/queues/77; they are bound to https://example.rossum.app/api/v1/queues/8199"},
		{"all faults of the arguments", []string{"-org", "nowhere", "-payload", "nope.json", "-secrets", "none.json"}, 2, "", "nope.json"},
		{"no payload file", []string{"-hooks", "hooks", "-payload", "nope.json"}, 2, "", "nope.json"},
		{"no hooks", []string{"-payload", "payload.json"}, 2, "", "-hooks or -org is missing"},
		{"unknown flag", []string{"-hooks", "hooks", "-nope", "x"}, 2, "", "unknown flag -nope; -help lists them"},
		{"no flag", []string{"hooks"}, 2, "", `"hooks" is not a command; there are check,`},
		{"a flag without its value", []string{"-hooks", "hooks", "-payload"}, 2, "", "-payload takes a value"},
		{"a flag with two values", []string{"-org=a", "-org", "b", "-payload=x"}, 2, "", "-org is given more than once"},
		{"a switch with a value", []string{"-hooks", "hooks", "-graph=1"}, 2, "", "-graph takes no value"},
		{"another place for artefacts", []string{"-hooks", "hooks", "-artefacts", "disk", "-payload", "payload.json"}, 2, "", "-artefacts is memory or rossum, not disk"},
		{"an organisation", []string{"-org", org, "-payload", "payload.json"}, 0, `{"messages":[],"operations":[]}` + "\n", "2. Invoice CSV  done"},
		{"an unknown queue", []string{"-org", org, "-queue", "Invoices", "-payload", "payload.json"}, 2, "", `queue "Invoices": there is none`},
		{"a queue of nothing", []string{"-hooks", "hooks", "-queue", "1", "-payload", "payload.json"}, 2, "", "-queue names a queue of -org, which is missing"},
		{"graph", []string{"-hooks", "hooks", "-graph"}, 0, "graph TD\n  h101[\"Cleaning\"]\n  h102[\"Invoice CSV\"]\n  h103[\"Evaluator\"]\n  h101 --> h102\n  h102 --> h103\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			if code := run(tt.args, &stdout, &stderr); code != tt.code || stdout.String() != tt.stdout ||
				!strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("code %d\nstdout %s\nstderr %s", code, stdout.String(), stderr.String())
			}
		})
	}
	if data, err := os.ReadFile(filepath.Join(out, "invoice_csv")); err != nil ||
		string(data) != "Document ID,Item,Quantity,Amount\n2026-0042,Paper,5,12.50\n2026-0042,Toner,1,25.00\n" {
		t.Errorf("artefact %q, %v", data, err)
	}
}
