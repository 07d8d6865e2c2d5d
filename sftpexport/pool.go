package sftpexport

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/exportpipeline/exportpipeline/internal/egress"
	"github.com/exportpipeline/exportpipeline/internal/limit"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// shared is what the exports of a step share.
type shared struct {
	mu    sync.Mutex
	pools map[[sha256.Size]byte]*pool

	backend Connections // nil for an SFTP server
}

func newShared() *shared {
	return &shared{pools: make(map[[sha256.Size]byte]*pool)}
}

// fingerprint tells one set of credentials from another without keeping them.
func fingerprint(address string, secrets rossum.Secrets, keys ...string) (sum [sha256.Size]byte) {
	h := sha256.New()
	fmt.Fprintf(h, "%q", address)
	for _, k := range keys {
		fmt.Fprintf(h, "%q", secrets[k])
	}
	h.Sum(sum[:0])
	return sum
}

// pool are the connections to a server as a user.
type pool struct {
	dialer dialer
	most   int

	mu      sync.Mutex
	open    []*connection
	dialing int
	refused time.Time     // when a further connection was last refused
	ended   bool          // the step was closed: connections go when nobody uses them
	changed chan struct{} // closed when a connection came, went, or became free

	noteMu sync.Mutex
	notes  []string // what no export has reported yet

	unsynced bool // for a benchmark that tells what syncing takes

	directories sync.Map // path to true: those that are there
	// refusedDirectories are those that the server would not make: path to error.
	refusedDirectories sync.Map
	cannotDelete       sync.Map // directory to whether files stay there for ever
	cannotSync         atomic.Bool
	cannotHash         atomic.Bool
	notExclusive       atomic.Bool // the server has no exclusive creation
	swept              sync.Map    // path to time.Time: when leftovers were last looked for
}

// connection is one SSH connection, which several exports use at a time.
type connection struct {
	*sftp.Client
	wire *wire // below the client
	pool *pool
	ssh  *ssh.Client

	users  int         // guarded by pool.mu
	gone   bool        // guarded by pool.mu: no longer in the pool
	idle   *time.Timer // guarded by pool.mu: closes it
	closed chan struct{}
}

// pool returns the pool for the secrets; there is one for each set of them.
func (s *shared) pool(step *Step, compiled *compiled, secrets rossum.Secrets, allowed egress.Policy) (*pool, error) {
	c, most := &step.Credentials, step.MaxConnections
	// A connection is judged when it is made, so that it serves no export with other bounds.
	id := fingerprint(fmt.Sprintf("%s %+v", c.address(), allowed), secrets, "type", "password", "ssh_key", "ssh_key_passphrase")
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.pools[id]; p != nil {
		return p, nil
	}
	auth, err := authMethods(c.Username, secrets, compiled.algorithms.signatures)
	if err != nil {
		return nil, err
	}
	if most == 0 {
		most = defaultConnections
	}
	p := &pool{
		dialer: dialer{address: c.hostPort(), user: c.Username, auth: auth, hostKeys: compiled.hostKeys, algorithms: compiled.algorithms},
		most:   most, changed: make(chan struct{}),
	}
	s.pools[id] = p
	return p, nil
}

const defaultConnections = 4

// refusedPause is for how long no further connection is tried when one was refused:
// servers bound them, too.
const refusedPause = time.Minute

// acquire returns an unused connection, or a new one if there may be more, or
// else the one with the fewest users. The caller releases it.
func (p *pool) acquire(ctx context.Context) (*connection, error) {
	p.mu.Lock()
	for {
		best := p.best()
		mayDial := len(p.open)+p.dialing < p.most && (best == nil || time.Since(p.refused) > refusedPause)
		switch {
		case best != nil && (best.users == 0 || !mayDial):
			best.use()
			p.mu.Unlock()
			return best, nil
		case mayDial:
			p.dialing++
			p.mu.Unlock()
			c, err := p.dialOne(ctx)
			if err == nil || ctx.Err() != nil {
				return c, err
			}
			p.mu.Lock()
			if len(p.open) == 0 {
				p.mu.Unlock()
				return nil, err
			}
			p.refused = time.Now()
			continue // with one that is shared
		}
		changed := p.changed // all that there may be are being made
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		p.mu.Lock()
	}
}

func (p *pool) best() (best *connection) {
	for _, c := range p.open {
		if best == nil || c.users < best.users {
			best = c
		}
	}
	return best
}

// use is called with the pool locked.
func (c *connection) use() {
	c.users++
	if c.idle != nil {
		c.idle.Stop()
	}
}

