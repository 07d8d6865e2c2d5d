package folderledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

func (l *ledger) there(id pipeline.RunID) bool {
	_, err := os.Stat(l.file(id))
	return err == nil
}

func (l *ledger) Load(ctx context.Context, id pipeline.RunID) (run pipeline.Run, err error) {
	var got pipeline.Run
	err = l.do(ctx, nil, func([]pipeline.Record) error {
		var records []pipeline.Record
		s, err := l.readSteady(id, func(more []pipeline.Record) { records = append(records, more...) }, func() { records = nil })
		switch {
		case err != nil:
			return l.explain("loading", id, err)
		case s.unborn():
			return fmt.Errorf("run %s: %w", id, pipeline.ErrNoRun)
		}
		got = pipeline.Run{RunInfo: l.judge(s), Records: records}
		return nil
	})
	if err != nil {
		return pipeline.Run{}, err
	}
	return got, nil
}

// info returns how a run is now; nil if it is not there.
func (l *ledger) info(id pipeline.RunID) (*pipeline.RunInfo, error) {
	s, err := l.readSteady(id, nil, func() {})
	switch {
	case errors.Is(err, pipeline.ErrNoRun) || err == nil && s.unborn():
		return nil, nil
	case err != nil:
		return nil, l.explain("reading", id, err)
	case !s.born:
		return nil, l.explain("reading", id, errors.New("the file is damaged from its beginning"))
	}
	i := l.judge(s)
	return &i, nil
}

func (l *ledger) Find(ctx context.Context, q pipeline.RunQuery) iter.Seq2[pipeline.RunInfo, error] {
	return func(yield func(pipeline.RunInfo, error) bool) {
		var ids []pipeline.RunID
		if err := l.do(ctx, nil, func([]pipeline.Record) (err error) { ids, err = l.candidates(q); return err }); err != nil {
			yield(pipeline.RunInfo{}, err)
			return
		}
		n := 0
		for _, id := range ids {
			if q.Limit > 0 && n >= q.Limit || !q.Since.IsZero() && generation(id) < q.Since.UnixMicro() {
				return // a run has not begun after its generation
			}
			var info *pipeline.RunInfo
			var single error
			if err := l.do(ctx, nil, func([]pipeline.Record) error { info, single = l.info(id); return nil }); err != nil {
				yield(pipeline.RunInfo{}, err)
				return
			}
			switch {
			case single != nil:
				if !yield(pipeline.RunInfo{ID: id}, single) {
					return
				}
			case info != nil && q.Matches(*info):
				if n++; !yield(*info, nil) {
					return
				}
			}
		}
	}
}

// candidates are the runs among which those that a query wants are, newest first.
func (l *ledger) candidates(q pipeline.RunQuery) ([]pipeline.RunID, error) {
	if q.Organization != "" && q.Annotation != 0 {
		prefix := annotationPrefix(q.Organization, q.Annotation)
		return l.inShard(prefix[:2], prefix)
	}
	var ids []pipeline.RunID
	if q.State == pipeline.RunLive || q.State == pipeline.RunAbandoned {
		entries, err := os.ReadDir(l.path("open"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			if id := pipeline.RunID(e.Name()); valid(id) {
				ids = append(ids, id)
			}
		}
	} else {
		for id, err := range l.names() {
			if err != nil {
				return nil, fmt.Errorf("ledger in the folder %s: looking for runs: %w", l.dir, err)
			}
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, newerID)
	return ids, nil
}

func (l *ledger) Wait(ctx context.Context, id pipeline.RunID) (pipeline.RunInfo, error) {
	pause := 5 * time.Millisecond
	for {
		var info *pipeline.RunInfo
		if err := l.do(ctx, nil, func([]pipeline.Record) (err error) { info, err = l.info(id); return err }); err != nil {
			return pipeline.RunInfo{}, err
		}
		if info == nil {
			return pipeline.RunInfo{}, fmt.Errorf("run %s: %w", id, pipeline.ErrNoRun)
		}
		if info.State != pipeline.RunLive {
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
