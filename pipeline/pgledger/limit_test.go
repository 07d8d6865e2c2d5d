package pgledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger/pgledgertest"
)

const erp = "https://erp.example"

// replicas are limiters of two processes.
func replicas(t *testing.T, s *pgledgertest.Server, rule pipeline.LimitRule) [2]*limiter {
	t.Helper()
	var all [2]*limiter
	for i := range all {
		l, err := NewLimiter(t.Context(), pool(t, s.Address()), rule, Options{})
		must(t, err)
		all[i] = l.(*limiter)
		t.Cleanup(func() { _ = all[i].l.Close() })
	}
	return all
}

func atOnce(n int) pipeline.LimitRule { return pipeline.LimitPerHost(pipeline.Limit{AtOnce: n}, nil) }

// enters returns a channel that has the pass when it is given, after the call has its place
// in the queue.
func enters(t *testing.T, m *limiter, target pipeline.CallTarget) chan func(pipeline.CallOutcome) {
	t.Helper()
	count := func() (n int) {
		must(t, m.l.pool.QueryRow(t.Context(), "SELECT count(*) FROM "+m.l.prefix+"pass").Scan(&n))
		return n
	}
	before := count()
	got := make(chan func(pipeline.CallOutcome), 1)
	go func() {
		leave, err := m.Enter(t.Context(), target)
		if err != nil {
			t.Error(err)
		}
		got <- leave
	}()
	for count() == before {
		time.Sleep(time.Millisecond)
	}
	return got
}

func TestReplicasShareTheCallsAtOnce(t *testing.T) {
	both := replicas(t, pgledgertest.New(t), atOnce(3))
	var mu sync.Mutex
	now, most := 0, 0
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			leave, err := both[i%2].Enter(t.Context(), pipeline.CallTarget{Origin: erp})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(5 * time.Millisecond)
			mu.Lock()
			now--
			mu.Unlock()
			leave(pipeline.CallOutcome{})
			leave(pipeline.CallOutcome{}) // counts once
		})
	}
	all.Wait()
	if most > 3 || most < 2 {
		t.Errorf("%d calls at once, want 3", most)
	}
}

func TestCallsPassInTheOrderInWhichTheyCameToAnyReplica(t *testing.T) {
	both := replicas(t, pgledgertest.New(t), atOnce(1))
	target := pipeline.CallTarget{Origin: erp}
	leave := <-enters(t, both[0], target)
	var queue []chan func(pipeline.CallOutcome)
	for i := range 4 {
		queue = append(queue, enters(t, both[i%2], target))
	}
	for i, next := range queue {
		leave(pipeline.CallOutcome{})
		leave = <-next
		for _, later := range queue[i+1:] {
			if len(later) > 0 {
				t.Fatalf("after call %d another one passes before its turn", i)
			}
		}
	}
	leave(pipeline.CallOutcome{})
}

func TestWhoeverHasTheSmallestOrderPassesNextOfThoseThatWait(t *testing.T) {
	both := replicas(t, pgledgertest.New(t), atOnce(1))
	leave := <-enters(t, both[0], pipeline.CallTarget{Origin: erp, Order: 5})
	queue := make(map[int64]chan func(pipeline.CallOutcome))
	for i, order := range []int64{9, 7, 8, -1} {
		queue[order] = enters(t, both[i%2], pipeline.CallTarget{Origin: erp, Order: order})
	}
	for i, order := range []int64{-1, 7, 8, 9} {
		leave(pipeline.CallOutcome{})
		leave = <-queue[order]
		delete(queue, order)
		for other, passes := range queue {
			if len(passes) > 0 {
				t.Fatalf("call %d: the one with the order %d passes, too", i, other)
			}
		}
	}
	leave(pipeline.CallOutcome{})
}

// The ERP of one organisation answers no call: that of another one is called all the same,
// also if both are at one host.
func TestASlowERPHoldsUpNobodyElse(t *testing.T) {
	both := replicas(t, pgledgertest.New(t), pipeline.LimitPerTenant(pipeline.Limit{AtOnce: 1}, nil))
	slow := pipeline.CallTarget{Organization: "https://one.rossum.example", Origin: erp}
	leave := <-enters(t, both[0], slow)
	waiting := []chan func(pipeline.CallOutcome){enters(t, both[0], slow), enters(t, both[1], slow)}
	for _, m := range both {
		for _, other := range []pipeline.CallTarget{{Organization: "https://two.rossum.example", Origin: erp}, {Organization: slow.Organization, Origin: erp + ":8443"}} {
			leave, err := m.Enter(t.Context(), other)
			must(t, err)
			leave(pipeline.CallOutcome{})
		}
	}
	for _, w := range waiting {
		if len(w) > 0 {
			t.Error("two calls at once")
		}
	}
	for _, w := range waiting {
		leave(pipeline.CallOutcome{})
		leave = <-w
	}
	leave(pipeline.CallOutcome{})
}

