package sftpexport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/sftpexport/internal/counter"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
)

// sftpCounter is the counter of a directory.
type sftpCounter struct {
	c         *connection
	directory string
}

func (s sftpCounter) Numbers(ctx context.Context) (numbers []int64, err error) {
	infos, err := list(ctx, s.c, s.directory)
	for _, info := range infos {
		if n, ok := counter.Number(info.Name()); ok {
			numbers = append(numbers, n)
		}
	}
	return numbers, err
}

func (s sftpCounter) Make(ctx context.Context, n int64) (bool, error) {
	path := naming.Join(s.directory, counter.Name(n))
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
	numbers, lookErr := s.Numbers(ctx)
	if lookErr == nil && counter.Highest(numbers) > n {
		return false, nil
	}
	return false, err
}

func (s sftpCounter) Remove(ctx context.Context, n int64) error {
	return do(ctx, func() error { return s.c.Remove(naming.Join(s.directory, counter.Name(n))) })
}

// Count takes the next number of a directory. When a connection is lost another
// number is taken.
func (d *sftpDestination) Count(ctx context.Context, directory string, mayMake bool) (n int64, err error) {
	err = d.repeat(ctx, func(c *connection) error {
		if err := d.directory(ctx, c, directory, mayMake); err != nil {
			return err
		}
		n, err = counter.Next(ctx, sftpCounter{c, directory})
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
		if strings.HasPrefix(info.Name(), HiddenPrefix) && info.Mode().IsRegular() && now.Sub(info.ModTime()) > leftoverAge {
			_ = do(ctx, func() error { return c.Remove(naming.Join(directory, info.Name())) })
		}
	}
}
