package folderledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/disk"
	"github.com/exportpipeline/exportpipeline/internal/hostlock"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

func (l *ledger) Claim(ctx context.Context, key pipeline.RunKey, o pipeline.ClaimOptions) (c pipeline.Claimed, err error) {
	if err := o.Check(); err != nil {
		return pipeline.Claimed{}, err
	}
	var got pipeline.Claimed
	err = l.do(ctx, o.First, func(first []pipeline.Record) error {
		o.First = first
		claimed, err := l.claim(ctx, key, o)
		for range 3 { // erased, or taken from us, meanwhile
			if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errLockBroken) {
				break
			}
			claimed, err = l.claim(ctx, key, o)
		}
		if err != nil {
			return l.explain("claiming", key.ID(0), err)
		}
		if err := ctx.Err(); err != nil { // nobody will know that it is theirs
			return errors.Join(err, l.letGo(claimed.Lease))
		}
		got = claimed
		return nil
	})
	if err != nil {
		return pipeline.Claimed{}, err
	}
	return got, nil
}

// letGo releases a lease that nobody got.
func (l *ledger) letGo(lease pipeline.Lease) error {
	unlock, err := l.running.lock(context.Background(), string(lease.Run))
	if err != nil {
		return err
	}
	defer unlock()
	return l.write(context.Background(), lease.Run, func(s *runState) (byte, frameMeta, error) {
		return releaseFrame, frameMeta{fence: lease.Fence}, s.counts(lease)
	})
}

func (l *ledger) claim(ctx context.Context, key pipeline.RunKey, o pipeline.ClaimOptions) (pipeline.Claimed, error) {
	lock, err := l.lockShard(ctx, shard(key.ID(0)))
	if err != nil {
		return pipeline.Claimed{}, err
	}
	c, err := l.claimLocked(ctx, key, o, lock)
	lock.unlock()
	if err == nil && !c.TakenOver && lock.broken {
		if err := l.confirm(ctx, c.Run); err != nil {
			return pipeline.Claimed{}, err
		}
	}
	return c, err
}

// claimLocked claims under the shard's lock, which it gives back as soon as it can.
func (l *ledger) claimLocked(ctx context.Context, key pipeline.RunKey, o pipeline.ClaimOptions, lock *shardLock) (pipeline.Claimed, error) {
	id := key.ID(0)
	ids, err := l.inShard(shard(id), keyPrefix(id))
	if err != nil {
		return pipeline.Claimed{}, err
	}
	if o.Resume != "" {
		if !slices.Contains(ids, o.Resume) {
			return pipeline.Claimed{}, fmt.Errorf("run %s: %w", o.Resume, pipeline.ErrNoRun)
		}
		ids = []pipeline.RunID{o.Resume}
	}
	for _, latest := range ids {
		c, done, err := l.claimAfter(ctx, key, o, latest, lock)
		if done || err != nil {
			return c, err
		}
	}
	if o.Resume != "" {
		return pipeline.Claimed{}, fmt.Errorf("run %s: %w", o.Resume, pipeline.ErrNoRun)
	}
	return l.begin(ctx, key, o, 0, lock)
}

// claimAfter claims the latest run of a key, or a new one after it; !done means that
// the file was no run's and is gone.
func (l *ledger) claimAfter(ctx context.Context, key pipeline.RunKey, o pipeline.ClaimOptions, latest pipeline.RunID, lock *shardLock) (c pipeline.Claimed, done bool, err error) {
	unlock, err := l.running.lock(ctx, string(latest)) // what this process writes to it is on the disk now
	if err != nil {
		return c, false, err
	}
	defer unlock()
	f, err := l.openLocked(ctx, latest)
	if err != nil {
		return c, false, err
	}
	defer f.Close()
	s, own, err := l.current(f, latest)
	if err != nil {
		return c, false, err
	}
	if s.unborn() {
		l.log.Warn("ledger: removing a file whose process stopped before its run began", "file", f.Name())
		return c, false, errors.Join(l.disk.Remove(f.Name()), l.disk.Remove(l.path("open", string(latest))))
	}
	switch info := l.judge(s); {
	case info.State == pipeline.RunLive:
		return c, false, &pipeline.BusyError{Run: info}
	case info.State == pipeline.RunAbandoned:
		c, err := l.takeOver(f.File, s, key, o, lock)
		return c, true, err
	case o.Resume != "":
		return c, false, fmt.Errorf("run %s: %w", latest, pipeline.ErrEnded)
	case info.Generation > o.After:
		return c, false, &pipeline.StaleError{Run: info}
	}
	if !own { // its end must not be lost when what follows lasts
		if err := errors.Join(f.Sync(), l.disk.SyncDir(filepath.Dir(f.Name()))); err != nil {
			return c, false, err
		}
	}
	lock.latest = f.File
	c, err = l.begin(ctx, key, o, s.Generation, lock)
	return c, true, err
}

