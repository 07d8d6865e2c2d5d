package hostlock

import (
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// boot names this boot and, in a time namespace, its offset of the clock; empty if
// the system doesn't say.
var boot = sync.OnceValue(func() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	epoch := strings.TrimSpace(string(id))
	offsets, err := os.ReadFile("/proc/self/timens_offsets")
	if err != nil {
		return epoch
	}
	for line := range strings.Lines(string(offsets)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "boottime" && (f[1] != "0" || f[2] != "0") {
			epoch += "+" + f[1] + "." + f[2]
		}
	}
	return epoch
})

func now() (time.Duration, string) {
	var t unix.Timespec
	if epoch := boot(); epoch != "" && unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) == nil {
		return time.Duration(t.Nano()), epoch
	}
	return wall()
}
