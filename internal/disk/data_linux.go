package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncData leaves out what need not be on the disk to read the data: times.
func syncData(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var fault error
	err = raw.Control(func(fd uintptr) {
		for {
			if fault = unix.Fdatasync(int(fd)); !errors.Is(fault, unix.EINTR) {
				return
			}
		}
	})
	return errors.Join(err, os.NewSyscallError("fdatasync", fault))
}
