package crashtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
)

const (
	hookSecret = "hook-secret"
	publicURL  = "https://exports.example.com/export"
)

var pollingKey = []byte("a key of sixteen bytes and more")

func hookCall(body []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/export", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	rossum.Sign(r.Header, body, hookSecret)
	return r
}

func pollCall(location string) *http.Request {
	return httptest.NewRequest(http.MethodGet, location, nil)
}

// host runs one process at a time.
type host struct {
	*world
	name string
	t    *testing.T
	n    int
	mu   sync.Mutex
	now  *process
	old  []*process
}

// process is a hook server that can be killed or paused.
type process struct {
	*world
	name   string
	server *hookserver.Server
	ctx    context.Context // ends when it is killed
	cut    context.CancelCauseFunc

	mu     sync.Mutex
	paused time.Time                 // until then
	lasts  map[string]pipeline.RunID // run of the last announcement, by what was announced
}

// tell tells what a process does as long as it lives.
func (p *process) tell(format string, args ...any) {
	if p.ctx.Err() == nil {
		p.world.tell(format, args...)
	}
}

// start begins a process unless one runs.
func (h *host) start(t *testing.T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now != nil {
		return
	}
	h.t = t
	h.n++
	p := &process{world: h.world, name: fmt.Sprint(h.name, ".", h.n), lasts: make(map[string]pipeline.RunID)}
	p.ctx, p.cut = context.WithCancelCause(context.Background())
	journal, err := pipeline.NewJournal(&simLedger{p: p, shared: h.shared}, pipeline.JournalOptions{Owner: p.name})
	if err != nil {
		t.Fatal(err)
	}
	o := hookserver.Options{
		SignatureSecrets: []string{hookSecret},
		Journal:          journal,
		Chain:            p.chain(t),
		Recover:          true,
		Run:              append(p.options(), pipeline.WithLogger(nil)),
		Logger:           slog.New(slog.DiscardHandler),
	}
	if h.async {
		o.Async = &hookserver.Async{URL: publicURL, Key: pollingKey, After: 5 * time.Second}
	}
	if p.server, err = hookserver.New(o); err != nil {
		t.Fatal(err)
	}
	h.now = p
	h.tell("%s starts", p.name)
}

// die ends the process of a host, and has another one start later.
func (p *process) die() {
	for _, h := range p.hosts {
		h.mu.Lock()
		if h.now == p {
			h.now = nil
			h.old = append(h.old, p)
			p.tell("%s is killed", p.name)
			p.cut(mortal.ErrKilled)
			wait := time.Duration(1 + p.draw(p.name+"restart").Int64N(int64(40*time.Second)))
			p.people.Go(func() {
				time.Sleep(wait)
				h.start(h.t)
			})
		}
		h.mu.Unlock()
	}
}

// stop ends all that goes on in the host's processes.
func (h *host) stop() {
	for _, p := range append(h.old, h.now) {
		p.cut(mortal.ErrKilled)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = p.server.Shutdown(ctx) // what it cannot note is lost with it
	}
}

// callName is the key of a context's value: the name of the call that something is done for.
type callName struct{}

