//go:build !linux

package measure

import "time"

// thread returns 0: the system does not tell.
func thread() int { return 0 }

// threadTime returns 0: the system does not tell.
func threadTime() time.Duration { return 0 }
