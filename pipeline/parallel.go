package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/exportpipeline/exportpipeline/internal/rossumrun"
)

// parallel is steps that are to run side by side.
type parallel struct{ branches []Step }

// branches are a compiled parallel.
type branches []link

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

// Steps returns the branches.
func (p *parallel) Steps() []Step { return slices.Clone(p.branches) }

// ListensTo reports that it runs on every event: the branches decide.
func (p *parallel) ListensTo(event, action string) bool { return true }

// Compile compiles every branch.
func (p *parallel) Compile() (Program, error) {
	links, faults := compile(p.branches, func(i int) *StepError { return &StepError{Err: fmt.Errorf("branch %d is nil", i+1)} })
	if len(faults) > 0 {
		_ = closeLinks(links) // of branches that never ran
		return nil, errors.Join(faults...)
	}
	return branches(links), nil
}

// Run compiles the branches for this one run.
func (p *parallel) Run(ctx context.Context, x *Export) error {
	program, err := p.Compile()
	if err != nil {
		return err
	}
	return errors.Join(program.Run(ctx, x), program.(branches).Close())
}

// Close closes every branch.
func (b branches) Close() error { return closeLinks(b) }

// Run runs the branches and merges what they did.
func (b branches) Run(ctx context.Context, x *Export) error {
	views := make([]*Export, len(b))
	reports := make([]StepReport, len(b)) // one each, so that the order of the report is that of the branches
	faults := make([]error, len(b))
	for i := range b {
		views[i] = x.view()
	}
	var wait sync.WaitGroup
	for i := range b {
		branch := &b[i]
		wait.Go(func() {
			s := &scope{x: views[i], parent: &reports[i], at: x.at}
			if !listensTo(branch.step, x.Payload.Event, x.Payload.Action) {
				s.notRun(branch, "not for "+x.Payload.Event+"."+x.Payload.Action)
				return
			}
			faults[i] = s.run(ctx, branch)
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
	v.diverged = false // a branch has records of its own
	if v.Rossum != nil {
		v.Rossum = v.Rossum.Announced(announcer{&v})
	}
	return &v
}

// merge brings the views' results into x, in order.
func (x *Export) merge(views []*Export) error {
	contents := make([]any, 0, len(views)) // each a *rossum.Content
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
	conflicts, err := rossumrun.Merge(x.Annotation.Content, contents)
	if err != nil {
		return fmt.Errorf("merging the changes of parallel branches: %w", err)
	}
	for _, c := range conflicts {
		x.Decide("conflict: two branches changed one field: %s", c)
	}
	return nil
}

// drop removes a file, of a view from what it sees.
func (f *Files) drop(key string) {
	delete(f.byKey, key)
	f.order = slices.DeleteFunc(f.order, func(known string) bool { return known == key })
	if f.base != nil {
		f.gone[key] = true
	}
}

// merge takes over the files of a branch and returns the keys that another
// branch had made as well.
func (f *Files) merge(branch *Files, made map[string]bool) (conflicts []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key := range branch.gone {
		if !made[key] { // not what another branch has made meanwhile
			f.drop(key)
		}
	}
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
