package limit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func at(origin string) Target { return Target{Origin: origin} }

func byOrigin(l Limit) *Memory {
	return New(func(t Target) (string, Limit) { return t.Origin, l })
}

// calls makes n calls at once that take a time each, and returns when each began, in their
// order.
func calls(t *testing.T, m *Memory, n int, takes time.Duration) []time.Duration {
	t.Helper()
	var mu sync.Mutex
	var began []time.Duration
	var all sync.WaitGroup
	started := time.Now()
	for range n {
		all.Go(func() {
			leave, err := m.Enter(t.Context(), at("a"))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			began = append(began, time.Since(started))
			mu.Unlock()
			time.Sleep(takes)
			leave(Outcome{Status: 200})
		})
	}
	all.Wait()
	return began
}

func TestCallsBeginAsTheLimitHasIt(t *testing.T) {
	t.Parallel()
	const s, ms = time.Second, time.Millisecond
	for name, tt := range map[string]struct {
		limit Limit
		n     int
		takes time.Duration
		want  []time.Duration
	}{
		"no limit":                  {Limit{}, 3, s, []time.Duration{0, 0, 0}},
		"two at once":               {Limit{AtOnce: 2}, 5, s, []time.Duration{0, 0, s, s, 2 * s}},
		"ten a second, all at once": {Limit{PerSecond: 10}, 12, 0, []time.Duration{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100 * ms, 200 * ms}},
		"two a second, one by one":  {Limit{PerSecond: 2, Burst: 1}, 3, s, []time.Duration{0, 500 * ms, s}},
		"one in two seconds":        {Limit{PerSecond: 0.5}, 3, 0, []time.Duration{0, 2 * s, 4 * s}},
		"both":                      {Limit{AtOnce: 1, PerSecond: 2, Burst: 2}, 4, 100 * ms, []time.Duration{0, 100 * ms, 500 * ms, s}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if got := calls(t, byOrigin(tt.limit), tt.n, tt.takes); fmt.Sprint(got) != fmt.Sprint(tt.want) {
					t.Errorf("began at %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestTheRateIsThatOfTheLongRunAfterABurst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := byOrigin(Limit{PerSecond: 10, Burst: 10})
		began := calls(t, m, 100, 0)
		if last := began[99]; last != 9*time.Second {
			t.Errorf("the last of a hundred calls began after %v", last)
		}
		time.Sleep(time.Hour) // more than the burst is not saved up
		if began = calls(t, m, 20, 0); began[9] != 0 || began[10] != 100*time.Millisecond {
			t.Errorf("after a pause: %v", began)
		}
	})
}

func TestASlowSystemHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := byOrigin(Limit{AtOnce: 1})
		leave, err := m.Enter(t.Context(), at("slow"))
		if err != nil {
			t.Fatal(err)
		}
		var waiting sync.WaitGroup
		waiting.Go(func() {
			leave, err := m.Enter(t.Context(), at("slow"))
			if err != nil {
				t.Error(err)
				return
			}
			leave(Outcome{})
		})
		synctest.Wait()
		started := time.Now()
		other, err := m.Enter(t.Context(), at("quick"))
		if err != nil || time.Since(started) != 0 {
			t.Errorf("%v after %v", err, time.Since(started))
		}
		other(Outcome{})
		leave(Outcome{})
		waiting.Wait()
	})
}

func TestAWaiterWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	stop := errors.New("the server stops")
	for name, tt := range map[string]struct {
		limit Limit
		ends  func(context.Context) (context.Context, context.CancelFunc)
		after time.Duration
		want  error
	}{
		"deadline in the queue": {Limit{AtOnce: 1}, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, time.Second, context.DeadlineExceeded},
		"cause in the queue":    {Limit{AtOnce: 1}, cancelled(time.Second, stop), time.Second, stop},
		"cause while it's slow": {Limit{PerSecond: 0.1}, cancelled(time.Second, stop), time.Second, stop},
		// Nobody waits for a turn that comes too late.
		"deadline before its turn": {Limit{PerSecond: 0.1}, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, 0, context.DeadlineExceeded},
		"over before it began": {Limit{AtOnce: 1}, func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			cancel(stop)
			return ctx, func() {}
		}, 0, stop},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := byOrigin(tt.limit)
				leave, err := m.Enter(t.Context(), at("a"))
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := tt.ends(t.Context())
				defer cancel()
				started := time.Now()
				if _, err := m.Enter(ctx, at("a")); !errors.Is(err, tt.want) || time.Since(started) != tt.after {
					t.Errorf("%v after %v", err, time.Since(started))
				}
				leave(Outcome{})
				// Whoever gave up keeps nobody out.
				if leave, err = m.Enter(t.Context(), at("a")); err != nil {
					t.Fatal(err)
				}
				leave(Outcome{})
				if g := m.byKey["a"]; g.inside != 0 || len(g.queue) != 0 || g.users != 0 {
					t.Errorf("left: %d inside, %d in the queue, %d users", g.inside, len(g.queue), g.users)
				}
			})
		})
	}
}

