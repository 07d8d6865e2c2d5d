package pipeline

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Kinds says which extension an address stands for: the registry of package
// organisation, which steps.Register fills.
type Kinds interface {
	// Kind returns the extension's name and what makes its step; ok is false if there
	// is none.
	Kind(address string) (name string, make func(*rossum.Hook) (Step, error), ok bool)
	// Err returns what is wrong with the registrations, nil if nothing is.
	Err() error
}

// Extensions serves every kind of extension at a path of its own, as the hosted
// extensions are: a hook whose config.url ends in the kind's name, such as
// https://exports.example.com/rest-api-export, gets the step of that kind, with the
// settings that the hook call carries. So a team moves one hook at a time, and
// config.url is all that changes.
//
// Files go from hook to hook as documents in Rossum ([InRossum]), unless
// [WithStore] says otherwise. One hook does not see what another decided: a reply
// that is not there counts as that of a call which was not due.
//
// Steps are built once for each hook and its settings, and kept for later calls. The
// secrets are those of the call, and what [WithSecrets] adds. An Extensions
// is safe for concurrent use; Close it when no call runs any more.
type Extensions struct {
	kinds   Kinds
	handler *handler

	mu    sync.Mutex
	built map[builtKey]*builtChain
	clock uint64 // of use
}

// maxBuilt is how many different settings are kept at a time.
const maxBuilt = 256

type builtKey struct {
	kind     string
	hook     string // URL, since the steps run as this hook
	settings [sha256.Size]byte
}

// builtChain is a chain that calls share.
type builtChain struct {
	chain *Chain
	err   error
	once  sync.Once
	users int
	used  uint64
	gone  bool // not kept any more: whoever uses it last closes it
}

// ServeExtensions returns the handler. Options are those of [Handler]; a hook's
// own time-out is not known here, so that [WithTimeout] should say what it is.
//
// The error is that of [Handler], or says what is wrong with the registrations.
func ServeExtensions(k Kinds, options ...HandlerOption) (*Extensions, error) {
	if err := k.Err(); err != nil {
		return nil, err
	}
	e := &Extensions{kinds: k, built: make(map[builtKey]*builtChain)}
	options = append([]HandlerOption{WithStore(InRossum()), Option(func(c *config) { c.alone = true })}, options...)
	var err error
	if e.handler, err = newHandler(&Chain{}, options); err != nil {
		return nil, err
	}
	e.handler.choose = e.choose
	return e, nil
}

// ServeHTTP answers a call as [Handler] does; 404 for a path that no kind fits.
// Settings that are unusable fail the export, with a message that names the place.
func (e *Extensions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && !e.serves(r.URL.Path) {
		refuse(w, &refusal{http.StatusNotFound, "there is no extension at this path"})
		return
	}
	e.handler.ServeHTTP(w, r)
}

func (e *Extensions) serves(path string) bool {
	_, _, ok := e.kinds.Kind(path)
	return ok
}

// choose returns the chain for a call, and what to do with it afterwards.
func (e *Extensions) choose(path string, p *rossum.Payload) (*Chain, func(), error) {
	name, make, ok := e.kinds.Kind(path)
	if !ok {
		return nil, nil, errors.New("there is no extension at this path")
	}
	key := builtKey{name, p.Hook, sha256.Sum256(p.Settings)}
	b := e.use(key)
	b.once.Do(func() { b.chain, b.err = build(name, make, p) })
	if b.err != nil {
		e.release(key, b, true)
		return nil, nil, b.err
	}
	return b.chain, func() { e.release(key, b, false) }, nil
}

func build(name string, make func(*rossum.Hook) (Step, error), p *rossum.Payload) (*Chain, error) {
	id := rossum.IDOf(p.Hook)
	h := &rossum.Hook{ID: id, URL: p.Hook, Type: "webhook", Name: name, Active: true, Settings: p.Settings}
	step, err := make(h)
	if err != nil {
		return nil, errors.Join(wrapAll(name, err)...)
	}
	return New(ForHook(h, step))
}

func (e *Extensions) use(key builtKey) *builtChain {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clock++
	b := e.built[key]
	if b == nil {
		b = &builtChain{}
		e.built[key] = b
	}
	b.users++
	b.used = e.clock
	e.evict()
	return b
}

// evict drops what was not used for the longest time.
func (e *Extensions) evict() {
	for len(e.built) > maxBuilt {
		var oldest builtKey
		for key, b := range e.built {
			if o := e.built[oldest]; o == nil || b.used < o.used {
				oldest = key
			}
		}
		b := e.built[oldest]
		b.gone = true
		delete(e.built, oldest)
		if b.users == 0 && b.chain != nil {
			_ = b.chain.Close() // of connections that nobody uses
		}
	}
}

func (e *Extensions) release(key builtKey, b *builtChain, forget bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	b.users--
	if forget && e.built[key] == b {
		delete(e.built, key)
	}
	if b.gone && b.users == 0 && b.chain != nil {
		_ = b.chain.Close()
	}
}

// Close closes all steps. No call may run then or afterwards.
func (e *Extensions) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var faults []error
	for key, b := range e.built {
		if b.chain != nil {
			faults = append(faults, wrap(key.kind, b.chain.Close()))
		}
	}
	clear(e.built)
	return errors.Join(faults...)
}

// chosen runs what choose has chosen for the call.
func (h *handler) chosen(ctx context.Context, chain *Chain, path string, p *rossum.Payload) *rossum.Response {
	own, done, err := h.choose(path, p)
	if err != nil {
		h.log.ErrorContext(ctx, "the settings of a hook are unusable", "hook", p.Hook, "error", err)
		return &rossum.Response{Messages: []rossum.Message{{Type: rossum.ErrorMessage, Content: fmt.Sprintf("Export failed: %v", err)}}}
	}
	defer done()
	merged := *own
	merged.config = chain.config
	response, _ := merged.Export(ctx, p) // an error has become a message, and is in the log
	return response
}
