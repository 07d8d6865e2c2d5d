package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// When makes a step run only where a condition holds:
//
//	pipeline.When(&pipeline.Condition{
//		Text:  "the total is large",
//		Reads: []string{"amount_total"},
//		Holds: func(_ context.Context, x *pipeline.Export) (bool, error) { … },
//	}, step)
//
// Package expression has conditions that are texts, such as field.amount_total > 1000. The
// condition is asked when the step is due, and before the first step, by the same rules as
// the conditions of a [Use]. Its error fails the step. A step that is left out says so in
// the report, and what reads its files passes quietly.
func When(c *Condition, s Step) Step { return &when{Step: s, condition: c} }

// when is a step with its condition.
type when struct {
	Step
	condition *Condition
}

// Unwrap returns the step itself.
func (w *when) Unwrap() Step { return w.Step }

// Run runs the step as it is if the condition holds.
func (w *when) Run(ctx context.Context, x *Export) error {
	program, err := w.Wrap(w.Step)
	if err != nil {
		return err
	}
	return program.Run(ctx, x)
}

// Wrap adds the condition.
func (w *when) Wrap(p Program) (Program, error) {
	c := w.condition
	if c == nil || c.Holds == nil {
		return nil, &StepError{Place: "condition", Err: errors.New("is nil, or has no Holds")}
	}
	return StepFunc(func(ctx context.Context, x *Export) error {
		holds, err := c.Holds(ctx, x)
		if err != nil {
			return &StepError{Place: "condition", Err: err}
		}
		if !holds {
			x.Decide("skipped: %s", c.untrue())
			for _, key := range w.makes() {
				x.Files.Skip(key, ReasonNotDue) // so that a step that reads it passes quietly
			}
			return nil
		}
		return p.Run(ctx, x)
	}), nil
}

// untrue says that the condition does not hold.
func (c *Condition) untrue() string {
	if c.Text == "" {
		return "its condition is not true"
	}
	return fmt.Sprintf("%s is not true", c.Text)
}

// makes lists the reference keys of the files that the step would have made.
func (w *when) makes() (keys []string) {
	if m, ok := Ability[Maker](w.Step); ok {
		keys = m.Makes()
	}
	if d, ok := Ability[Describer](w.Step); ok {
		for _, u := range d.Uses(0) {
			if u.Kind == UseMakes {
				keys = append(keys, u.Name)
			}
		}
	}
	return keys
}

// uses lists the fields that the condition cannot do without.
func (w *when) uses() []Use {
	if w.condition == nil {
		return nil // it is not part of a chain
	}
	var list []Use
	for _, id := range w.condition.Reads {
		if id != "" && !slices.Contains(w.condition.Optional, id) {
			list = append(list, Use{Kind: UseReads, Name: id, Place: "condition", Steers: true})
		}
	}
	return list
}
