package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// vendorIs is a condition in Go.
func vendorIs(want string) *pipeline.Condition {
	holds := func(_ context.Context, x *pipeline.Export) (bool, error) {
		n, err := x.Field("vendor")
		return err == nil && n.Text() == want, err
	}
	return &pipeline.Condition{Text: "the vendor is " + want, Reads: []string{"vendor"}, Holds: holds}
}

func TestAStepRunsWhenItsConditionInGoHolds(t *testing.T) {
	t.Parallel()
	for vendor, want := range map[string]string{"ACME": "yes;", "Other": ";"} {
		var seen string
		chain := chainOf(t, pipeline.When(vendorIs(vendor), set("status", "yes")), see(&seen, "status"))
		call := invoice(rossumtest.Field("vendor", "ACME"))
		_, report, err := exportReport(t, chain, call)
		if err != nil || seen != want || (vendor == "Other") != strings.Contains(report.Text(), "skipped: the vendor is Other is not true") {
			t.Errorf("%s: %q, %v\n%s", vendor, seen, err, report.Text())
		}
	}
	nameless := &pipeline.Condition{Holds: func(context.Context, *pipeline.Export) (bool, error) { return false, nil }}
	if _, report, err := exportReport(t, chainOf(t, pipeline.When(nameless, set("document_id", "2"))), invoice()); err != nil ||
		!strings.Contains(report.Text(), "skipped: its condition is not true") {
		t.Errorf("%v\n%s", err, report.Text())
	}
}

func TestTheErrorOfAConditionFailsItsStep(t *testing.T) {
	t.Parallel()
	cause := errors.New("the list of vendors is not there")
	broken := &pipeline.Condition{Text: "known", Holds: func(context.Context, *pipeline.Export) (bool, error) { return true, cause }}
	_, _, err := exportReport(t, chainOf(t, pipeline.When(broken, set("document_id", "2"))), invoice())
	if !errors.Is(err, cause) || err.Error() != "step step, condition: the list of vendors is not there" {
		t.Errorf("got %v", err)
	}
}

func TestAConditionReadsFieldsThatMustBeThere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reads, optional []string
		fails           bool
	}{
		{[]string{"vendr"}, nil, true}, {[]string{"vendr"}, []string{"vendr"}, false}, {[]string{""}, nil, false},
	} {
		holds := func(context.Context, *pipeline.Export) (bool, error) { return true, nil }
		always := &pipeline.Condition{Reads: tt.reads, Optional: tt.optional, Holds: holds}
		_, _, err := exportReport(t, chainOf(t, pipeline.When(always, set("document_id", "2"))), invoice())
		var refused *pipeline.CheckError
		if errors.As(err, &refused) != tt.fails {
			t.Errorf("reads %q, optional %q: %v", tt.reads, tt.optional, err)
		}
	}
}

// A condition that may read any field is not settled as long as a step that comes first
// may write one.
func TestAConditionOnAnyFieldWaitsForWhatIsWritten(t *testing.T) {
	t.Parallel()
	always := &pipeline.Condition{Reads: []string{""}, Holds: func(context.Context, *pipeline.Export) (bool, error) { return true, nil }}
	bad := made(t, "https://erp.example", "rest", `{"request": {"url": "ERP/a", "content": "@{documentid}"}}`)
	for _, writes := range []bool{false, true} {
		list := []pipeline.Step{pipeline.When(always, bad)}
		if writes {
			list = []pipeline.Step{made(t, "", "function", sets("gate", "x")[1]), list[0]}
		}
		_, report, err := exportReport(t, chainOf(t, list...), queueCall())
		var refused *pipeline.CheckError
		if !errors.As(err, &refused) || strings.Contains(statuses(report), ":done") != writes {
			t.Errorf("a step writes %v: %s, %v", writes, statuses(report), err)
		}
	}
}

func TestAConditionThatIsNilIsAnError(t *testing.T) {
	t.Parallel()
	for _, c := range []*pipeline.Condition{nil, {}} {
		if _, err := pipeline.New(pipeline.When(
			c, set("document_id", "2"),
		)); err == nil || err.Error() != "step step, condition: is nil, or has no Holds" {
			t.Errorf("got %v", err)
		}
	}
}
