package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/groupcommit"
	"github.com/exportpipeline/exportpipeline/internal/hostlock"
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

func (l *folderLedger) Erase(ctx context.Context, organization string, annotation int64, except ...RunID) error {
	prefix := RunKey{Organization: organization, Annotation: annotation}.annotationHash()
	except = slices.Clone(except)
	return l.do(ctx, nil, func([]Record) error {
		if err := l.erase(ctx, prefix, except); err != nil {
			return fmt.Errorf("ledger in the folder %s: erasing annotation %d: %w", l.dir, annotation, err)
		}
		return nil
	})
}

func (l *folderLedger) erase(ctx context.Context, prefix string, except []RunID) error {
	if err := l.tidyDead(); err != nil { // a journal that nobody owns could bring a run back
		return err
	}
	shard := prefix[:2]
	lock, err := l.lockShard(ctx, shard)
	if err != nil {
		return err
	}
	defer lock.unlock()
	ids, err := l.inShard(shard, prefix)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if slices.Contains(except, id) {
			continue
		}
		if err := l.removeFiles(id); err != nil {
			return err
		}
		l.forget(id)
	}
	if err := l.disk.SyncDir(l.path("runs", shard)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// The files first: a writer looks after its journal whether its file is there.
	err = groupcommit.Void(l.disk, l.path("journals"), "", func(file string) bool {
		name := strings.TrimSuffix(file[strings.LastIndexByte(file, '/')+1:], runSuffix)
		return strings.HasPrefix(name, prefix) && !slices.Contains(except, RunID(name))
	})
	return errors.Join(err, l.disk.SyncDir(l.path("journals")))
}

// tidyDead recovers what processes that are gone left, unless another does so now.
func (l *folderLedger) tidyDead() error {
	lock, err := l.disk.Open(l.path("locks", "recover"), os.O_CREATE|os.O_RDWR)
	if err != nil {
		return err
	}
	defer lock.Close()
	if mine, err := hostlock.Try(lock.File, true); err != nil || !mine {
		return err
	}
	return l.recoverDead()
}

func (l *folderLedger) Expire(ctx context.Context, age time.Duration) (int, error) {
	var total int
	err := l.do(ctx, nil, func([]Record) error {
		n, err := l.expire(ctx, age)
		total = n
		if err != nil {
			return fmt.Errorf("ledger in the folder %s: removing old runs: %w", l.dir, err)
		}
		return nil
	})
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return 0, err
	}
	return total, err
}

func (l *folderLedger) expire(ctx context.Context, age time.Duration) (n int, err error) {
	if err := l.tidyDead(); err != nil {
		return 0, err
	}
	for id := range l.names() {
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
		info, err := os.Stat(l.file(id))
		if err != nil {
			continue
		}
		unchanged := l.now().Sub(info.ModTime()) // below 0 if the clock was set back
		if unchanged >= 0 && unchanged < age {
			continue // an ended run's file is not older than its end
		}
		s, err := l.read(id)
		switch {
		case err != nil:
			continue // one that can't be read is for a person, or a newer version
		case s.unborn() && unchanged < time.Hour:
			continue // it may be coming into being
		case !s.unborn() && (!s.ended() || l.now().Sub(s.Ended) < age):
			continue
		}
		if err := l.removeRun(ctx, id); err != nil {
			return n, err
		}
		if !s.unborn() {
			n++
		}
	}
	return n, l.tidyOpen(ctx)
}

func (l *folderLedger) removeRun(ctx context.Context, id RunID) error {
	lock, err := l.lockShard(ctx, id.shard())
	if err != nil {
		return err
	}
	defer lock.unlock()
	l.forget(id)
	return l.removeFiles(id)
}

func (l *folderLedger) removeFiles(id RunID) error {
	return errors.Join(l.disk.Remove(l.file(id)), l.disk.Remove(l.file(id)+".next"), l.disk.Remove(l.path("open", string(id))))
}

// tidyOpen takes runs that have ended, or are gone, off the list of unended ones.
func (l *folderLedger) tidyOpen(ctx context.Context) error {
	entries, err := os.ReadDir(l.path("open"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		id := RunID(e.Name())
		if !id.valid() {
			continue
		}
		if s, err := l.read(id); err == nil && !s.ended() && !s.unborn() || err != nil && !errors.Is(err, ErrNoRun) {
			continue
		}
		lock, err := l.lockShard(ctx, id.shard())
		if err != nil {
			return err
		}
		s, err := l.read(id) // it may have come into being
		if errors.Is(err, ErrNoRun) || err == nil && s.ended() {
			err = l.disk.Remove(l.path("open", string(id)))
		}
		lock.unlock()
		if err != nil {
			return err
		}
	}
	return nil
}
