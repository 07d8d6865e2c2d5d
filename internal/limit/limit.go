// Package limit holds calls back, so that no system gets more of them at once, or in a
// second, than it bears.
//
// Who makes a call asks the [Limiter] of its context. Calls of Rossum's API whose context
// has none share the limits of the process, since the platform counts the calls of an
// organisation, not those of an export.
package limit

import (
	"context"
	"math"
	"time"
)

// Target is where a call goes.
type Target struct {
	// Organization is the base URL of the organisation in Rossum whose export makes the
	// call, "" if it is not known.
	Organization string
	// Origin is scheme, host and port of the system, in lower case, such as
	// https://erp.example.
	Origin string
	Step   string // name of the step that makes the call, "" outside of one
	Rossum bool   // it is Rossum's API
	Order  int64  // of those who wait for a place, whoever has a smaller one comes first
}

// Outcome is what came of an attempt.
type Outcome struct {
	Status int           // of the reply, 0 if there was none
	Wait   time.Duration // what a 429 or 503 asks to wait for (Retry-After)
}

// Limiter lets calls pass one after the other; see pipeline.Limiter, its public face.
type Limiter interface {
	Enter(ctx context.Context, t Target) (leave func(Outcome), err error)
}

// Limit is what one system bears.
type Limit struct {
	AtOnce    int     // calls at once, 0 for any number
	PerSecond float64 // calls a second, 0 for any number
	// Burst is how many calls may follow each other without waiting, after a time without
	// calls; PerSecond, and at least 1, if it is 0.
	Burst int
}

func (l Limit) burst() int {
	if l.Burst > 0 {
		return l.Burst
	}
	return max(1, int(math.Ceil(l.PerSecond)))
}

// interval is the time from one call to the next in the long run, 0 without a rate.
func (l Limit) interval() time.Duration {
	if l.PerSecond <= 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / l.PerSecond)
}

// Rossum is the limit of Rossum's API for an organisation. The platform allows ten requests
// a second and counts them by the minute (updates.rossum.ai, "Update: API rate limits,
// April 14"), so that an export alone need not wait for its first calls: with a burst of 20,
// 9.6 a second keep below 600 in any minute.
var Rossum = Limit{PerSecond: 9.6, Burst: 20}

// Rule says which limit a call counts against; calls with the same key share one. With
// the key "" a call of Rossum's API counts against [Rossum], and others pass.
type Rule func(Target) (key string, l Limit)

// Of returns key and limit of a call. A nil Rule is one that has the key "" for all.
func (r Rule) Of(t Target) (string, Limit) {
	if r != nil {
		if key, l := r(t); key != "" {
			return key, l
		}
	}
	if t.Rossum {
		return "rossum " + t.Origin, Rossum
	}
	return "", Limit{}
}

// process are the limits of Rossum's API for the calls of this process that no other
// [Limiter] sees to.
var process = New(nil)
