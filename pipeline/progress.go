package pipeline

import (
	"context"
	"encoding/json"
	"maps"
	"sync"
)

// progress is how far running steps have come that can go on in their middle, by
// path.
type progress struct {
	mu     sync.Mutex
	byStep map[string]json.RawMessage
}

// KeepProgress notes what the running step needs to go on behind what it has done so
// far, and has a checkpoint saved, if the program wants those ([WithCheckpoint]);
// otherwise state is not called. A step that makes several calls which must not be
// made twice uses it after each reply. State returns JSON, which becomes a part of
// [Export.Snapshot]: it must not carry secrets. The error is that of state or of the
// checkpoint. It is safe for branches of [Parallel].
func (x *Export) KeepProgress(ctx context.Context, state func() (json.RawMessage, error)) error {
	if x.run.config.checkpoint == nil {
		return nil
	}
	made, err := state()
	if err != nil {
		return err
	}
	p := &x.run.progress
	p.mu.Lock()
	if p.byStep == nil {
		p.byStep = make(map[string]json.RawMessage)
	}
	p.byStep[x.path] = made
	p.mu.Unlock()
	return x.checkpoint(ctx)
}

// Progress returns what [Export.KeepProgress] noted for the running step in an
// earlier run that was cut short; nil if there is nothing.
func (x *Export) Progress() json.RawMessage {
	p := &x.run.progress
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byStep[x.path]
}

// end forgets the progress of a step that has ended.
func (p *progress) end(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byStep, path)
}

func (p *progress) state() map[string]json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.byStep)
}
