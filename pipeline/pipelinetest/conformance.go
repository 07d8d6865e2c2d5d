package pipelinetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// Case is a situation that a step is tested in.
type Case struct {
	Name string
	Call *rossumtest.Call
	// Options of the runs, such as pipeline.WithOriginal.
	Options []pipeline.Option
	// Fails says that the step returns an error or shows an error message here.
	Fails bool
}

// The rules of [TestStep].
var (
	errOutcome     = errors.New("the step ends otherwise than the case says")
	errCancel      = errors.New("the step does not end with its context")
	errPanicked    = errors.New("the step panics")
	errKilledRun   = errors.New("the step does not go on as if nothing had happened")
	errConcurrent  = errors.New("the step's result depends on other runs")
	errSecret      = errors.New("the step shows a secret")
	errLeak        = errors.New("the step leaves goroutines behind")
	errValidate    = errors.New("the step cannot be checked twice")
	errNotFinished = errors.New("still running")
)

// patience is how long a step may take after its context has ended.
const patience = 5 * time.Second

// TestStep checks that a step keeps the promises of [pipeline.Step] in each case:
// it ends as the case says, ends when its context does, goes on after a process that
// was killed as if nothing had happened, gives many exports with different data at once what it gives each of
// them alone (run it with -race), shows no secret in messages, logs, report and
// errors, and leaves no goroutine behind. As in [Run], HTTP calls reach this
// machine only.
//
// Each case is run a few dozen times, in the last of them with other numbers in
// its fields, so a case that talks to a server needs one that takes that. A step
// that is a [pipeline.Closer], and what a [pipeline.Compiler] makes, is closed before
// goroutines are counted.
func TestStep(t *testing.T, step pipeline.Step, cases ...Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			if err := CheckStep(t.Context(), step, c); err != nil {
				t.Error(err)
			}
		})
	}
}

// CheckStep does what [TestStep] does for one case and returns every violation,
// joined.
func CheckStep(ctx context.Context, step pipeline.Step, c Case) error {
	if step == nil {
		return errors.New("checking a step: the step is nil")
	}
	if c.Call == nil {
		return errors.New("checking a step: Case.Call is nil")
	}
	before := goleak.IgnoreCurrent()
	options, closeConnections := loopbackOnly(c.Options)
	c.Options = options
	var faults []error
	for _, check := range []func(context.Context, pipeline.Step, Case) error{checkOutcome, checkCancel, checkKilled, checkConcurrent, checkSecrets} {
		faults = append(faults, check(ctx, step, c))
	}
	if c, ok := step.(pipeline.Closer); ok {
		faults = append(faults, c.Close())
	}
	closeConnections()
	if err := goleak.Find(before); err != nil {
		faults = append(faults, fmt.Errorf("%w: %w", errLeak, err))
	}
	return errors.Join(faults...)
}

func failed(r Result) bool { return r.Err != nil || r.Response.Failed() }

func checkOutcome(ctx context.Context, step pipeline.Step, c Case) error {
	r, err := run(ctx, step, c.Call, c.Options...)
	if err != nil {
		return fmt.Errorf("%w: %w", errOutcome, err)
	}
	if v, ok := step.(pipeline.Validator); ok && v.Validate() != nil {
		return fmt.Errorf("%w: %w", errValidate, v.Validate())
	}
	switch {
	case errors.Is(r.Err, pipeline.ErrPanic):
		return fmt.Errorf("%w: %w", errPanicked, r.Err)
	case failed(r) != c.Fails:
		return fmt.Errorf("%w: error %v, messages %v", errOutcome, r.Err, r.Response.Messages) //nolint:errorlint // may be nil
	}
	return nil
}

// checkCancel runs the step with a context that has ended, and with one that
// ends meanwhile.
func checkCancel(ctx context.Context, step pipeline.Step, c Case) error {
	for _, after := range []time.Duration{0, time.Millisecond, 20 * time.Millisecond} {
		ctx, cancel := context.WithCancel(ctx)
		if after == 0 {
			cancel()
		} else {
			time.AfterFunc(after, cancel)
		}
		x, err := pipeline.NewExport(c.Call.Payload(), c.Options...)
		if err != nil {
			cancel()
			return err
		}
		done := make(chan error, 1)
		go func() {
			defer func() {
				if recover() != nil {
					done <- errPanicked
				}
			}()
			done <- step.Run(ctx, x)
		}()
		select {
		case err = <-done:
		case <-time.After(after + patience):
			err = errNotFinished
		}
		cancel()
		if errors.Is(err, errNotFinished) || errors.Is(err, errPanicked) {
			return fmt.Errorf("%w: %w, %v after the end", errCancel, err, patience)
		}
	}
	return nil
}

