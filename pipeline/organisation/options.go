package organisation

import (
	"strconv"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Option sets what [FromHooks] takes, and how strict it is.
type Option func(*assembly)

// OnQueue takes only hooks that are bound to the queue with the given URL. Without
// it the hooks of all queues count, as if there were only one.
func OnQueue(url string) Option { return func(a *assembly) { a.queue = url } }

// OnEvent takes hooks of another event than annotation_content.export.
func OnEvent(event, action string) Option {
	return func(a *assembly) { a.event, a.action = event, action }
}

// RequireActive makes it a fault that a hook waits for an inactive one: what that one
// did may be missing further on. Without it such a hook runs as if it waited for what
// the inactive one waits for, as on the platform, and the report says so.
func RequireActive() Option { return func(a *assembly) { a.requireActive = true } }

// LeaveOut leaves out the hooks with these names or ids: those that export nothing,
// such as handling duplicates or matching master data, but listen to all events of
// annotation_content. Hooks that wait for one wait for its predecessors instead. The
// report lists what was left out. A name or id that no hook has is a fault.
func LeaveOut(namesOrIDs ...string) Option {
	return func(a *assembly) { a.unwanted = append(a.unwanted, namesOrIDs...) }
}

// LeaveOutIf leaves out the hooks that a function picks, as [LeaveOut] does; the
// report gives the reason.
func LeaveOutIf(reason string, f func(*rossum.Hook) bool) Option {
	return func(a *assembly) { a.filters = append(a.filters, filter{reason, f}) }
}

// LeaveOutUnknown leaves out every hook that the registry has no step for: unknown
// extensions, and functions whose code cannot be run here. What such a hook would
// have done or decided does not happen; the report lists each with the reason.
func LeaveOutUnknown() Option { return func(a *assembly) { a.leaveOutUnknown = true } }

// CheckedAgainst has [FromHooks] compare the hooks with the queue's schema, as
// [pipeline.Chain.Check] does with the options that the runs will have: what would fail
// every export is a fault, along with all others. Hooks whose settings are at fault count
// as if they made every file that others need. With a nil schema only the
// reference keys of files are checked. Warnings go to warn, in the order of the steps,
// unless it is nil.
func CheckedAgainst(schema *rossum.Schema, warn func(*pipeline.Finding), options ...pipeline.Option) Option {
	return func(a *assembly) { a.check = &against{schema, warn, options} }
}

// against is what the hooks are compared with.
type against struct {
	schema  *rossum.Schema
	warn    func(*pipeline.Finding)
	options []pipeline.Option
}

// filter picks hooks that are left out.
type filter struct {
	reason string
	picks  func(*rossum.Hook) bool
}

// isCalled reports whether a hook has the name or id.
func isCalled(h *rossum.Hook, nameOrID string) bool {
	return h.Name == nameOrID || strconv.FormatInt(h.ID, 10) == nameOrID
}
