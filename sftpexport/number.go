package sftpexport

import (
	"context"
	"errors"
	"slices"

	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
)

// maxBlind is how many names are tried on a server that does not show which are taken.
const maxBlind = 100

// commitNumbered gives the file the first name that is free: its own, or one with a
// number.
func (s *sftpStaged) commitNumbered(ctx context.Context) (string, error) {
	path := s.numbered(0)
	err := s.giveName(ctx, path)
	if !errors.Is(err, ErrExists) && !errors.Is(err, errMaybeTaken) {
		return path, err
	}
	n, err := s.freeNumber(ctx)
	if err != nil {
		return path, err
	}
	for blind := 0; ; n++ {
		path = s.numbered(n)
		err := s.giveName(ctx, path)
		if errors.Is(err, errMaybeTaken) {
			blind++
		}
		if !errors.Is(err, ErrExists) && !errors.Is(err, errMaybeTaken) || n >= naming.MaxNumber || blind >= maxBlind {
			return path, err
		}
	}
}

func (s *sftpStaged) numbered(n int) string {
	if n == 0 {
		return s.file.Path()
	}
	return naming.Join(s.file.Directory, naming.Numbered(s.file.Name, n))
}

// freeNumber is the lowest number that nobody has, or 1 if that may not be known. A
// directory that may not be listed is looked at name by name: steps that double, then
// halves.
func (s *sftpStaged) freeNumber(ctx context.Context) (free int, err error) {
	free = 1
	err = s.d.repeat(ctx, func(c *connection) error {
		infos, err := list(ctx, c, s.file.Directory)
		if err == nil {
			names := make([]string, 0, len(infos))
			for _, info := range infos {
				names = append(names, info.Name())
			}
			slices.Sort(names)
			for free = 1; free < naming.MaxNumber; free++ {
				if _, found := slices.BinarySearch(names, naming.Numbered(s.file.Name, free)); !found {
					break
				}
			}
			return nil
		}
		if isLost(err) {
			return err
		}
		free, err = s.searchNumber(ctx, c)
		return err
	})
	return free, err
}

func (s *sftpStaged) searchNumber(ctx context.Context, c *connection) (int, error) {
	low, high := 0, 1 // low is taken
	for high < naming.MaxNumber {
		there, _, err := look(ctx, c, s.numbered(high), s.temp)
		if err != nil || there == unseen {
			return 1, err
		}
		if there == absent {
			break
		}
		low, high = high, min(2*high, naming.MaxNumber)
	}
	for high-low > 1 {
		middle := (low + high) / 2
		there, _, err := look(ctx, c, s.numbered(middle), s.temp)
		if err != nil {
			return 0, err
		}
		if there == present {
			low = middle
		} else {
			high = middle
		}
	}
	return high, nil
}