func cancelled(after time.Duration, why error) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancelCause(ctx)
		timer := time.AfterFunc(after, func() { cancel(why) })
		return ctx, func() { timer.Stop(); cancel(nil) }
	}
}

func TestARefusalHoldsAllCallsBackAndTheyComeOneByOneThen(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limit Limit
		asked time.Duration
		want  []time.Duration
	}{
		"with a rate":          {Limit{PerSecond: 10, Burst: 10}, 3 * time.Second, []time.Duration{3000, 3100, 3200}},
		"without a rate":       {Limit{AtOnce: 5}, 3 * time.Second, []time.Duration{3000, 3000, 3000}},
		"two minutes, no more": {Limit{PerSecond: 1}, time.Hour, []time.Duration{121000, 122000, 123000}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := byOrigin(tt.limit)
				leave, err := m.Enter(t.Context(), at("a"))
				if err != nil {
					t.Fatal(err)
				}
				leave(Outcome{Status: http.StatusTooManyRequests, Wait: tt.asked})
				for i, began := range calls(t, m, 3, 0) {
					if began != tt.want[i]*time.Millisecond {
						t.Errorf("call %d began after %v", i, began)
					}
				}
			})
		})
	}
}

func TestACallThatWaitsAlreadyHearsOfARefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := byOrigin(Limit{PerSecond: 1})
		leave, err := m.Enter(t.Context(), at("a"))
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second/2, func() { leave(Outcome{Status: 429, Wait: 10 * time.Second}) })
		if began := calls(t, m, 2, 0); began[0] != 11*time.Second || began[1] != 12*time.Second {
			t.Errorf("began after %v", began)
		}
	})
}

func TestThoseWhoWaitKeepTheirOrderAfterARefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := byOrigin(Limit{PerSecond: 1})
		leave, err := m.Enter(t.Context(), at("a"))
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		started := time.Now()
		for i := range 6 {
			all.Go(func() {
				leave, err := m.Enter(t.Context(), at("a"))
				if err != nil {
					t.Error(err)
					return
				}
				want := time.Duration(i+1) * time.Second
				if i >= 2 {
					want += 15 * time.Second
				}
				if got := time.Since(started); got != want {
					t.Errorf("call %d began after %v, want %v", i, got, want)
				}
				leave(Outcome{})
			})
			synctest.Wait()
		}
		time.Sleep(2500 * time.Millisecond)
		leave(Outcome{Status: 429, Wait: 15 * time.Second})
		other, err := m.Enter(limited(t, time.Minute), at("a")) // at the end
		if err != nil || time.Since(started) != 22*time.Second {
			t.Errorf("%v after %v", err, time.Since(started))
		}
		other(Outcome{})
		all.Wait()
	})
}

func limited(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestKeysThatNobodyUsesAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := byOrigin(Limit{PerSecond: 100, AtOnce: 1})
		held, err := m.Enter(t.Context(), at("held"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 * maxGates {
			leave, err := m.Enter(t.Context(), at(fmt.Sprint(i)))
			if err != nil {
				t.Fatal(err)
			}
			leave(Outcome{})
			time.Sleep(time.Second)
		}
		if len(m.byKey) > maxGates || m.byKey["held"] == nil {
			t.Errorf("%d keys", len(m.byKey))
		}
		held(Outcome{})
	})
}

func TestRossumGetsNoMoreThanItAllowsInAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := New(func(Target) (string, Limit) { return "rossum", Rossum })
		began := calls(t, m, 1500, 0)
		for i := range began[:len(began)-600] {
			if began[i+600]-began[i] < time.Minute {
				t.Fatalf("601 calls from %v to %v", began[i], began[i+600])
			}
		}
		if began[19] != 0 {
			t.Errorf("20 calls took %v", began[19])
		}
	})
}

// The limits of a process are met by tests with clocks of their own.
func TestAnotherClockIsNoReasonToWait(t *testing.T) {
	t.Parallel()
	m := New(nil)
	api := Target{Origin: "https://acme.rossum.app", Rossum: true}
	enter := func(t *testing.T) {
		started := time.Now()
		for range Rossum.Burst {
			leave, err := m.Enter(t.Context(), api)
			if err != nil {
				t.Fatal(err)
			}
			leave(Outcome{Status: 200})
		}
		if waited := time.Since(started); waited > time.Minute {
			t.Errorf("waited %v", waited)
		}
	}
	enter(t)
	m.byKey["rossum https://acme.rossum.app"].close(time.Now(), 2*time.Minute)
	synctest.Test(t, enter)
}
