// Package pipeline runs the export of one annotation: a [Chain] of steps works on
// an [Export], and what changed becomes the answer to Rossum.
//
//   - [Step] is the one interface. [StepFunc] makes a function a step, [Named]
//     gives it a name, [Finally] makes it run whatever happened before,
//     [Parallel] runs several side by side. Package steps has Rossum's own.
//   - [New] checks every step and makes a chain; package organisation makes one of
//     the hooks that an organisation has in Rossum, each with its own secrets.
//   - [Chain.Export] runs it in process; [Handler] serves it as a hook.
//   - [Export] holds the payload, the annotation, files by reference key, secrets
//     and messages. [Export.Snapshot] and [Restore] let a run survive a crash.
//   - [Report] tells afterwards what happened, without any secret.
//
// Two rules hold for every run: what an ERP has answered is never lost, since the
// answer carries all changes up to a failure; and nothing is sent twice, since a
// hook call that comes again gets the answer of the first, and a call that was
// begun before a crash is not made again (see [Export.Begin]).
//
// Spans go to OpenTelemetry's trace API, which costs nothing unless the program
// brings an SDK.
package pipeline