// takeOver claims an abandoned run, whose file is locked.
func (l *ledger) takeOver(f *disk.File, s *runState, key pipeline.RunKey, o pipeline.ClaimOptions, lock *shardLock) (pipeline.Claimed, error) {
	m := frameMeta{records: o.First, fence: s.Fence + 1, process: l.instance, claim: s.RunInfo}
	if !s.born { // nothing of it can be read
		m.claim = pipeline.RunInfo{Key: key, Generation: generation(s.ID), Started: time.UnixMicro(generation(s.ID)).UTC(), Content: o.Content, Fingerprint: o.Fingerprint}
	}
	m.claim.Owner = o.Owner
	if err := l.renew(s, m.fence, o.Lease); err != nil {
		return pipeline.Claimed{}, err
	}
	if err := l.commit(f, s, false, claimFrame, m, lock.unlock); err != nil {
		return pipeline.Claimed{}, err
	}
	return pipeline.Claimed{Lease: pipeline.Lease{Run: s.ID, Fence: m.fence, Duration: o.Lease}, Run: l.claimed(s), TakenOver: true}, nil
}

// begin makes a new run's file. The shard is unlocked when it is there.
func (l *ledger) begin(ctx context.Context, key pipeline.RunKey, o pipeline.ClaimOptions, after int64, lock *shardLock) (pipeline.Claimed, error) {
	now := storeTime(l.now())
	generation, err := lock.generation(max(now.UnixMicro(), after+1))
	if err != nil {
		return pipeline.Claimed{}, err
	}
	s := &runState{RunInfo: pipeline.RunInfo{ID: key.ID(generation)}}
	f, err := l.create(s.ID)
	if errors.Is(err, fs.ErrExist) { // the lock was broken, and its breaker was as quick
		return pipeline.Claimed{}, errLockBroken
	}
	if err != nil {
		return pipeline.Claimed{}, err
	}
	unlock, err := l.running.lock(ctx, string(s.ID))
	if err != nil {
		return pipeline.Claimed{}, errors.Join(err, f.Close(), l.disk.Remove(f.Name()))
	}
	defer unlock()
	err = hostlock.Lock(ctx, f.File, true)
	if err == nil {
		l.useSpareLease(l.path("open", string(s.ID)))
		err = l.renew(s, 1, o.Lease)
	}
	if err == nil {
		m := frameMeta{records: o.First, fence: 1, process: l.instance, claim: pipeline.RunInfo{Owner: o.Owner, Key: key, Generation: generation, Started: now, Content: o.Content, Fingerprint: o.Fingerprint}}
		err = l.commit(f, s, true, claimFrame, m, lock.unlock)
	}
	if err != nil {
		return pipeline.Claimed{}, errors.Join(err, f.Close(), l.disk.Remove(l.path("open", string(s.ID))))
	}
	l.held.give(f)
	return pipeline.Claimed{Lease: pipeline.Lease{Run: s.ID, Fence: 1, Duration: o.Lease}, Run: l.claimed(s)}, nil
}

// confirm settles a new run that was made while another process broke the lock of
// its shard: it stays if it is still the only one. The caller holds nothing.
func (l *ledger) confirm(ctx context.Context, made pipeline.RunInfo) error {
	lock, err := l.lockShard(ctx, shard(made.ID))
	if err != nil {
		return err
	}
	defer lock.unlock()
	ids, err := l.inShard(shard(made.ID), keyPrefix(made.ID))
	if err != nil {
		return err
	}
	now, err := l.read(made.ID)
	if err != nil {
		return err
	}
	if len(ids) > 0 && ids[0] == made.ID && now.Fence == made.Fence && l.othersEnded(ids[1:]) {
		return nil
	}
	if now.Fence == made.Fence && now.Count == made.Count { // nobody has built on it
		return errors.Join(errLockBroken, l.removeOld([]pipeline.RunID{made.ID}))
	}
	return errLockBroken
}

func (l *ledger) othersEnded(ids []pipeline.RunID) bool {
	for _, id := range ids {
		if s, err := l.read(id); err != nil && !errors.Is(err, pipeline.ErrNoRun) || err == nil && !s.ended() && !s.unborn() {
			return false
		}
	}
	return true
}

// create makes a run's file, which must not be there.
func (l *ledger) create(id pipeline.RunID) (*disk.File, error) {
	name := l.file(id)
	if l.useSpareRun(name) {
		f, err := l.disk.Open(name, os.O_RDWR)
		if err != nil {
			return nil, errors.Join(err, l.disk.Remove(name))
		}
		return f, nil
	}
	f, err := l.disk.Open(name, os.O_CREATE|os.O_EXCL|os.O_RDWR)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := l.disk.Folder(filepath.Dir(name)); err != nil { // somebody has removed it
		return nil, err
	}
	return l.disk.Open(name, os.O_CREATE|os.O_EXCL|os.O_RDWR)
}