// serve sends a request and waits half a minute for its answer; status 0 means none. The
// name tells it from others.
func (h *host) serve(name string, r *http.Request) (int, http.Header, []byte) {
	h.mu.Lock()
	p := h.now
	h.mu.Unlock()
	if p == nil {
		return 0, nil, nil
	}
	ctx, hangUp := context.WithTimeout(p.ctx, 30*time.Second)
	defer hangUp()
	wire := &wire{p: p, name: name, lost: h.chance(h.draw("wire"+name), 0.05), header: make(http.Header), gone: ctx}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if p.seam("call", name) == nil {
			p.server.ServeHTTP(wire, r.WithContext(context.WithValue(ctx, callName{}, name)))
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	wire.mu.Lock()
	defer wire.mu.Unlock()
	if !wire.arrived {
		return 0, nil, nil
	}
	return wire.status, wire.header, wire.body
}

// wire carries an answer to the platform.
type wire struct {
	p       *process
	name    string
	gone    context.Context
	lost    bool
	header  http.Header
	mu      sync.Mutex
	status  int
	body    []byte
	arrived bool
}

func (w *wire) Header() http.Header    { return w.header }
func (w *wire) WriteHeader(status int) { w.status = status }

func (w *wire) Write(b []byte) (int, error) {
	if err := w.p.seam("wire", w.name); err != nil {
		return 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost || w.gone.Err() != nil {
		return 0, errors.New("connection reset by peer")
	}
	w.body, w.arrived = bytes.Clone(b), true
	return len(b), nil
}

// seam is a place where a process may be slow, paused or killed.
func (p *process) seam(kind, key string) error {
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	r := p.draw(p.name + kind + key)
	time.Sleep(time.Duration(1 + r.Int64N(int64(200*time.Millisecond))))
	if p.chance(r, 0.02) {
		p.mu.Lock()
		p.paused = time.Now().Add(time.Duration(1 + r.Int64N(int64(90*time.Second))))
		p.mu.Unlock()
		p.tell("%s is paused", p.name)
	}
	for {
		p.mu.Lock()
		wait := time.Until(p.paused)
		p.mu.Unlock()
		if wait <= 0 || p.ctx.Err() != nil {
			break
		}
		time.Sleep(wait + time.Duration(1+r.Int64N(int64(time.Millisecond)))) // not all at one instant
	}
	if p.chance(r, 0.015) {
		p.die()
	}
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	return nil
}

// simLedger is how a process sees the ledger that all share.
type simLedger struct {
	p      *process
	shared pipeline.Ledger
}

// write does something that may fail before or after, without a word which.
func (l *simLedger) write(ctx context.Context, kind, key string, do func() error) error {
	key += fmt.Sprint(ctx.Value(callName{}))
	if err := l.p.seam(kind, key); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r := l.p.draw(l.p.name + kind + key)
	if l.p.chance(r, 0.02) {
		l.p.tell("%s: %s %s fails", l.p.name, kind, key)
		return errors.New("the disk is full")
	}
	err := do()
	if err == nil && l.p.chance(r, 0.02) {
		l.p.tell("%s: %s %s is done, and fails", l.p.name, kind, key)
		err = errors.New("the connection was lost")
	}
	if killed := l.p.seam(kind+" done", key); killed != nil {
		return killed
	}
	return err
}

// nameOf tells what is written from other things written at the same instant, by its
// bytes before the seed of a run, which is not the schedule's.
func nameOf(records ...pipeline.Record) uint64 {
	h := fnv.New64a()
	for _, r := range records {
		data, _, _ := bytes.Cut(r.Data, []byte(`"seed":`))
		_, _ = h.Write([]byte(r.Kind)) // a hash never fails
		_, _ = h.Write(data)
	}
	return h.Sum64()
}

func (l *simLedger) Claim(ctx context.Context, k pipeline.RunKey, o pipeline.ClaimOptions) (c pipeline.Claimed, err error) {
	err = l.write(ctx, "claim", fmt.Sprint(k.Annotation, nameOf(o.First...)), func() error { c, err = l.shared.Claim(ctx, k, o); return err })
	if err == nil {
		l.p.tell("%s: claims %s, taken over %v", l.p.name, c.Run.ID, c.TakenOver)
	} else if c.Run.ID != "" {
		c = pipeline.Claimed{}
	}
	return c, err
}

func (l *simLedger) Append(ctx context.Context, lease pipeline.Lease, records ...pipeline.Record) error {
	err := l.write(ctx, "append", fmt.Sprint(lease.Run, nameOf(records...)), func() error { return l.shared.Append(ctx, lease, records...) })
	l.p.world.noted(lease.Run, err)
	for _, r := range records {
		var call struct{ What string }
		if r.Kind == "call" && json.Unmarshal(r.Data, &call) == nil {
			l.p.mu.Lock()
			l.p.lasts[call.What] = lease.Run
			l.p.mu.Unlock()
		}
		l.p.tell("%s: appends to %s: %s %.200s: %v", l.p.name, lease.Run, r.Kind, r.Data, err)
	}
	return err
}

// noted remembers runs of which something could not be noted.
func (w *world) noted(run pipeline.RunID, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unnoted[run] = w.unnoted[run] || err != nil
}

func (l *simLedger) Renew(ctx context.Context, lease pipeline.Lease) error {
	return l.write(ctx, "renew", string(lease.Run), func() error { return l.shared.Renew(ctx, lease) })
}

func (l *simLedger) End(ctx context.Context, lease pipeline.Lease, r pipeline.Record) error {
	err := l.write(ctx, "end", string(lease.Run), func() error { return l.shared.End(ctx, lease, r) })
	l.p.world.noted(lease.Run, err)
	l.p.tell("%s: ends %s: %s: %v", l.p.name, lease.Run, r.Kind, err)
	return err
}

func (l *simLedger) Release(ctx context.Context, lease pipeline.Lease) error {
	return l.write(ctx, "release", string(lease.Run), func() error { return l.shared.Release(ctx, lease) })
}

func (l *simLedger) Note(ctx context.Context, id pipeline.RunID, r pipeline.Record) error {
	l.p.world.mu.Lock()
	l.p.late[string(r.Data)] = true
	l.p.world.mu.Unlock()
	return l.write(ctx, "note", fmt.Sprint(id, nameOf(r)), func() error { return l.shared.Note(ctx, id, r) })
}

func (l *simLedger) Load(ctx context.Context, id pipeline.RunID) (pipeline.Run, error) {
	if err := l.p.seam("load", fmt.Sprint(id, ctx.Value(callName{}))); err != nil {
		return pipeline.Run{}, err
	}
	return l.shared.Load(ctx, id)
}

func (l *simLedger) Find(ctx context.Context, q pipeline.RunQuery) iter.Seq2[pipeline.RunInfo, error] {
	return func(yield func(pipeline.RunInfo, error) bool) {
		if l.p.ctx.Err() != nil {
			yield(pipeline.RunInfo{}, context.Cause(l.p.ctx))
			return
		}
		for info, err := range l.shared.Find(ctx, q) {
			if !yield(info, err) {
				return
			}
		}
	}
}

func (l *simLedger) Wait(ctx context.Context, id pipeline.RunID) (pipeline.RunInfo, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(l.p.ctx, func() { cancel(mortal.ErrKilled) })()
	return l.shared.Wait(ctx, id)
}

func (l *simLedger) Erase(ctx context.Context, organization string, annotation int64, except ...pipeline.RunID) error {
	return l.write(ctx, "erase", fmt.Sprint(annotation), func() error { return l.shared.Erase(ctx, organization, annotation, except...) })
}

func (l *simLedger) Expire(ctx context.Context, age time.Duration) (int, error) {
	return l.shared.Expire(ctx, age)
}
func (l *simLedger) Durable() bool { return false }
func (l *simLedger) Close() error  { return nil }
