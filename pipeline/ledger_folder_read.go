package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"time"
)

func (l *folderLedger) there(id RunID) bool {
	_, err := os.Stat(l.file(id))
	return err == nil
}

func (l *folderLedger) Load(ctx context.Context, id RunID) (run Run, err error) {
	var got Run
	err = l.do(ctx, nil, func([]Record) error {
		var records []Record
		s, err := l.readSteady(id, func(more []Record) { records = append(records, more...) }, func() { records = nil })
		switch {
		case err != nil:
			return l.explain("loading", id, err)
		case s.unborn():
			return fmt.Errorf("run %s: %w", id, ErrNoRun)
		}
		got = Run{l.judge(s), records}
		return nil
	})
	if err != nil {
		return Run{}, err
	}
	return got, nil
}

// info returns how a run is now; nil if it is not there.
func (l *folderLedger) info(id RunID) (*RunInfo, error) {
	s, err := l.readSteady(id, nil, func() {})
	switch {
	case errors.Is(err, ErrNoRun) || err == nil && s.unborn():
		return nil, nil
	case err != nil:
		return nil, l.explain("reading", id, err)
	case !s.born:
		return nil, l.explain("reading", id, errors.New("the file is damaged from its beginning"))
	}
	i := l.judge(s)
	return &i, nil
}

func (l *folderLedger) Find(ctx context.Context, q RunQuery) iter.Seq2[RunInfo, error] {
	return func(yield func(RunInfo, error) bool) {
		var ids []RunID
		if err := l.do(ctx, nil, func([]Record) (err error) { ids, err = l.candidates(q); return err }); err != nil {
			yield(RunInfo{}, err)
			return
		}
		n := 0
		for _, id := range ids {
			if q.Limit > 0 && n >= q.Limit || !q.Since.IsZero() && id.generation() < q.Since.UnixMicro() {
				return // a run has not begun after its generation
			}
			var info *RunInfo
			var single error
			if err := l.do(ctx, nil, func([]Record) error { info, single = l.info(id); return nil }); err != nil {
				yield(RunInfo{}, err)
				return
			}
			switch {
			case single != nil:
				if !yield(RunInfo{ID: id}, single) {
					return
				}
			case info != nil && q.fits(*info):
				if n++; !yield(*info, nil) {
					return
				}
			}
		}
	}
}

// candidates are the runs among which those that a query wants are, newest first.
func (l *folderLedger) candidates(q RunQuery) ([]RunID, error) {
	if q.Organization != "" && q.Annotation != 0 {
		prefix := RunKey{Organization: q.Organization, Annotation: q.Annotation}.annotationHash()
		return l.inShard(prefix[:2], prefix)
	}
	var ids []RunID
	if q.State == RunLive || q.State == RunAbandoned {
		entries, err := os.ReadDir(l.path("open"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			if id := RunID(e.Name()); id.valid() {
				ids = append(ids, id)
			}
		}
	} else {
		ids = slices.Collect(l.names())
	}
	slices.SortFunc(ids, newerID)
	return ids, nil
}

func (l *folderLedger) Wait(ctx context.Context, id RunID) (RunInfo, error) {
	pause := 5 * time.Millisecond
	for {
		var info *RunInfo
		if err := l.do(ctx, nil, func([]Record) (err error) { info, err = l.info(id); return err }); err != nil {
			return RunInfo{}, err
		}
		if info == nil {
			return RunInfo{}, fmt.Errorf("run %s: %w", id, ErrNoRun)
		}
		if info.State != RunLive {
			return *info, nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		pause = min(2*pause, 100*time.Millisecond)
	}
}
