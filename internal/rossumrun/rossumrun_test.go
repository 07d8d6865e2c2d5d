package rossumrun_test

import (
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/rossumrun"
)

// This package must not import rossum, which fills the functions in.
func TestAContentThatWasNotParsedHasNoChanges(t *testing.T) {
	t.Parallel()
	changes, err := rossumrun.Changes(nil)
	if err != nil || string(changes) != "[]" {
		t.Fatalf("%s, %v", changes, err)
	}
	if err := rossumrun.Restore(nil, changes); err != nil {
		t.Errorf("no changes: %v", err)
	}
	if err := rossumrun.Restore(nil, []byte(`[{"id":7,"value":"x"}]`)); err == nil {
		t.Error("a change of a node that is not there was lost")
	}
}
