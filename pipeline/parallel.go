package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// parallel runs steps side by side.
type parallel struct{ branches []Step }

// Parallel makes one step of several branches, usually chains, that run at the
// same time. Each branch works on its own view of the export and does not see
// what the others do. When all have ended, their changes, files and messages
// are merged in the order of the arguments; where two branches wrote the same
// datapoint or the same reference key the later one wins, and the report says so.
//
// A branch that fails does not stop the others, since they may be in the middle
// of a call; the errors are joined.
func Parallel(branches ...Step) Step { return &parallel{slices.Clone(branches)} }

// Name returns "parallel".
func (p *parallel) Name() string { return "parallel" }

// Validate checks every branch.
func (p *parallel) Validate() error {
	var faults []error
	for i, b := range p.branches {
		if b == nil {
			faults = append(faults, fmt.Errorf("branch %d is nil", i+1))
			continue
		}
		faults = append(faults, wrapAll(NameOf(b), validate(b))...)
	}
	return errors.Join(faults...)
}

// ListensTo reports that it runs on every event: the branches decide.
func (p *parallel) ListensTo(event, action string) bool { return true }

// Close closes every branch.
func (p *parallel) Close() error {
	var faults []error
	for _, b := range p.branches {
		faults = append(faults, closeStep(b))
	}
	return errors.Join(faults...)
}

// Run runs the branches and merges what they did.
func (p *parallel) Run(ctx context.Context, x *Export) error {
	views := make([]*Export, len(p.branches))
	reports := make([]StepReport, len(p.branches)) // one each, so that the order of the report is that of the branches
	faults := make([]error, len(p.branches))
	for i := range p.branches {
		views[i] = x.view()
	}
	var wait sync.WaitGroup
	for i, b := range p.branches {
		wait.Go(func() {
			s := &scope{x: views[i], parent: &reports[i], path: x.path}
			if !listensTo(b, x.Payload.Event, x.Payload.Action) {
				s.notRun(b, "not for "+x.Payload.Event+"."+x.Payload.Action)
				return
			}
			faults[i] = s.run(ctx, b, i)
		})
	}
	wait.Wait()
	for i := range reports {
		x.step.add(func(s *StepReport) { s.Steps = append(s.Steps, reports[i].Steps...) })
	}
	faults = append(faults, x.merge(views))
	return errors.Join(faults...)
}

// view makes an independent export of the same run.
func (x *Export) view() *Export {
	v := *x
	v.Messages = nil
	v.Secrets = maps.Clone(x.Secrets)
	annotation := *x.Annotation
	if annotation.Content != nil {
		annotation.Content = annotation.Content.Clone()
	}
	v.Annotation = &annotation
	payload := *x.Payload
	payload.Annotation = v.Annotation
	v.Payload = &payload
	v.Files = newFiles(&v, x.Files.store)
	v.Files.base = x.Files
	return &v
}

// merge brings the views' results into x, in order.
func (x *Export) merge(views []*Export) error {
	contents := make([]*rossum.Content, 0, len(views))
	before := maps.Clone(x.Secrets)
	made := make(map[string]bool) // keys of files that a branch has made
	for _, v := range views {
		x.Messages = append(x.Messages, v.Messages...)
		for name, secret := range v.Secrets {
			if before[name] != secret {
				x.Secrets[name] = secret
			}
		}
		for _, key := range x.Files.merge(v.Files, made) {
			x.Decide("conflict: two branches made the file %q; the later branch won", key)
		}
		if v.Annotation.Content != nil {
			contents = append(contents, v.Annotation.Content)
		}
	}
	if x.Annotation.Content == nil {
		return nil
	}
	conflicts, err := x.Annotation.Content.Merge(contents...)
	if err != nil {
		return fmt.Errorf("merging the changes of parallel branches: %w", err)
	}
	for _, c := range conflicts {
		x.Decide("conflict: two branches changed one field: %v", c)
	}
	return nil
}

// merge takes over the files of a branch and returns the keys that another
// branch had made as well.
func (f *Files) merge(branch *Files, made map[string]bool) (conflicts []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range branch.order {
		if made[key] {
			conflicts = append(conflicts, key)
		}
		made[key] = true
		if f.byKey[key] == nil {
			f.order = append(f.order, key)
		}
		f.byKey[key] = branch.byKey[key]
		delete(f.skipped, key)
	}
	for key, why := range branch.skipped {
		if f.byKey[key] == nil {
			f.skipped[key] = why
		}
	}
	return conflicts
}
