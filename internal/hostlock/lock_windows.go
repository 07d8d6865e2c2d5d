package hostlock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// The locked byte is far behind any content, since locks of Windows keep others
// from reading what is locked.
var place = windows.Overlapped{OffsetHigh: 1 << 30}

func try(f *os.File, exclusive bool) (bool, error) {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	at := place
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &at)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return false, nil
	}
	return false, &os.PathError{Op: "LockFileEx", Path: f.Name(), Err: err}
}

func unlock(f *os.File) error {
	at := place
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &at)
}
