// Package hostlock has what processes of one host agree by: locks of files, which
// the system gives back when a process ends in whatever way, and a clock that
// nobody can set.
//
// Locks are flock(2) on Unix and LockFileEx on Windows. Both belong to the open
// file, so that two files opened by one process exclude each other as well. They
// say nothing between hosts.
package hostlock

import (
	"context"
	"os"
	"time"
)

// Try locks an open file, exclusively or shared, if that can be done at once.
func Try(f *os.File, exclusive bool) (locked bool, err error) { return try(f, exclusive) }

// Lock locks an open file, waiting for others until ctx ends.
func Lock(ctx context.Context, f *os.File, exclusive bool) error {
	pause := 50 * time.Microsecond
	for {
		if locked, err := try(f, exclusive); locked || err != nil {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		pause = min(2*pause, 5*time.Millisecond)
	}
}

// Unlock gives a lock back. Closing the file does so, too.
func Unlock(f *os.File) error { return unlock(f) }

// Now is the time since an epoch. Times of one epoch can be compared between
// processes; where the system has such a clock (Linux: CLOCK_BOOTTIME, its epoch
// is the boot) setting the machine's clock does not touch it, and it counts the
// time that the machine slept. Elsewhere the epoch is "wall", and the time that of
// the machine's clock.
func Now() (at time.Duration, epoch string) { return now() }
