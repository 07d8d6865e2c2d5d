package pipeline

import (
	"context"
	"errors"
	"fmt"
)

// ErrNeedsCall means that a run which goes on from the ledger alone lacks a secret, or a
// client of Rossum's API, that its hook call may have had and the program does not give
// ([WithSecrets], [WithRossum]). It was stopped before the step that needs it, and goes on
// from there when its hook is called again.
var ErrNeedsCall = errors.New("the export was cut short, and what it needs to go on came with the hook call and is not kept; " +
	"export again: it goes on from there, and what was sent is not sent again")

// isBare reports whether the run goes on without the token and the secrets of its hook call.
func (x *Export) isBare() bool {
	return x.run.config.keep.Resume != "" && x.run.bare && x.run.log.isKept()
}

// waitForCall leaves a run before a step if that or a later one may need a secret that is
// not there: it would fail for good, although nothing is wrong with it, and the next export
// would make all its calls anew.
func (x *Export) waitForCall(ctx context.Context, path string) error {
	c := x.run.bareChain
	if c == nil {
		return nil
	}
	facts, err := x.schemaFacts()
	if err != nil {
		return err
	}
	j := x.newJudge(ctx, facts)
	if lacks := j.lacksSecret(c.flowFrom(c.outlineFor(x.target()), path)); lacks != nil {
		return x.leaveForCall(lacks)
	}
	x.run.bareChain = nil // the later steps are looked at by now
	return nil
}

// leaveForCall ends the run here, for the next hook call to go on with.
func (x *Export) leaveForCall(lacks error) error {
	err := fmt.Errorf("%w: %w", lacks, ErrNeedsCall)
	x.run.log.leave(err)
	return err
}

// lacksSecret returns what is missing first among the secrets that steps may need.
func (j *judge) lacksSecret(f *flow) error {
	for _, u := range f.uses {
		if u.Kind != UseSecret || u.Optional || u.aside || u.hook == nil && u.before.learnt[u.Name] || !j.matters(u) || j.chance(u) == never {
			continue
		}
		if err := u.lacks(j.secrets(u.hook)); err != nil {
			return &StepError{Step: u.step, Place: u.Place, Err: err}
		}
	}
	return nil
}

// leave ends the run's context, for a reason that leaves the run.
func (l *runLog) leave(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lose != nil {
		l.lose(why)
	}
}