func TestReplicasShareTheRate(t *testing.T) {
	both := replicas(
		t,
		pgledgertest.New(t),
		pipeline.LimitPerHost(pipeline.Limit{PerSecond: 200, Burst: 2}, map[string]pipeline.Limit{"https://slow.example": {PerSecond: 0.001}}),
	)
	due := func() (t0 time.Time) {
		must(t, both[0].l.pool.QueryRow(t.Context(), "SELECT due FROM "+both[0].l.prefix+"gate WHERE key = $1", gateKey(erp)).Scan(&t0))
		return t0
	}
	first, err := both[0].Enter(t.Context(), pipeline.CallTarget{Origin: erp})
	must(t, err)
	first(pipeline.CallOutcome{})
	began := due()
	for i := range 40 {
		leave, err := both[i%2].Enter(t.Context(), pipeline.CallTarget{Origin: erp})
		must(t, err)
		leave(pipeline.CallOutcome{})
	}
	if took := due().Sub(began); took < 40*5*time.Millisecond {
		t.Errorf("40 calls are due within %v", took)
	}
	slow := pipeline.CallTarget{Origin: "https://slow.example"}
	leave, err := both[0].Enter(t.Context(), slow)
	must(t, err)
	leave(pipeline.CallOutcome{})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if _, err := both[1].Enter(ctx, slow); !errors.Is(err, context.DeadlineExceeded) ||
		!strings.Contains(err.Error(), "longer than the call may take") {
		t.Errorf("a call whose turn comes too late: %v", err)
	}
}

func TestARefusalHoldsTheCallsOfAllReplicasBack(t *testing.T) {
	both := replicas(t, pgledgertest.New(t), atOnce(5))
	target := pipeline.CallTarget{Origin: erp}
	leave, err := both[0].Enter(t.Context(), target)
	must(t, err)
	both[0].leave(erp, both[0].only(t), pipeline.CallOutcome{Status: 429, Wait: time.Minute})
	leave(pipeline.CallOutcome{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := both[1].Enter(ctx, target); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call that has no time to wait: %v", err)
	}
	other, err := both[1].Enter(ctx, pipeline.CallTarget{Origin: "https://other.example"})
	must(t, err)
	other(pipeline.CallOutcome{})
}

// only is the mark of the one pass that is held.
func (m *limiter) only(t *testing.T) int64 {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.held) != 1 {
		t.Fatalf("%d passes are held", len(m.held))
	}
	for mark := range m.held {
		return mark
	}
	return 0
}

func TestAProcessThatDiesLeavesItsPlaces(t *testing.T) {
	both := replicas(t, pgledgertest.New(t), atOnce(1))
	m := both[0]
	for i, alive := range []int64{1000, 1000, time.Hour.Microseconds()} { // the last one lives
		var code string
		var wait int64
		err := m.l.pool.QueryRow(t.Context(), "SELECT code, wait FROM "+m.l.prefix+"enter_1($1,$2,0,1,0,1,1,$3)", gateKey(erp), int64(i), alive).
			Scan(&code, &wait)
		must(t, err)
		if alive > 1000 {
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := both[1].Enter(ctx, pipeline.CallTarget{Origin: erp}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("beside one that lives: %v", err)
	}
	_, err := m.l.pool.Exec(t.Context(), "UPDATE "+m.l.prefix+"pass SET until = now() - interval '1 second'")
	must(t, err)
	leave, err := both[1].Enter(t.Context(), pipeline.CallTarget{Origin: erp})
	must(t, err)
	leave(pipeline.CallOutcome{})
}

func TestLimitsThatArentThereLetAllPass(t *testing.T) {
	both := replicas(t, pgledgertest.New(t), nil)
	for range 3 {
		_, err := both[0].Enter(t.Context(), pipeline.CallTarget{Origin: erp})
		must(t, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, target := range []pipeline.CallTarget{{Origin: erp}, {Origin: erp, Rossum: true}} {
		if _, err := both[0].Enter(ended, target); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", fmt.Sprint(target), err)
		}
	}
}

// A key is what a program makes of a hook call's fields, for exports that take turns: any text,
// and no word of a document is in the database as it is.
func TestAnyTextIsTheKeyOfALimit(t *testing.T) {
	one := replicas(t, pgledgertest.New(t), pipeline.OneAtATime)[0]
	for _, key := range []string{"a\x00b", "\xff\xfe", strings.Repeat("\u00e4", 1<<20)} {
		target := pipeline.CallTarget{Organization: "https://one.rossum.example", Origin: "turn:" + key}
		leave, err := one.Enter(t.Context(), target)
		if err != nil {
			t.Errorf("%.20q: %v", key, err)
			continue
		}
		soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := one.Enter(soon, target); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%.20q: a second one at the same time: %v", key, err)
		}
		cancel()
		leave(pipeline.CallOutcome{})
	}
}
