package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/rossumrun"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// maxRecordedFiles is how many bytes of files a step may make that are recorded. With
// more, the step runs again when the run goes on, with the answers of the ledger.
const maxRecordedFiles = 4 << 20

// record returns what the ledger gets to know of a step that has ended.
func (x *Export) record(path string, report *StepReport, failures []error) (*stepRecord, error) {
	s := &stepRecord{Step: path, Messages: x.Messages, Report: report}
	for _, err := range failures {
		s.Failures = append(s.Failures, x.said(err.Error()))
	}
	if c := x.Annotation.Content; c != nil {
		changes, err := rossumrun.Changes(c)
		if err != nil {
			return nil, fmt.Errorf("recording step %s: %w", path, err)
		}
		s.Changes = changes
	}
	x.Files.record(s)
	return s, nil
}

// filesState is what records of steps have of the files beside the files. Records share it,
// and it is not changed.
type filesState struct {
	keys    []string
	skipped map[string]string
	gone    map[string]bool
}

// record adds the files that the ledger does not have yet.
func (f *Files) record(s *stepRecord) {
	f.mu.Lock()
	defer f.mu.Unlock()
	size := 0
	if !slices.Equal(f.last.keys, f.order) {
		f.last.keys = slices.Clone(f.order)
	}
	if !maps.Equal(f.last.skipped, f.skipped) {
		f.last.skipped = maps.Clone(f.skipped)
	}
	if !maps.Equal(f.last.gone, f.gone) {
		f.last.gone = maps.Clone(f.gone)
	}
	s.Keys, s.Skipped, s.Gone = f.last.keys, f.last.skipped, f.last.gone
	for _, key := range f.order {
		if f.recorded[key] != f.byKey[key] {
			s.Files = append(s.Files, f.byKey[key])
			size += len(f.byKey[key].Data)
		}
	}
	if size > maxRecordedFiles {
		s.Again, s.Files = true, nil
		return
	}
	if f.recorded == nil {
		f.recorded = make(map[string]*File)
	}
	for _, file := range s.Files {
		f.recorded[file.Key] = file
	}
}

// restore gives the export what it had when a step of an earlier process ended.
func (x *Export) restore(s *stepRecord) error {
	x.Messages = append([]rossum.Message(nil), s.Messages...)
	if c := x.Annotation.Content; c != nil && s.Changes != nil {
		if err := rossumrun.Restore(c, s.Changes); err != nil {
			return fmt.Errorf("going on after step %s: %w", s.Step, err)
		}
		rossumrun.TakeWritten(c) // formulas have followed
	}
	f := x.Files
	f.mu.Lock()
	defer f.mu.Unlock()
	f.order, f.skipped = nil, maps.Clone(s.Skipped)
	if f.skipped == nil {
		f.skipped = make(map[string]string)
	}
	if f.gone = maps.Clone(s.Gone); f.gone == nil {
		f.gone = make(map[string]bool)
	}
	kept := make(map[string]*File, len(s.Keys))
	for _, key := range s.Keys {
		if file := f.recorded[key]; file != nil {
			kept[key] = file
			f.order = append(f.order, key)
		}
	}
	f.byKey = kept
	return nil
}

// take notes the files of a step of an earlier process and of the steps in it, for
// restore.
func (f *Files) take(h *history, path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.recorded == nil {
		f.recorded = make(map[string]*File)
	}
	for _, within := range h.order { // those in a step have ended before it
		if within == path || strings.HasPrefix(within, path+"/") {
			for _, file := range h.steps[within].Files {
				f.recorded[file.Key] = file
			}
		}
	}
}

// past returns the record of a step that need not run again, nil if it must run.
func (x *Export) past(path string) *stepRecord {
	earlier := x.run.log.earlier
	if earlier == nil || x.diverged {
		return nil
	}
	s := earlier.steps[path]
	if s == nil || s.Again {
		return nil
	}
	return s
}

// failures are the errors of a step of an earlier process.
func (s *stepRecord) failures() []error {
	var all []error
	for _, text := range s.Failures {
		all = append(all, errors.New(text))
	}
	return all
}
