package pipeline

import (
	"encoding/json"
	"fmt"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// snapshotVersion changes when an older program could not read a snapshot.
const snapshotVersion = 1

// snapshot is the state of an export between two steps. It has no token and no
// secret in it: they come back with the payload that Restore gets.
type snapshot struct {
	Version  int               `json:"version"`
	Request  string            `json:"request_id"`
	ID       int64             `json:"annotation"`
	Done     int               `json:"done"`               // steps of the chain that have run
	Failures []string          `json:"failures,omitempty"` // what they failed with
	Changes  json.RawMessage   `json:"changes"`
	Files    []*File           `json:"files"`
	Skipped  map[string]string `json:"skipped,omitempty"`
	Messages []rossum.Message  `json:"messages"`
	Sent     []journalled      `json:"sent"`
	Report   *Report           `json:"report"`
	// Progress is that of steps which were running, by path.
	Progress map[string]json.RawMessage `json:"progress,omitempty"`
}

type journalled struct {
	Sending
	Path string `json:"path"`
}

// Snapshot returns the state of the export as JSON, for [Restore]. It may be
// taken between two steps and in a checkpoint (see [WithCheckpoint]). Token and
// secrets are not in it, but the data of the document are: keep it as you would
// keep the document. The payload is not in it either; keep it beside.
func (x *Export) Snapshot() ([]byte, error) {
	s := snapshot{
		Version: snapshotVersion, Request: x.Payload.RequestID, ID: x.Annotation.ID,
		Done: x.run.done, Failures: x.run.failures, Messages: x.Messages, Report: x.run.report,
		Progress: x.run.progress.state(),
	}
	if c := x.Annotation.Content; c != nil {
		changes, err := c.Changes()
		if err != nil {
			return nil, fmt.Errorf("taking a snapshot: %w", err)
		}
		s.Changes = changes
	}
	s.Files, s.Skipped = x.Files.state()
	j := &x.run.journal
	j.mu.Lock()
	for _, e := range j.entries {
		s.Sent = append(s.Sent, journalled{*e, e.path})
	}
	j.mu.Unlock()
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("taking a snapshot: %w", err)
	}
	return data, nil
}

// Restore makes an export of a payload and the snapshot of an earlier run on
// the same payload, which was cut short. A chain then runs it from the first
// step that had not ended, which may itself go on behind what it had done; see
// [Export.KeepProgress]. A call that the earlier run had begun is not made again; the
// step fails with [ErrMaybeSent].
func Restore(p *rossum.Payload, data []byte, options ...Option) (*Export, error) {
	var s snapshot
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("restoring an export: %w", err)
	}
	x, err := NewExport(p, options...)
	if err != nil {
		return nil, fmt.Errorf("restoring an export: %w", err)
	}
	switch {
	case s.Version != snapshotVersion:
		return nil, fmt.Errorf("restoring an export: snapshot of version %d, this program reads %d", s.Version, snapshotVersion)
	case s.ID != x.Annotation.ID || s.Request != p.RequestID:
		return nil, fmt.Errorf("restoring an export: the snapshot is of annotation %d, request %q; the payload of %d, %q",
			s.ID, s.Request, x.Annotation.ID, p.RequestID)
	}
	if x.Annotation.Content != nil && s.Changes != nil {
		if err := x.Annotation.Content.Restore(s.Changes); err != nil {
			return nil, fmt.Errorf("restoring an export: %w", err)
		}
	}
	x.Messages, x.run.done = s.Messages, s.Done
	x.Files.restore(s.Files, s.Skipped)
	x.run.restore(s)
	return x, nil
}

func (r *run) restore(s snapshot) {
	if s.Report != nil {
		r.report = s.Report
	}
	r.restored, r.failures = true, s.Failures
	r.progress.byStep = s.Progress
	r.journal.earlier = make(map[string]*Sending)
	for _, e := range s.Sent {
		entry := e.Sending
		entry.path = e.Path
		r.journal.entries = append(r.journal.entries, &entry)
		r.journal.earlier[entry.path] = &entry
	}
}

func (f *Files) state() ([]*File, map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	files := make([]*File, len(f.order))
	for i, key := range f.order {
		files[i] = f.byKey[key]
	}
	return files, f.skipped
}

func (f *Files) restore(files []*File, skipped map[string]string) {
	for _, file := range files {
		f.byKey[file.Key] = file
		f.order = append(f.order, file.Key)
	}
	for key, why := range skipped {
		f.skipped[key] = why
	}
}
