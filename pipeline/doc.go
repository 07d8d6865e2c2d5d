// Package pipeline runs the export of one annotation: a [Chain] of steps works on
// an [Export], and what changed becomes the answer to Rossum.
//
//   - [Step] is the one interface. [StepFunc] makes a function a step, [Named]
//     gives it a name, [Finally] makes it run whatever happened before,
//     [Parallel] runs several side by side. Package steps has Rossum's own.
//   - [New] checks every step and makes a chain; package organisation makes one of
//     the hooks that an organisation has in Rossum, each with its own secrets.
//   - [Chain.Export] runs it in process; package hookserver serves it as a hook.
//   - [Export] holds the payload, the annotation, files by reference key, secrets
//     and messages. Steps send by [Export.Once].
//   - A [Journal] keeps runs on a [Ledger], so that they survive a crash; see
//     [WithIdempotency], [WithProbe] and [Journal.Settle] for what becomes of a call
//     whose answer was lost.
//   - [Report] tells afterwards what happened, without any secret.
//
// Two rules hold for every run: what an ERP has answered is never lost, since it is on
// the ledger before anything reads it, and the answer carries all changes up to a
// failure; and nothing is sent twice, since a call is on the ledger before its first
// byte leaves, and one whose outcome is not known is not simply made again.
//
// A risk remains that no ledger can take away: a process that was paused may wake after
// its lease has ended, between its last look at the ledger and its write to the network.
// So a run that was taken over repeats a call without an answer only by the rules of
// [Export.Once].
//
// What bounds a run is an option: [WithTimeout], [WithTreeLimit], [WithLimiter],
// [WithOnlyHosts], [WithPublicAddressesOnly]. SECURITY.md lists all limits, with what
// they are where nothing is set and what happens beyond them.
//
// Spans go to OpenTelemetry's trace API, which costs nothing unless the program
// brings an SDK.
package pipeline
