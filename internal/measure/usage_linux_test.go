package measure

import (
	"syscall"
	"time"
)

// thread returns the number of the thread that calls it.
func thread() int { return syscall.Gettid() }

// threadTime returns the processor time of the thread that calls it, without that of the
// kernel: mostly that of clearing fresh pages, which takes 20 times as long on one machine
// as on another.
func threadTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano())
}
