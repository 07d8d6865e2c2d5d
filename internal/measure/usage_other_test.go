//go:build !unix

package measure

import "time"

// usage returns nothing where there is no getrusage.
func usage() (cpu time.Duration, peak int64) { return 0, 0 }

func resident() int64 { return 0 }
