package main

import (
	"strings"
	"testing"
)

func TestTheQuickstartEndsAsItSays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fail bool
		want []string
	}{
		{false, []string{"answered without an error", "ERP-1001  2026/0042", "4049.65 EUR  12 lines, 1 attachment, submitted", `"messages": []`, `"value": "201"`, `"value": "ERP-1001"`}},
		{true, []string{"answered with an error", "skipped: condition is empty", "is blocked for payments since &lt;today&gt; &amp; until further notice", `"value": "422"`}},
	} {
		var out strings.Builder
		if err := run(&out, tt.fail, ""); err != nil {
			t.Fatal(err)
		}
		for _, part := range tt.want {
			if !strings.Contains(out.String(), part) {
				t.Errorf("fail %v: %q is missing in\n%s", tt.fail, part, out.String())
			}
		}
		if tt.fail && strings.Contains(out.String(), "ERP-0007") {
			t.Error("the id of an earlier export is still there")
		}
		for _, secret := range []string{"erp-client-secret", "rossumtest-token"} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%s is shown", secret)
			}
		}
	}
}
