//go:build !unix

package requestprocessor_test

import "time"

var started = time.Now()

// processorTime is the time that has passed, where that of the processor is not known.
func processorTime() time.Duration { return time.Since(started) }
