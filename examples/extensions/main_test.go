package main

import (
	"context"
	"strings"
	"testing"
)

func TestHooksThatAreCalledOneByOneExportTheInvoice(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := show(&out, "hooks"); err != nil {
		t.Fatal(err)
	}
	const want = `Cleaning       0 operations, 0 messages
Invoice JSON   0 operations, 0 messages
Create draft   0 operations, 0 messages
Read reply     2 operations, 0 messages
Evaluate       0 operations, 0 messages
the ERP holds  ERP-1001 2026/0042: 30.00 EUR, 2 lines
`
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}

func TestAServerWithoutASecretDoesNotStart(t *testing.T) {
	t.Parallel()
	if err := serve(context.Background(), "127.0.0.1:0", ""); err == nil {
		t.Error("it started")
	}
}
