package sftpexport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// counterMark begins the names of the hidden files that a counter consists of:
// one for each number that was handed out, of which the highest stays.
const counterMark = ".exportpipeline-seq-"

// counterFiles are the files of a counter.
type counterFiles interface {
	// numbers lists those there are.
	numbers(ctx context.Context) ([]int64, error)
	// make makes one that was not there; false if it was.
	make(ctx context.Context, n int64) (bool, error)
	remove(ctx context.Context, n int64) error
}

// next takes a number that nobody has had. A number is taken by the exclusive
// creation of its file. The file with the highest number is never removed, so if
// there is a higher one afterwards, ours may have been taken and removed before:
// then it is given up.
func next(ctx context.Context, files counterFiles) (int64, error) {
	for range 1000 {
		list, err := files.numbers(ctx)
		if err != nil {
			return 0, err
		}
		mine := highest(list) + 1
		made, err := files.make(ctx, mine)
		if err != nil {
			return 0, err
		}
		if !made {
			continue
		}
		list, err = files.numbers(ctx)
		if err != nil {
			return 0, err
		}
		ours := highest(list) == mine
		for _, n := range list {
			if n < mine || n == mine && !ours {
				_ = files.remove(ctx, n) // the next exporter does it
			}
		}
		if ours {
			return mine, nil
		}
	}
	return 0, errors.New("taking a number: too many exporters want one")
}

func highest(list []int64) (n int64) {
	for _, m := range list {
		n = max(n, m)
	}
	return n
}

func counterName(n int64) string { return fmt.Sprintf("%s%012d", counterMark, n) }

func counterNumber(name string) (int64, bool) {
	digits, ok := strings.CutPrefix(name, counterMark)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil && n > 0
}

// sftpCounter is the counter of a directory.
type sftpCounter struct {
	c         *connection
	directory string
}

func (s sftpCounter) numbers(ctx context.Context) (numbers []int64, err error) {
	infos, err := list(ctx, s.c, s.directory)
	for _, info := range infos {
		if n, ok := counterNumber(info.Name()); ok {
			numbers = append(numbers, n)
		}
	}
	return numbers, err
}

func (s sftpCounter) make(ctx context.Context, n int64) (bool, error) {
	path := joinPath(s.directory, counterName(n))
	err := do(ctx, func() error {
		f, err := s.c.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		if err != nil {
			return err
		}
		return f.Close()
	})
	if err == nil || isLost(err) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		return err == nil, err
	}
	// Servers have no code of their own for a name that is taken. One that was
	// removed meanwhile was taken too.
	if there, _, lookErr := look(ctx, s.c, path, ""); lookErr != nil || there == present {
		return false, lookErr
	}
	numbers, lookErr := s.numbers(ctx)
	if lookErr == nil && highest(numbers) > n {
		return false, nil
	}
	return false, err
}

func (s sftpCounter) remove(ctx context.Context, n int64) error {
	return do(ctx, func() error { return s.c.Remove(joinPath(s.directory, counterName(n))) })
}

// Count takes the next number of a directory. When a connection is lost another
// number is taken.
func (d *sftpDestination) Count(ctx context.Context, directory string, mayMake bool) (n int64, err error) {
	err = d.repeat(ctx, func(c *connection) error {
		if err := d.directory(ctx, c, directory, mayMake); err != nil {
			return err
		}
		n, err = next(ctx, sftpCounter{c, directory})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("taking the next number in %q: %w", directory, err)
	}
	return n, nil
}

// How old a hidden file must be to be a leftover of a crash, and how often a
// directory is looked at for some.
const (
	leftoverAge = 24 * time.Hour
	sweepEvery  = 6 * time.Hour
)

// sweep removes leftovers. now is the time by the server's clock, which is the
// one that made the times of its files. What cannot be removed stays.
func (d *sftpDestination) sweep(ctx context.Context, c *connection, directory string, now time.Time) {
	if last, ok := d.pool.swept.Load(directory); ok && time.Since(last.(time.Time)) < sweepEvery {
		return
	}
	d.pool.swept.Store(directory, time.Now())
	infos, err := list(ctx, c, directory)
	if err != nil {
		return
	}
	for _, info := range infos {
		if strings.HasPrefix(info.Name(), Mark) && info.Mode().IsRegular() && now.Sub(info.ModTime()) > leftoverAge {
			_ = do(ctx, func() error { return c.Remove(joinPath(directory, info.Name())) })
		}
	}
}
