//go:build !windows && (!unix || aix || solaris || illumos)

package hostlock

import (
	"errors"
	"os"
)

func try(f *os.File, _ bool) (bool, error) {
	return false, &os.PathError{Op: "lock", Path: f.Name(), Err: errors.ErrUnsupported}
}

func unlock(*os.File) error { return errors.ErrUnsupported }
