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

// Values are written when all are there, so that as many as there are rules are held.
func TestAllThatIsFoundInAReplyIsBoundedTogether(t *testing.T) {
	t.Parallel()
	rules := make([]steps.ExtractRule, 6)
	for i := range rules {
		rules[i] = steps.ExtractRule{Path: "@", TargetField: "erp_id"}
	}
	for name, tt := range map[string]struct {
		size  int
		fault string
	}{
		"too much": {30 << 20, "extract_rules[4].value_path: limit reached: values of more than 134217728 bytes"},
		// Which is too much for a run to write, and is found for all that.
		"as much as allowed": {20 << 20, "extract_rules[0].target_schema_id"},
	} {
		text := `["` + strings.Repeat("a", tt.size) + `"]`
		r := run(t, invoice(), keep("k", text), &steps.Extract{Sources: []steps.Source{{Key: "k", Rules: rules}}})
		if r.err == nil || !strings.Contains(r.err.Error(), tt.fault) {
			t.Errorf("%s: got %v", name, r.err)
		}
	}
}
