//go:build unix

package measure

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage returns the processor time of this process, and the peak of its resident memory in
// bytes.
func usage() (cpu time.Duration, peak int64) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, 0
	}
	peak = int64(u.Maxrss) << 10
	if runtime.GOOS == "darwin" {
		peak = int64(u.Maxrss) // there in bytes
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), peak
}

// resident returns the resident memory as it is now where the system tells, else its peak.
func resident() int64 {
	data, err := os.ReadFile("/proc/self/statm")
	if fields := strings.Fields(string(data)); err == nil && len(fields) > 1 {
		if pages, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
			return pages * int64(os.Getpagesize())
		}
	}
	_, peak := usage()
	return peak
}
