package pipeline

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	chacha "math/rand/v2"
	"sync"
	"time"
)

// position is where in its chain an export is: the step that runs. It has what a step
// would otherwise have from the world, so that it is the same when the run goes on.
type position struct {
	path, name string
	at         time.Time // the run's clock
	view       string    // path of the branch, "" outside of one

	mu     sync.Mutex
	random *chacha.ChaCha8
	first  tryKey // the call that the step made first, and how often; many make no other
	tried  int
	tries  map[tryKey]int // of the others
	noted  bool           // the ledger has the clock
}

type tryKey struct {
	call string
	item int
}

// try counts how often the step makes a call.
func (p *position) try(call string, item int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := tryKey{call, item}
	if p.tried == 0 {
		p.first = k
	}
	if k == p.first {
		p.tried++
		return p.tried
	}
	if p.tries == nil {
		p.tries = make(map[tryKey]int)
	}
	p.tries[k]++
	return p.tries[k]
}

// made is how often the step has made a call.
func (p *position) made(k tryKey) int {
	if k == p.first {
		return p.tried
	}
	return p.tries[k]
}

// nextKey is what a call of the step can be known by that comes next, "" if the run is
// not kept.
func (x *Export) nextKey(a Act) string {
	id := callID{Call: a.Call, Item: a.Item}
	if x.at != nil {
		x.at.mu.Lock()
		defer x.at.mu.Unlock()
		id.Step, id.Try = x.at.path, x.at.made(tryKey{a.Call, a.Item})+1
	}
	return x.run.log.keyOf(id)
}

// position begins a step.
func (x *Export) position(path, name string) *position {
	p := &position{path: path, name: name, at: x.WallTime()}
	if x.at != nil {
		p.view = x.at.view
	}
	if earlier := x.run.log.earlier; earlier != nil {
		if at, ok := earlier.started[path]; ok {
			p.at, p.noted = at, true
		}
	}
	return p
}

// noteStart has the ledger note the step's clock with the step's first call.
func (x *Export) noteStart() error {
	if x.at == nil {
		return nil
	}
	x.at.mu.Lock()
	defer x.at.mu.Unlock() // no call side by side with this one goes first
	if x.at.noted {
		return nil
	}
	x.at.noted = true
	return x.run.log.note(recordStarted, &startedRecord{x.at.path, x.at.at})
}

// Now returns the run's clock: the time at which the running step began. It is the same
// again if the run is cut short and the step runs once more. For what time has passed
// see [Export.WallTime].
func (x *Export) Now() time.Time {
	if x.at != nil {
		return x.at.at
	}
	return x.WallTime()
}

// WallTime returns the time by the program's clock ([WithClock]).
func (x *Export) WallTime() time.Time {
	if x.run.config.now != nil {
		return x.run.config.now()
	}
	return time.Now()
}

// NewID returns a text of 26 letters and digits that nobody can guess, for boundaries,
// temporary names and the like. A step that runs again after its run was cut short gets
// the same ones in the same order.
func (x *Export) NewID() string {
	if x.at == nil {
		return rand.Text()
	}
	x.at.mu.Lock()
	defer x.at.mu.Unlock()
	if x.at.random == nil {
		x.at.random = chacha.NewChaCha8(sha256.Sum256(append(x.run.seed[:], x.run.log.earlier.origin(x.at.path)...)))
	}
	var data [17]byte
	_, _ = x.at.random.Read(data[:]) // it never fails
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(data[:])[:26]
}
