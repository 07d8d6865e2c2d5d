package limit

import (
	"context"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Scope is what a context says of the calls that are made with it.
type Scope struct {
	Limiter      Limiter // nil: only calls of Rossum's API are held back
	Organization string
	Step         string
	// Waited, if not nil, hears how long a call was held back. It must be safe for
	// concurrent use.
	Waited Waits
	// Free lets all calls pass, since nobody makes them.
	Free bool

	pass *Pass
}

// Waits hears how long calls were held back.
type Waits interface{ Add(time.Duration) }

type key struct{}

// scoped is a context with a scope, in one piece: each step of a run has one.
type scoped struct {
	context.Context
	scope Scope
}

// Value implements [context.Context].
func (c *scoped) Value(k any) any {
	if k == (key{}) {
		return c
	}
	return c.Context.Value(k)
}

// With returns a context whose calls are held back as s says.
func With(ctx context.Context, s Scope) context.Context { return &scoped{ctx, s} }

// Of returns what a context says.
func Of(ctx context.Context) Scope {
	if c, ok := ctx.Value(key{}).(*scoped); ok {
		return c.scope
	}
	return Scope{}
}

// Pass is leave to make one attempt.
type Pass struct {
	Waited time.Duration // before it was given

	target      Target
	leave       func(Outcome)
	taken, left atomic.Bool
}

// Leave ends what the pass was for. Only the first call of Leave counts; a nil Pass has
// nothing to end.
func (p *Pass) Leave(o Outcome) {
	if p != nil && p.leave != nil && !p.left.Swap(true) {
		p.leave(o)
	}
}

// free is a pass of calls that nothing holds back. It is never changed.
var free = &Pass{}

// Holds reports whether anything holds back the calls of a context that are not Rossum's.
func Holds(ctx context.Context) bool { return Of(ctx).holds(false) }

func (s Scope) holds(rossum bool) bool { return !s.Free && (s.Limiter != nil || rossum) }

// least is the shortest wait that is worth a word, and not just the time that asking takes.
const least = time.Millisecond

// Enter waits until a call to a URL may be made, unless the context has a pass for it. The
// error is that of the limiter; nothing was sent then.
func Enter(ctx context.Context, u *url.URL, rossum bool) (*Pass, error) {
	s := Of(ctx)
	if s.pass == nil && !s.holds(rossum) {
		return free, nil
	}
	t := Target{Organization: s.Organization, Origin: Origin(u), Step: s.Step, Rossum: rossum}
	if s.pass != nil && s.pass.target == t && !s.pass.taken.Swap(true) {
		return s.pass, nil
	}
	l := s.Limiter
	if l == nil && rossum {
		l = process
	}
	if l == nil || s.Free {
		return &Pass{target: t}, nil
	}
	started := time.Now()
	leave, err := l.Enter(ctx, t)
	waited := time.Since(started)
	if waited < least {
		waited = 0
	} else if s.Waited != nil {
		s.Waited.Add(waited)
	}
	if err != nil {
		return nil, err
	}
	return &Pass{Waited: waited, target: t, leave: leave}, nil
}

// Origin is scheme, host and port of a URL as a [Target] has them.
func Origin(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "sftp":
		host = strings.TrimSuffix(host, ":22")
	}
	return scheme + "://" + host
}

// Passed returns a context whose next attempt to make the same call has the pass already.
func Passed(ctx context.Context, p *Pass) context.Context {
	s := Of(ctx)
	s.pass = p
	return With(ctx, s)
}

// Without returns a context whose calls are not held back, since nobody makes them.
func Without(ctx context.Context) context.Context {
	s := Of(ctx)
	s.Free = true
	return With(ctx, s)
}
