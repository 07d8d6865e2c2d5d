package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
)

func TestASampleHasEveryFieldOfTheQueueAndRuns(t *testing.T) {
	t.Parallel()
	const org = "../organisation/acme"
	file := filepath.Join(t.TempDir(), "call.json")
	if code, stdout, stderr := exportrun(t, "sample", "-org", org, "-queue", "Invoices EU", "-rows", "3", "-out", file); code != answered ||
		stdout+stderr != "" {
		t.Fatalf("code %d %s%s", code, stdout, stderr)
	}
	p, err := readPayload(file)
	if err != nil {
		t.Fatal(err)
	}
	o, err := rossum.LoadOrganisation(os.DirFS(org))
	if err != nil {
		t.Fatal(err)
	}
	q, err := o.Queue("Invoices EU")
	if err != nil {
		t.Fatal(err)
	}
	for f := range q.Schema.All() {
		switch nodes := p.Annotation.Content.Find(f.ID); {
		case f.Category == "datapoint" && len(nodes) == 0:
			t.Errorf("%s is missing", f.ID)
		case f.Category == "datapoint" && f.Type == "number" && f.Formula == "" && f.UIConfiguration.Type != "data":
			if _, err := nodes[0].Decimal(); err != nil {
				t.Errorf("%s: %v", f.ID, err)
			}
		}
	}
	if n, err := p.Annotation.Content.Field("line_count"); err != nil || n.Text() != "3" {
		t.Errorf("the formula line_count gives %v, %v", n, err)
	}
	if n, err := p.Annotation.Content.Field("erp_create_status"); err != nil || n.Text() != "" {
		t.Errorf("a field that a hook fills has a value, or none is there: %v", err)
	}
	code, stdout, stderr := exportrun(t, "run", "-org", org, "-payload", file)
	if code != answered || !strings.Contains(stderr, "shown and not made") {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
}

func TestASampleIsOfOneQueue(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"which queue? -queue takes one of Invoices EU (id 7), Invoices US (id 8)": {"-org", "../organisation/acme"},
		`queue "9": there is none`:       {"-org", "../organisation/acme", "-queue", "9"},
		"-org is missing":                {},
		"it must be between 0 and 10000": {"-org", "../organisation/acme", "-rows", "-1"},
		`"x" is not a flag`:              {"-org", "../organisation/acme", "x"},
		"unusable organisation folder":   {"-org", "hooks"},
	} {
		if code, stdout, stderr := exportrun(t, append([]string{"sample"}, args...)...); code != unusable || !strings.Contains(stderr, want) {
			t.Errorf("%v: code %d\n%s%s", args, code, stdout, stderr)
		}
	}
}
