package steps_test

import (
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/steps"
)

func TestAnXPathEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	r := run(t, invoice(), keep("k", "<r>"+strings.Repeat("<a/>", 10_000)+"</r>"), &steps.Extract{Sources: []steps.Source{{
		Format: "xml", Key: "k", Rules: []steps.ExtractRule{{Path: "count(//*[count(//*) > 1])", TargetField: "erp_id"}},
	}}})
	if r.err == nil || !strings.Contains(r.err.Error(), "extract_rules[0].value_path") || !strings.Contains(r.err.Error(), "limit reached") {
		t.Errorf("got %v", r.err)
	}
}