// dialOne opens a connection, which counts as a call to the server for a limiter.
func (p *pool) dialOne(ctx context.Context) (*connection, error) {
	var c *connection
	pass, err := limit.Enter(ctx, &url.URL{Scheme: "sftp", Host: p.dialer.address}, false)
	if err == nil {
		c, err = p.dialer.dial(ctx, p.note)
		pass.Leave(limit.Outcome{})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing--
	p.notify()
	if err != nil {
		return nil, err
	}
	c.pool, c.users = p, 1
	p.open = append(p.open, c)
	go c.watch()
	go c.keepAlive()
	return c, nil
}

// note keeps something for the report of whichever export comes next.
func (p *pool) note(format string, args ...any) {
	p.noteMu.Lock()
	defer p.noteMu.Unlock()
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// takeNotes returns what was kept, once.
func (p *pool) takeNotes() []string {
	p.noteMu.Lock()
	defer p.noteMu.Unlock()
	notes := p.notes
	p.notes = nil
	return notes
}

// notify is called with the pool locked.
func (p *pool) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// release gives a connection back. One that is broken, or whose server does not
// answer any more, is not used again.
func (c *connection) release(broken bool) {
	p := c.pool
	p.mu.Lock()
	c.users--
	unused := c.users == 0
	if broken || unused && p.ended {
		p.remove(c)
	}
	if unused && !c.gone {
		if c.idle == nil {
			c.idle = time.AfterFunc(idleTimeout, c.closeIfIdle)
		} else {
			c.idle.Reset(idleTimeout)
		}
	}
	gone := c.gone
	p.mu.Unlock()
	if unused && gone {
		_ = c.ssh.Close()
	}
}

// remove is called with the pool locked.
func (p *pool) remove(c *connection) {
	if c.gone {
		return
	}
	c.gone = true
	p.open = slices.DeleteFunc(p.open, func(other *connection) bool { return other == c })
	p.notify()
}

func (c *connection) closeIfIdle() {
	c.pool.mu.Lock()
	idle := c.users == 0
	if idle {
		c.pool.remove(c)
	}
	c.pool.mu.Unlock()
	if idle {
		_ = c.ssh.Close()
	}
}

// watch takes a connection that has ended out of the pool.
func (c *connection) watch() {
	_ = c.ssh.Wait()
	_ = c.Client.Close()
	close(c.closed)
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	c.pool.remove(c)
	if c.idle != nil {
		c.idle.Stop()
	}
}

// keepAlive asks the server for a sign of life, and closes a connection that
// gives none: whoever waits for an answer on it then gets an error.
func (c *connection) keepAlive() {
	tick := time.NewTicker(keepAliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.closed:
			return
		case <-tick.C:
		}
		late := time.AfterFunc(keepAliveTimeout, func() { _ = c.ssh.Close() })
		_, _, err := c.ssh.SendRequest("keepalive@openssh.com", true, nil)
		late.Stop()
		if err != nil {
			_ = c.ssh.Close()
		}
	}
}

// grace is how long an operation may still take when its context has ended,
// before its connection is given up.
const grace = 2 * time.Second

// errAbandoned means that an operation did not end with its context.
var errAbandoned = errors.New("the server does not answer")

// stallTimeout is how long an operation may take in which nothing moves. Signs of
// life are not enough: a server may give them while its disk hangs.
const stallTimeout = time.Minute

// ask runs an operation of SFTP, which knows of no context. When the context ends
// and the operation does not, it is left to itself until its connection is closed;
// f must then not touch what its caller uses. What cannot be known to have ended
// is a [*lostError].
func ask[T any](ctx context.Context, f func() (T, error)) (T, error) {
	return askMoving(ctx, func() int64 { return 0 }, f)
}

// askMoving is ask for an operation that may take as long as it moves.
func askMoving[T any](ctx context.Context, moved func() int64, f func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	var nothing T
	if ctx.Err() != nil {
		return nothing, context.Cause(ctx)
	}
	done := make(chan answer, 1)
	go func() {
		value, err := f()
		done <- answer{value, err}
	}()
	stalled := time.NewTicker(stallTimeout)
	defer stalled.Stop()
	ended := ctx.Done()
	for last := int64(0); ; {
		select {
		case a := <-done:
			switch {
			case answered(a.err):
				return a.value, a.err
			case ctx.Err() != nil && errors.Is(a.err, context.Cause(ctx)):
				return nothing, a.err // a source has ended with the context
			}
			return nothing, &lostError{a.err}
		case <-ended:
			ended, last = nil, -1
			stalled.Reset(grace)
		case <-stalled.C:
			now := moved()
			if last < 0 || now == last {
				return nothing, &lostError{errors.Join(context.Cause(ctx), errAbandoned)}
			}
			last = now
		}
	}
}

// do is ask for operations that return nothing.
func do(ctx context.Context, f func() error) error {
	_, err := ask(ctx, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

// answered reports whether an error is the server's answer to an operation, so
// that it is known how that ended.
func answered(err error) bool {
	var status *sftp.StatusError
	return err == nil || errors.As(err, &status) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrExists)
}

// close ends all connections. New exports make new ones.
func (s *shared) close() error {
	s.mu.Lock()
	pools := slices.Collect(maps.Values(s.pools))
	s.pools = make(map[[sha256.Size]byte]*pool)
	s.mu.Unlock()
	for _, p := range pools {
		p.mu.Lock()
		p.ended = true
		open := slices.Clone(p.open)
		p.mu.Unlock()
		for _, c := range open {
			_ = c.ssh.Close()
			<-c.closed
		}
	}
	if s.backend != nil {
		return s.backend.Close()
	}
	return nil
}
