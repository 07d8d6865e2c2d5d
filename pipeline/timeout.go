package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// graceTime is what a Finally step gets after the context of the export ended.
const graceTime = 5 * time.Second

func hasFinal(links []link) bool {
	return slices.ContainsFunc(links, func(l link) bool {
		switch p := l.program.(type) {
		case *Chain:
			return l.final || hasFinal(p.links)
		case branches:
			return l.final || hasFinal(p)
		}
		return l.final
	})
}

// late is why an export ends that has taken too long.
func (r *run) late() error {
	return fmt.Errorf("the export took longer than %v: %w", r.config.timeout, context.DeadlineExceeded)
}

// grace is what a Finally step gets now.
func (r *run) grace() time.Duration {
	if r.ends.IsZero() {
		return graceTime
	}
	return min(graceTime, time.Until(r.ends))
}
