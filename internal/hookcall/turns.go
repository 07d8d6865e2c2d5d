package hookcall

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// errNoTurn means that others were taken in until the time of a body was over.
var errNoTurn = errors.New("too many calls are being read; call again")

// turns bounds how many bodies are taken in at a time. Whoever gets its body more slowly than
// at the rate gives its turn to others that wait, after a while.
type turns struct {
	room chan struct{}
	rate int64 // bytes a second

	mu   sync.Mutex
	held map[*turn]bool
}

func newTurns(n int, rate int64) *turns {
	return &turns{room: make(chan struct{}, n), rate: rate, held: make(map[*turn]bool)}
}

// turn is that of one body.
type turn struct {
	of     *turns
	began  time.Time
	giveUp func() // ends the reading

	got  int64 // bytes since
	late bool  // it has lost its turn
}

// Times of turns.
const (
	grace = 2 * time.Second // in which a body need not come fast
	look  = time.Second     // between two looks for one that is too slow
)

// take waits for a turn until the context ends, and returns nil then. giveUp is called when
// the turn is lost.
func (t *turns) take(ctx context.Context, giveUp func()) *turn {
	var due <-chan time.Time
	for {
		select {
		case t.room <- struct{}{}:
			held := &turn{of: t, began: time.Now(), giveUp: giveUp}
			t.mu.Lock()
			t.held[held] = true
			t.mu.Unlock()
			return held
		default:
		}
		if due == nil {
			ticker := time.NewTicker(look)
			defer ticker.Stop()
			due = ticker.C
		}
		t.overtake()
		select {
		case t.room <- struct{}{}:
			<-t.room // it is taken above
		case <-due:
		case <-ctx.Done():
			return nil
		}
	}
}

// overtake ends the slowest body that is slower than the rate, if there is one.
func (t *turns) overtake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	var slowest *turn
	least := float64(t.rate)
	for h := range t.held {
		if held := time.Since(h.began); held > grace && !h.late {
			if rate := float64(h.got) / held.Seconds(); rate < least {
				slowest, least = h, rate
			}
		}
	}
	if slowest != nil {
		slowest.late = true
		slowest.giveUp()
	}
}

// add counts bytes that have arrived.
func (h *turn) add(n int) {
	h.of.mu.Lock()
	h.got += int64(n)
	h.of.mu.Unlock()
}

// end gives the turn back, and reports whether it was lost before.
func (h *turn) end() (late bool) {
	if h == nil {
		return false
	}
	h.of.mu.Lock()
	late = h.late
	delete(h.of.held, h)
	h.of.mu.Unlock()
	<-h.of.room
	return late
}

// intake reads one body. It holds no turn for the first bytes, so that connections on which
// nothing comes take none away, then one of the small bodies, and that of a large one as soon
// as so much has arrived.
type intake struct {
	io.Reader
	c      *Reader
	ctx    context.Context // ends when the body must have arrived
	giveUp func()
	got    int64
	held   *turn
	large  bool
	late   bool
}

// Read implements [io.Reader].
func (in *intake) Read(p []byte) (int, error) {
	n, err := in.Reader.Read(p)
	in.got += int64(n)
	if in.held != nil {
		in.held.add(n)
	}
	if n == 0 {
		return n, err
	}
	var turnErr error
	switch {
	case in.got > smallBody && !in.large:
		turnErr = in.takeLarge()
	case in.got > freeBody && in.held == nil:
		turnErr = in.take(in.c.small)
	}
	if turnErr != nil {
		return n, turnErr
	}
	return n, err
}

// takeLarge takes the turn of a large body instead of the one that is held. Only some bodies
// may wait for one, since what has arrived of them is in memory.
func (in *intake) takeLarge() error {
	in.end()
	in.large = true
	select {
	case in.c.waiting <- struct{}{}:
		defer func() { <-in.c.waiting }()
		return in.take(in.c.large)
	default:
		return errNoTurn
	}
}

func (in *intake) take(from *turns) error {
	if in.held = from.take(in.ctx, in.giveUp); in.held == nil {
		return errNoTurn
	}
	return nil
}

// end gives the turn back.
func (in *intake) end() {
	in.late = in.held.end() || in.late
	in.held = nil
}
