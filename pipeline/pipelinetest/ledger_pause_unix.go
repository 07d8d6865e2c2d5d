//go:build unix

package pipelinetest

import (
	"os"
	"syscall"
)

// pause stops a process, or lets it go on.
func pause(p *os.Process, stop bool) error {
	if stop {
		return p.Signal(syscall.SIGSTOP)
	}
	return p.Signal(syscall.SIGCONT)
}
