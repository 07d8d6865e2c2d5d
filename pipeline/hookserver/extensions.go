package hookserver

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"sync"

	"github.com/exportpipeline/exportpipeline/internal/hookcall"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// extensions builds a chain of one step for each settings that calls come with.
type extensions struct {
	kinds Kinds

	mu    sync.Mutex
	built map[builtKey]*builtChain
	clock uint64 // of use
}

// maxBuilt is how many different settings are kept at a time.
const maxBuilt = 256

type builtKey struct {
	kind, hook string
	settings   [sha256.Size]byte
}

// builtChain is a chain that calls share.
type builtChain struct {
	chain *pipeline.Chain
	err   error
	once  sync.Once
	users int
	used  uint64
	gone  bool // not kept any more: whoever uses it last closes it
}

func newExtensions(k Kinds) *extensions {
	return &extensions{kinds: k, built: make(map[builtKey]*builtChain)}
}

func (e *extensions) serves(path string) bool {
	_, _, ok := e.kinds.Kind(path)
	return ok
}

// chain returns the chain for a call, and what to do with it afterwards.
func (e *extensions) chain(path string, p *rossum.Payload) (*pipeline.Chain, func(), error) {
	name, make, ok := e.kinds.Kind(path)
	if !ok {
		return nil, nil, hookcall.Refused(http.StatusNotFound, "there is no extension at this path")
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

func build(name string, make func(*rossum.Hook) (pipeline.Step, error), p *rossum.Payload) (*pipeline.Chain, error) {
	h := &rossum.Hook{ID: rossum.IDOf(p.Hook), URL: p.Hook, Type: "webhook", Name: name, Active: true, Settings: p.Settings}
	step, err := make(h)
	if err != nil {
		return nil, pipeline.InStep(name, err)
	}
	return pipeline.New(pipeline.ForHook(h, step))
}

func (e *extensions) use(key builtKey) *builtChain {
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
func (e *extensions) evict() {
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

func (e *extensions) release(key builtKey, b *builtChain, forget bool) {
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

// close closes all steps, when no call runs any more.
func (e *extensions) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var faults []error
	for key, b := range e.built {
		if b.chain != nil {
			faults = append(faults, pipeline.InStep(key.kind, b.chain.Close()))
		}
	}
	clear(e.built)
	return errors.Join(faults...)
}
