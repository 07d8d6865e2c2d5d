package main

import (
	"context"
	"strings"
	"testing"
)

func TestTheHookServerAnswersAndEnds(t *testing.T) {
	if err := run(t.Context(), "", true); err != nil {
		t.Error(err)
	}
}

func TestTheHookServerNeedsASecretToServe(t *testing.T) {
	t.Setenv("ROSSUM_HOOK_SECRET", "")
	ended, end := context.WithCancel(t.Context())
	end()
	if err := run(ended, "127.0.0.1:0", false); err == nil || !strings.Contains(err.Error(), "set ROSSUM_HOOK_SECRET") {
		t.Errorf("got %v", err)
	}
	t.Setenv("ROSSUM_HOOK_SECRET", "a secret")
	if err := run(ended, "127.0.0.1:0", false); err != nil {
		t.Error(err)
	}
}
