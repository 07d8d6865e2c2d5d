// Package counter hands out numbers by files of a directory, whoever else does so.
package counter

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Mark begins the names of the hidden files that a counter consists of: one for each
// number that was handed out, of which the highest stays.
const Mark = ".exportpipeline-seq-"

// Files are the files of a counter.
type Files interface {
	// Numbers lists those there are.
	Numbers(ctx context.Context) ([]int64, error)
	// Make makes one that was not there; false if it was.
	Make(ctx context.Context, n int64) (bool, error)
	// Remove removes one.
	Remove(ctx context.Context, n int64) error
}

// Next takes a number that nobody has had. A number is taken by the exclusive
// creation of its file. The file with the highest number is never removed, so if
// there is a higher one afterwards, ours may have been taken and removed before:
// then it is given up.
func Next(ctx context.Context, files Files) (int64, error) {
	for range 1000 {
		list, err := files.Numbers(ctx)
		if err != nil {
			return 0, err
		}
		mine := Highest(list) + 1
		made, err := files.Make(ctx, mine)
		if err != nil {
			return 0, err
		}
		if !made {
			continue
		}
		list, err = files.Numbers(ctx)
		if err != nil {
			return 0, err
		}
		ours := Highest(list) == mine
		for _, n := range list {
			if n < mine || n == mine && !ours {
				_ = files.Remove(ctx, n) // the next exporter does it
			}
		}
		if ours {
			return mine, nil
		}
	}
	return 0, errors.New("taking a number: too many exporters want one")
}

// Highest is the highest of some numbers, 0 if there are none.
func Highest(list []int64) (n int64) {
	for _, m := range list {
		n = max(n, m)
	}
	return n
}

// Name is the name of a number's file.
func Name(n int64) string { return fmt.Sprintf("%s%012d", Mark, n) }

// Number is the number of a file, if it is one of a counter's: its name is that of [Name].
func Number(name string) (int64, bool) {
	digits, ok := strings.CutPrefix(name, Mark)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil && n > 0 && Name(n) == name
}
