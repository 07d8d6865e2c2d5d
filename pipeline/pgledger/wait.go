package pgledger

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/jackc/pgx/v5"
)

// How often Wait looks: while the connection that listens works, and while it doesn't.
const (
	lookListening = time.Second
	lookPolling   = 100 * time.Millisecond
)

func (l *ledger) Wait(ctx context.Context, id pipeline.RunID) (pipeline.RunInfo, error) {
	heard, leave := l.ends.join(l, id)
	defer leave()
	pause := 10 * time.Millisecond
	for {
		info, left, err := l.await(ctx, id)
		if err != nil || info.State != pipeline.RunLive {
			return info, err
		}
		most := l.ends.polling
		if l.ends.works() {
			most = l.ends.listening
		}
		timer := time.NewTimer(min(pause, max(left, time.Millisecond)))
		select {
		case <-heard:
		case <-timer.C:
			pause = min(2*pause, most)
		case <-ctx.Done():
		case <-l.life.Done():
		}
		timer.Stop()
	}
}

// await reads the state of a run, and has its end notified.
func (l *ledger) await(ctx context.Context, id pipeline.RunID) (info pipeline.RunInfo, left time.Duration, err error) {
	if err := l.enter(ctx); err != nil {
		return info, 0, err
	}
	defer l.calls.Done()
	err = l.retry(ctx, "waiting for run "+string(id), func(ctx context.Context, _ bool) error {
		info, left, err = scanInfo(l.pool.QueryRow(ctx, "SELECT "+infoColumns+" FROM "+l.prefix+"await_1($1)", l.args(clean(id))...))
		return err
	})
	return info, left, missing(id, err)
}

// listener is the connection that hears of runs which have ended. It is made for the first
// who waits, and closed some time after the last.
type listener struct {
	listening, polling time.Duration // how often Wait looks

	mu      sync.Mutex
	waiting map[pipeline.RunID][]chan struct{}
	running bool
	working bool
}

// join has a channel hear of a run until leave is called.
func (n *listener) join(l *ledger, id pipeline.RunID) (heard <-chan struct{}, leave func()) {
	ears := make(chan struct{}, 1)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waiting == nil {
		n.waiting = make(map[pipeline.RunID][]chan struct{})
	}
	n.waiting[id] = append(n.waiting[id], ears)
	if !n.running && l.enter(context.Background()) == nil {
		n.running = true
		go n.listen(l)
	}
	return ears, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		rest := slices.DeleteFunc(n.waiting[id], func(other chan struct{}) bool { return other == ears })
		if n.waiting[id] = rest; len(rest) == 0 {
			delete(n.waiting, id)
		}
	}
}

func (n *listener) works() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.working
}

// wake has those look who wait for a run; everybody if id is "".
func (n *listener) wake(id pipeline.RunID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for waited, all := range n.waiting {
		for _, ears := range all {
			if id != "" && id != waited {
				continue
			}
			select {
			case ears <- struct{}{}:
			default: // it will look anyway
			}
		}
	}
}

// Times of the listener.
const (
	listenAgain = 2 * time.Second  // after the connection was lost
	listenDeaf  = 10 * time.Minute // after it was seen that it can't hear
	listenTest  = 5 * time.Second  // for it to hear what this process says
)

var errDeaf = errors.New("the connection that listens hears nothing, as behind PgBouncer in transaction mode: calls that wait for another replica look every 100 ms instead; set Options.Listen to the database's own address")

// listen keeps the connection until the ledger is closed.
func (n *listener) listen(l *ledger) {
	defer l.calls.Done()
	for {
		err := n.hear(l)
		n.mu.Lock()
		n.working = false
		n.mu.Unlock()
		if l.life.Err() != nil {
			return
		}
		pause := listenAgain
		if errors.Is(err, errDeaf) {
			pause = listenDeaf
		}
		l.log.WarnContext(l.life, "ledger in PostgreSQL: "+err.Error())
		select {
		case <-time.After(pause):
		case <-l.life.Done():
			return
		}
	}
}

// hear listens on one connection until that is lost.
func (n *listener) hear(l *ledger) error {
	config := l.listen
	if config == nil {
		config = l.pool.Config().ConnConfig
	}
	config = config.Copy()
	conn, err := pgx.ConnectConfig(l.life, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(l.life))
	if _, err := conn.Exec(l.life, "LISTEN "+l.channel(), pgx.QueryExecModeSimpleProtocol); err != nil {
		return err
	}
	if err := n.test(l, conn); err != nil {
		return err
	}
	n.mu.Lock()
	n.working = true
	n.mu.Unlock()
	n.wake("") // what ended before is not heard of
	for {
		said, err := conn.WaitForNotification(l.life)
		if err != nil {
			return err
		}
		n.wake(pipeline.RunID(said.Payload))
	}
}

// test says something through the pool and hears whether it arrives.
func (n *listener) test(l *ledger, conn *pgx.Conn) error {
	word := l.instance + strconv.FormatInt(nonce(), 36)
	if _, err := l.pool.Exec(l.life, "SELECT "+l.prefix+"notify_1($1)", l.args(word)...); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(l.life, listenTest)
	defer cancel()
	for {
		said, err := conn.WaitForNotification(ctx)
		switch {
		case err != nil && l.life.Err() == nil && ctx.Err() != nil:
			return errDeaf
		case err != nil:
			return err
		case said.Payload == word:
			return nil
		}
	}
}
