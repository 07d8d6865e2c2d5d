// Package temporalrun runs the chains of a hook server as Temporal workflows: one workflow
// for each export, one activity for each step of its chain. Temporal (go.temporal.io/sdk, the
// one client of that server) holds the single flight, shows what goes on, and has steps done
// again whose machine was lost; the ledger keeps what was sent and answered, as ever. It is a
// module of its own:
//
//	go get github.com/exportpipeline/exportpipeline/pipeline/temporalrun
//
// An [Engine] is the Engine of a [hookserver.Server], and a [Worker] does the steps, in the
// same process or in others, each with a server of the same chains, ledger and options, which
// need not be mounted. A chain that runs in process runs here unchanged.
//
// # What happens to a hook call
//
// The server puts the call on the ledger and starts the workflow of its hook and annotation
// ([WorkflowID]), or joins the one that goes on. It answers with the export's result if that
// comes in time, and otherwise with a polling address, which any server of the ledger answers.
// Each activity takes the run up on the ledger, runs the one step that is next, notes it, and
// leaves the run. A step that is itself a chain or a Parallel is one activity. The last
// activity also notes the answer.
//
// # What is repeated, and what is not
//
// Temporal repeats an activity without end, since what an activity does again is decided by
// the ledger: a step that has ended, well or not, does not run again, a call whose answer is
// known is not made again, and one whose answer was lost is settled by an idempotency key, a
// probe or a person (see [pipeline.Export.Once]). A run that waits for a person ends its
// workflow with the outcome "waits"; when the person has said what has become of the call
// ([pipeline.Journal.Settle]), the next call of the hook starts another workflow, which goes on
// with the same run. An activity fails, and is done again, only if it could not get at the
// ledger, or its worker ended or serves no such chain.
//
// An activity says that it lives three times within the ledger's lease. If its worker is lost,
// the next attempt begins when a lease has passed, and goes on when the lease that the lost one
// held has ended. One that was only thought to be lost ends its step in peace: the next attempt
// waits for it, and finds the step done.
//
// A chain that has changed goes on with the runs of the former one if the steps that have ended
// are still there, by their keys; the ledger compares fingerprints. Otherwise the workflow ends
// with the outcome "waits", and the answer says which step is missing.
//
// Cancelling, terminating or deleting a workflow ends it after the step that runs. The next call of
// the hook goes on with the run, and so does a server with Recover, without the secrets of the hook
// call (see [hookserver.Options]). The same holds if Temporal has lost the workflow, since the ledger
// has all that counts. Resetting a workflow repeats no call.
//
// When the key of [Sealed] is changed, first give all workers both keys; a worker without the key
// leaves the step to those that have it. If none has by the end of the export's time, the workflow
// fails, and the next call of the hook goes on with the run.
//
// # What Temporal gets to know
//
// A workflow's history has the run's id on the ledger, the numbers of annotation and queue, the
// hook's address, the chain's fingerprint, the keys of its steps, and the outcome. No field, body,
// message or error of the ERP is in it: those are on the ledger, whatever their size. Token and
// secrets of the hook call are there only if [Options].Codec encrypts them.
//
// Search attributes are [AttributeAnnotation], [AttributeQueue] and [AttributeOutcome], if the
// namespace has them ([RegisterAttributes], or temporal operator search-attribute create); the
// same is always in the workflow's memo, which cannot be searched. The Engine logs once which it
// is.
//
// # Limits
//
// [pipeline.InTurn] orders steps here, not whole exports: each activity takes its turn. Files of
// more than 4 MB that a step makes are not on the ledger: each later activity makes them again, with
// the answers that the step got. Each activity reads the whole run from the ledger. The time-out of
// an export counts from the workflow's start by the server's clock, and is looked at by the worker's.
// Events of purged and deleted annotations are served by the hook server itself.
package temporalrun
