// Package hookserver serves exports as Rossum's hooks: one chain, the chains of an
// organisation's queues, or every extension at a path of its own, answered at once or
// later.
//
// A [Server] keeps its runs on a ledger ([pipeline.Journal]). So a hook call that the
// platform repeats, whatever its request_id, to this process or to another one that
// shares the ledger, posts nothing twice: it waits for the run that goes on, and gets
// its answer. A run whose process was killed goes on where it was.
//
// [Server] lists the statuses of its answers, [Options] its limits; SECURITY.md has the limits
// of everything, with what happens beyond them.
package hookserver
