package folderledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/groupcommit"
	"github.com/exportpipeline/exportpipeline/internal/hostlock"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

func (l *ledger) Erase(ctx context.Context, organization string, annotation int64, except ...pipeline.RunID) error {
	prefix := annotationPrefix(organization, annotation)
	except = slices.Clone(except)
	return l.do(ctx, nil, func([]pipeline.Record) error {
		if err := l.erase(ctx, prefix, except); err != nil {
			return fmt.Errorf("ledger in the folder %s: erasing annotation %d: %w", l.dir, annotation, err)
		}
		return nil
	})
}

func (l *ledger) erase(ctx context.Context, prefix string, except []pipeline.RunID) error {
	if err := l.tidyDead(); err != nil { // a journal that nobody owns could bring a run back
		return err
	}
	lock, err := l.lockShard(ctx, prefix[:2])
	if err != nil {
		return err
	}
	defer lock.unlock()
	ids, err := l.inShard(prefix[:2], prefix)
	if err != nil {
		return err
	}
	ids = slices.DeleteFunc(ids, func(id pipeline.RunID) bool { return slices.Contains(except, id) })
	if err := l.announceErasing(ids); err != nil {
		return err
	}
	if err := l.removeFiles(ids); err != nil {
		return err
	}
	return l.forgetErased(ids, func(id pipeline.RunID) bool {
		return strings.HasPrefix(string(id), prefix) && !slices.Contains(except, id)
	})
}

// A run that is removed is named in the folder "erasing" until nothing of it is left:
// the machine may stop at any moment, and what journals hold of the run must not
// bring a part of it back.

// announceErasing names runs.
func (l *ledger) announceErasing(ids []pipeline.RunID) error {
	if len(ids) == 0 {
		return nil
	}
	if err := l.disk.Folder(l.path("erasing")); err != nil {
		return err
	}
	for _, id := range ids {
		f, err := l.disk.Open(l.path("erasing", string(id)), os.O_CREATE|os.O_RDWR)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return l.disk.SyncDir(l.path("erasing"))
}

func (l *ledger) isErasing(name string) bool {
	_, err := os.Stat(l.path("erasing", strings.TrimSuffix(path.Base(name), runSuffix)))
	return err == nil
}

// removeFiles removes the files of runs, for good.
func (l *ledger) removeFiles(ids []pipeline.RunID) error {
	shards := make(map[string]bool)
	for _, id := range ids {
		if err := errors.Join(l.disk.Remove(l.file(id)), l.disk.Remove(l.file(id)+".next"), l.disk.Remove(l.path("open", string(id)))); err != nil {
			return err
		}
		l.forget(id)
		shards[shard(id)] = true
	}
	for shard := range shards {
		if err := l.disk.SyncDir(l.path("runs", shard)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// forgetErased overwrites what journals hold of runs whose files are gone, and takes
// their names away. A writer that still has such a file looks after its own journal.
func (l *ledger) forgetErased(ids []pipeline.RunID, match func(pipeline.RunID) bool) error {
	err := groupcommit.Void(l.disk, l.path("journals"), "", func(file string) bool {
		return match(pipeline.RunID(strings.TrimSuffix(path.Base(file), runSuffix)))
	})
	if err = errors.Join(err, l.disk.SyncDir(l.path("journals"))); err != nil {
		return err
	}
	for _, id := range ids {
		if err := l.disk.Remove(l.path("erasing", string(id))); err != nil {
			return err
		}
	}
	return nil
}

// finishErasing removes what somebody had begun to remove.
func (l *ledger) finishErasing() error {
	entries, err := os.ReadDir(l.path("erasing"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(entries) == 0 {
		return err
	}
	var ids []pipeline.RunID
	for _, e := range entries {
		if id := pipeline.RunID(e.Name()); valid(id) {
			ids = append(ids, id)
		}
	}
	if err := l.removeFiles(ids); err != nil {
		return err
	}
	return l.forgetErased(ids, func(id pipeline.RunID) bool { return slices.Contains(ids, id) })
}

// tidyDead recovers what processes that are gone left, unless another does so now.
func (l *ledger) tidyDead() error {
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

func (l *ledger) Expire(ctx context.Context, age time.Duration) (int, error) {
	var total int
	err := l.do(ctx, nil, func([]pipeline.Record) error {
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

func (l *ledger) expire(ctx context.Context, age time.Duration) (n int, err error) {
	if err := l.tidyDead(); err != nil {
		return 0, err
	}
	var old []pipeline.RunID
	var unread []error
	for id, err := range l.names() {
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
		if err != nil {
			unread = append(unread, err)
			continue
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
		old = append(old, id)
		if !s.unborn() {
			n++
		}
	}
	if err := l.removeOld(old); err != nil {
		return 0, err
	}
	return n, errors.Join(append(unread, l.tidyOpen(ctx))...)
}

// removeOld removes runs to which nothing happens any more.
func (l *ledger) removeOld(ids []pipeline.RunID) error {
	if len(ids) == 0 {
		return nil
	}
	if err := l.announceErasing(ids); err != nil {
		return err
	}
	if err := l.removeFiles(ids); err != nil {
		return err
	}
	gone := make(map[pipeline.RunID]bool)
	for _, id := range ids {
		gone[id] = true
	}
	return l.forgetErased(ids, func(id pipeline.RunID) bool { return gone[id] })
}

// tidyOpen takes runs that have ended, or are gone, off the list of unended ones.
func (l *ledger) tidyOpen(ctx context.Context) error {
	entries, err := os.ReadDir(l.path("open"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		id := pipeline.RunID(e.Name())
		if !valid(id) {
			continue
		}
		if s, err := l.read(id); err == nil && !s.ended() && !s.unborn() || err != nil && !errors.Is(err, pipeline.ErrNoRun) {
			continue
		}
		lock, err := l.lockShard(ctx, shard(id))
		if err != nil {
			return err
		}
		s, err := l.read(id) // it may have come into being
		if errors.Is(err, pipeline.ErrNoRun) || err == nil && s.ended() {
			err = l.disk.Remove(l.path("open", string(id)))
		}
		lock.unlock()
		if err != nil {
			return err
		}
	}
	return nil
}
