package main

import "testing"

func TestTheHookServerAnswersAndEnds(t *testing.T) {
	if err := run(t.Context(), "", true); err != nil {
		t.Error(err)
	}
}
