package main

import (
	"strings"
	"testing"
)

func TestTryingSendsNothing(t *testing.T) {
	chain, err := newChain("https://erp.example")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := try(&out, chain); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"Dry run, nothing was sent", "POST https://erp.example/invoices: not made"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, out.String())
		}
	}
}