// outcome is what two runs must have in common.
type outcome struct {
	failed     bool
	messages   int
	operations string
	files      int
	values     map[string]string
}

func outcomeOf(r Result) outcome {
	operations, _ := json.Marshal(r.Response.Operations) // of texts
	return outcome{failed(r), len(r.Response.Messages), string(operations), len(r.Files), r.Values}
}

// maxWrites bounds the writes at which a process is killed.
const maxWrites = 12

// checkKilled kills a process at each of its writes to the ledger and has another one go
// on: what it leaves must be what an undisturbed run leaves, unless a call was begun of
// which nobody can know whether it was made.
func checkKilled(ctx context.Context, step pipeline.Step, c Case) error {
	plain, err := run(ctx, step, c.Call, c.Options...)
	if err != nil {
		return err
	}
	chain, err := observed(step)
	if err != nil {
		return err
	}
	defer chain.Close()
	for at := 1; at <= maxWrites; at++ {
		for _, done := range []bool{false, true} {
			dead, err := killed(ctx, chain, c, plain, at, done)
			if err != nil {
				return fmt.Errorf("%w: killed at write %d to the ledger (done: %v): %w", errKilledRun, at, done, err)
			}
			if !dead {
				return nil // it had fewer writes
			}
		}
	}
	return nil
}

func killed(ctx context.Context, chain *pipeline.Chain, c Case, plain Result, at int, done bool) (dead bool, err error) {
	ledger := pipeline.MemoryLedger()
	first, mortal := mortal.New(ctx, ledger, at, done)
	journal, err := pipeline.NewJournal(first, pipeline.JournalOptions{})
	if err != nil {
		return false, err
	}
	_ = runChain(mortal, chain, c.Call.Payload(), append(c.Options[:len(c.Options):len(c.Options)], pipeline.WithJournal(journal))...)
	if err := first.Bury(ctx); err != nil || !first.Dead() {
		return false, err
	}
	for info, err := range ledger.Find(ctx, pipeline.RunQuery{State: pipeline.RunEnded}) {
		if err != nil || info.ID != "" {
			return true, err // it had ended: its answer is given out, and nothing runs
		}
	}
	second, err := pipeline.NewJournal(ledger, pipeline.JournalOptions{})
	if err != nil {
		return true, err
	}
	r := runChain(ctx, chain, c.Call.Payload(), append(c.Options[:len(c.Options):len(c.Options)], pipeline.WithJournal(second))...)
	if errors.Is(r.Err, pipeline.ErrUnsettled) {
		return true, nil
	}
	got, want := outcomeOf(r), outcomeOf(plain)
	// What looks at files and values has ended in the first process.
	got.files, got.values, want.files, want.values = 0, nil, 0, nil
	if !reflect.DeepEqual(got, want) {
		return true, fmt.Errorf("it left %+v, undisturbed %+v (error %w)", got, want, r.Err)
	}
	return true, nil
}

// Canaries are the secrets that [TestStep] puts into the payload.
const (
	canarySecret = "canary-secret-f3b1c2"
	canaryToken  = rossumtest.Token
)

// withCanaries returns the call's payload with a secret and, if it has no token,
// with one that fits no server.
func withCanaries(call *rossumtest.Call) *rossum.Payload {
	p := call.Clone().With(rossumtest.Secret("pipelinetest_canary", canarySecret)).Payload()
	if p.Token == "" {
		p.Token = canaryToken
	}
	return p
}

// checkSecrets gives the step secrets and looks for them where they must not be.
func checkSecrets(ctx context.Context, step pipeline.Step, c Case) error {
	r, err := runPayload(ctx, step, withCanaries(c.Call), c.Options...)
	if err != nil {
		return err
	}
	report, err := json.Marshal(r.Report)
	if err != nil {
		return err
	}
	response, err := json.Marshal(r.Response)
	if err != nil {
		return err
	}
	for name, text := range map[string]string{"the answer": string(response), "the log": r.Log, "the report": string(report) + r.Report.Text(), "the error": fmt.Sprint(r.Err)} {
		if strings.Contains(text, canarySecret) || strings.Contains(text, canaryToken) {
			return fmt.Errorf("%w in %s", errSecret, name)
		}
	}
	for key, data := range r.Files {
		if strings.Contains(string(data), canarySecret) || strings.Contains(string(data), canaryToken) {
			return fmt.Errorf("%w in the file %q", errSecret, key)
		}
	}
	return nil
}
