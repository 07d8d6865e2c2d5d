package temporalrun

import (
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// The names by which histories know the workflow and its activity.
const (
	workflowName = "exportpipeline.export"
	activityName = "exportpipeline.step"
)

// order is what a workflow is given. It is in the history, so that it holds no data.
type order struct {
	Run        pipeline.RunID `json:"run"`
	Timeout    time.Duration  `json:"timeout"`
	Lease      time.Duration  `json:"lease"`
	Attributes bool           `json:"attributes,omitempty"` // search attributes are there
	Secrets    []byte         `json:"secrets,omitempty"`    // by the program's codec
}

// part is what an activity is given.
type part struct {
	Run pipeline.RunID `json:"run"`
	// Step is the key of the one step to run, "" for the next one, whatever it is.
	Step    string        `json:"step,omitempty"`
	Ends    time.Time     `json:"ends"` // of the export
	Timeout time.Duration `json:"timeout"`
	Lease   time.Duration `json:"lease"`
	Secrets []byte        `json:"secrets,omitempty"`
}

// progress is what an activity has done.
type progress struct {
	Ran     string  `json:"ran,omitempty"`  // key of the step; "" if it had ended already
	Next    string  `json:"next,omitempty"` // key of the step after it
	Outcome Outcome `json:"outcome,omitempty"`
}

// export is the workflow. What an activity returns decides what comes next, so that a chain that
// changes meanwhile does not disturb the replay of a history.
func export(ctx workflow.Context, o order) (Outcome, error) {
	p := part{Run: o.Run, Ends: workflow.Now(ctx).Add(o.Timeout), Timeout: o.Timeout, Lease: o.Lease, Secrets: o.Secrets}
	summary := "first step"
	for {
		var done progress
		if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, activityOptions(o, summary)), activityName, p).Get(ctx, &done); err != nil {
			return "", err
		}
		if done.Outcome != "" {
			return done.Outcome, noteOutcome(ctx, o, done.Outcome)
		}
		p.Step, summary = done.Next, done.Next
		if done.Ran == "" { // another attempt has run it, or the chain is another one by now
			p.Step = ""
		}
	}
}

func activityOptions(o order, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		// An attempt may have to wait for the lease of one that was lost, and for the time
		// that a last step gets.
		StartToCloseTimeout: o.Timeout + 2*o.Lease + time.Minute,
		HeartbeatTimeout:    o.Lease,
		WaitForCancellation: true,
		// The ledger decides what an attempt does, so that there may be any number of them.
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second},
		Summary:     summary,
	}
}

func noteOutcome(ctx workflow.Context, o order, outcome Outcome) error {
	if err := workflow.UpsertMemo(ctx, map[string]any{AttributeOutcome: outcome}); err != nil {
		return err
	}
	if !o.Attributes {
		return nil
	}
	return workflow.UpsertTypedSearchAttributes(ctx, outcomeKey.ValueSet(string(outcome)))
}
