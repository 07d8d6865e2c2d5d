package organisation

import (
	"strconv"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Options say which hooks [FromHooks] takes, and how strict it is. The zero value takes
// the export hooks of all queues.
type Options struct {
	// Queue is the URL of a queue: only hooks that are bound to it are taken. With "" the
	// hooks of all queues count, as if there were only one.
	Queue string
	// Event and Action are those that the hooks listen to, annotation_content and export
	// if both are "".
	Event, Action string
	// RequireActive makes it a fault that a hook waits for an inactive one: what that one
	// did may be missing further on. Without it such a hook runs as if it waited for what
	// the inactive one waits for, as on the platform, and the report says so.
	RequireActive bool
	// LeaveOut are names or ids of hooks that are left out: those that export nothing,
	// such as handling duplicates or matching master data, but listen to all events of
	// annotation_content. Hooks that wait for one wait for its predecessors instead. The
	// report lists what was left out. A name or id that no hook has is a fault.
	LeaveOut []string
	// LeaveOutIf returns why a hook is left out, as LeaveOut does it, and "" for one that
	// is taken. nil takes all.
	LeaveOutIf func(*rossum.Hook) (reason string)
	// LeaveOutUnknown leaves out every hook that the registry has no step for: unknown
	// extensions, and functions whose code cannot be run here. What such a hook would
	// have done or decided does not happen; the report lists each with the reason.
	LeaveOutUnknown bool
	// Check compares the hooks with the queue's schema; nil leaves that to the runs.
	Check *Check
}

// Check has [FromHooks] compare the hooks with a queue's schema, as [pipeline.Chain.Check]
// does: what would fail every export is a fault, along with all others. Hooks whose
// settings are at fault count as if they made every file that others need.
type Check struct {
	// Schema is the queue's. Without one only the reference keys of files are checked.
	Schema *rossum.Schema
	// Run are the options that the runs will have.
	Run []pipeline.Option
	// Warn gets the warnings, in the order of the steps, unless it is nil.
	Warn func(*pipeline.Finding)
}

// isCalled reports whether a hook has the name or id.
func isCalled(h *rossum.Hook, nameOrID string) bool {
	return h.Name == nameOrID || strconv.FormatInt(h.ID, 10) == nameOrID
}
