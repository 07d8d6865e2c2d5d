package hookserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/canary"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/pipeline/runpage"
)

// places are where a store is, which its errors name.
var places = canary.Set{"host": canary.New("Host"), "user": canary.New("User"), "database": canary.New("Database")}

// errOutOfOrder is one as pgx makes it.
var errOutOfOrder = fmt.Errorf("failed to connect to `user=%s database=%s`: %s (10.0.0.7): dial error: %w",
	places["user"], places["database"], places["host"], errors.New("no route to it"))

// outOfOrder is a ledger that fails in its calls from one on to another one.
type outOfOrder struct {
	pipeline.Ledger
	from, to int64
	calls    atomic.Int64
}

func (o *outOfOrder) fault() error {
	if n := o.calls.Add(1); n < o.from || n > o.to {
		return nil
	}
	return fmt.Errorf("ledger in PostgreSQL: %w", errOutOfOrder)
}

func (o *outOfOrder) Claim(ctx context.Context, k pipeline.RunKey, c pipeline.ClaimOptions) (pipeline.Claimed, error) {
	if err := o.fault(); err != nil {
		return pipeline.Claimed{}, err
	}
	return o.Ledger.Claim(ctx, k, c)
}

func (o *outOfOrder) Append(ctx context.Context, l pipeline.Lease, r ...pipeline.Record) error {
	return cmpOr(o.fault(), func() error { return o.Ledger.Append(ctx, l, r...) })
}

func (o *outOfOrder) Renew(ctx context.Context, l pipeline.Lease) error {
	return cmpOr(o.fault(), func() error { return o.Ledger.Renew(ctx, l) })
}

func (o *outOfOrder) End(ctx context.Context, l pipeline.Lease, r pipeline.Record) error {
	return cmpOr(o.fault(), func() error { return o.Ledger.End(ctx, l, r) })
}

func (o *outOfOrder) Release(ctx context.Context, l pipeline.Lease) error {
	return cmpOr(o.fault(), func() error { return o.Ledger.Release(ctx, l) })
}

func (o *outOfOrder) Note(ctx context.Context, id pipeline.RunID, r pipeline.Record) error {
	return cmpOr(o.fault(), func() error { return o.Ledger.Note(ctx, id, r) })
}

func (o *outOfOrder) Load(ctx context.Context, id pipeline.RunID) (pipeline.Run, error) {
	if err := o.fault(); err != nil {
		return pipeline.Run{}, err
	}
	return o.Ledger.Load(ctx, id)
}

func (o *outOfOrder) Find(ctx context.Context, q pipeline.RunQuery) iter.Seq2[pipeline.RunInfo, error] {
	if err := o.fault(); err != nil {
		return func(yield func(pipeline.RunInfo, error) bool) { yield(pipeline.RunInfo{}, err) }
	}
	return o.Ledger.Find(ctx, q)
}

func (o *outOfOrder) Wait(ctx context.Context, id pipeline.RunID) (pipeline.RunInfo, error) {
	if err := o.fault(); err != nil {
		return pipeline.RunInfo{}, err
	}
	return o.Ledger.Wait(ctx, id)
}

func (o *outOfOrder) Erase(ctx context.Context, organization string, annotation int64, except ...pipeline.RunID) error {
	return cmpOr(o.fault(), func() error { return o.Ledger.Erase(ctx, organization, annotation, except...) })
}

func (o *outOfOrder) Expire(ctx context.Context, age time.Duration) (int, error) {
	if err := o.fault(); err != nil {
		return 0, err
	}
	return o.Ledger.Expire(ctx, age)
}

func cmpOr(fault error, call func() error) error {
	if fault != nil {
		return fault
	}
	return call()
}

// Whichever of its calls a ledger fails in, once or from then on, no answer, poll or page says where
// it is, and the log does. With an engine that cannot be reached it is the same.
func TestNoAnswerSaysWhereAStoreIs(t *testing.T) { //nolint:paralleltest // the pages log by the default logger
	search := places.Search()
	if blind := places.Blind(); blind != "" {
		t.Fatal(blind)
	}
	for _, way := range []string{"at once", "polled", "by an engine", "an engine that is away", "a page"} {
		t.Run(way, func(t *testing.T) {
			named, failed := 0, 0
			for from, more := int64(1), true; more; from++ {
				for _, to := range []int64{from, 1 << 60} {
					if strings.Contains(way, "engine") && to != from {
						continue // that of these tests tries again without a pause
					}
					synctest.Test(t, func(t *testing.T) {
						ledger := &outOfOrder{Ledger: pipeline.MemoryLedger(), from: from, to: to}
						var mu sync.Mutex
						var logged bytes.Buffer
						log := slog.New(slog.NewTextHandler(locked{&mu, &logged}, nil))
						var sent atomic.Int32
						journal := journalOn(t, ledger)
						o := hookserver.Options{Journal: journal, Logger: log, Run: []pipeline.Option{pipeline.WithLogger(log), pipeline.WithRossum(nil)}}
						var h *hookserver.Server
						switch way {
						case "by an engine", "an engine that is away":
							var e *localEngine
							h, e = engined(t, o, erpStep(&sent, 0))
							e.away.Store(way != "by an engine")
						case "polled":
							o.Async = later(-1)
							fallthrough
						default:
							o.Chain = chainOf(t, erpStep(&sent, 0))
							h = newServer(t, o)
						}
						status, answer := askTwice(h, invoice())
						shown := fmt.Sprint(status, " ", texts(answer))
						if way == "a page" {
							defer slog.SetDefault(slog.Default())
							slog.SetDefault(log)
							w := httptest.NewRecorder()
							runpage.NewRecent(runpage.Options{Journal: journal}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
							shown += w.Body.String()
						}
						if answer.Failed() {
							failed++
						}
						if found := search(shown); found != "" {
							t.Errorf("%s, calls %d to %d fail: %s", way, from, to, found)
						}
						mu.Lock()
						if search(logged.String()) != "" {
							named++
						}
						mu.Unlock()
						more = ledger.calls.Load() >= from && from < 60
					})
				}
			}
			if named < 4 || failed < 3 {
				t.Errorf("%s: %d exports have failed, and the log has said %d times where the store is", way, failed, named)
			}
		})
	}
}
