package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger"
	"github.com/exportpipeline/exportpipeline/pipeline/temporalrun"
	"github.com/exportpipeline/exportpipeline/pipeline/temporalrun/temporaltest"
	"github.com/jackc/pgx/v5/pgxpool"
)

// replicaVariable makes a process a replica; it has its replicaConfig.
const replicaVariable = "REPLICA"

type replicaConfig struct {
	Database, ERP string
	Bucket        string // of large bodies; "" keeps them in the database
	Temporal      string // address of its server; "" runs exports in the replicas
}

// lease is short here, so that it is soon over for a replica that was killed.
const lease = 2 * time.Second

// hookSecret signs the hook's calls, and ledgerKey seals what is noted of them. Real ones are
// secrets of the program.
const hookSecret, ledgerKey = "a secret of this example", "32 bytes that seal this example."

func openLedger(ctx context.Context, c replicaConfig) (pipeline.Ledger, *pgxpool.Pool, error) {
	o := pgledger.Options{Patience: time.Minute}
	if c.Bucket != "" {
		b, err := openBucket(ctx, c.Bucket)
		if err != nil {
			return nil, nil, err
		}
		o.Bodies, o.BodiesFrom = b, 1<<10 // less than usual, since this ERP takes and gives little
	}
	pool, err := pgxpool.New(ctx, c.Database)
	if err != nil {
		return nil, nil, err
	}
	ledger, err := pgledger.Open(ctx, pool, o)
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	return ledger, pool, nil
}

func openJournal(ctx context.Context, c replicaConfig) (*pipeline.Journal, *pgxpool.Pool, error) {
	ledger, pool, err := openLedger(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	journal, err := pipeline.NewJournal(ledger, pipeline.JournalOptions{Key: pipeline.SealKey{ID: "1", Secret: []byte(ledgerKey)}, Lease: lease})
	return journal, pool, err
}

// serveReplica serves the hook until the process is killed.
func serveReplica(text string) error {
	var config replicaConfig
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return err
	}
	ctx := context.Background()
	journal, pool, err := openJournal(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	queues := make(map[int64]*pipeline.Chain)
	for _, v := range variants {
		if queues[int64(v)], err = v.chain(config.ERP); err != nil {
			return err
		}
	}
	run := append(settling(config.ERP), pipeline.WithLogger(nil))
	o := hookserver.Options{Queues: queues, SignatureSecrets: []string{hookSecret}, Journal: journal, Recover: true, Run: run}
	hook, err := newHook(config.Temporal, o)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr()) // for the fleet
	go func() {
		// The fleet is gone when its end of the pipe is.
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}()
	server := &http.Server{Handler: hook, ReadHeaderTimeout: 10 * time.Second}
	return errors.Join(server.Serve(l), hook.Shutdown(ctx))
}

// pollAfter is short here, so that many exports are answered by polling.
const pollAfter = 2 * time.Second

// newHook makes the hook server and, with the address of Temporal's server, a worker.
func newHook(temporal string, o hookserver.Options) (*hookserver.Server, error) {
	if temporal == "" {
		return hookserver.New(o)
	}
	c, err := temporaltest.Dial(temporal)
	if err != nil {
		return nil, err
	}
	codec, err := temporalrun.Sealed(pipeline.SealKey{ID: "1", Secret: []byte(ledgerKey)})
	if err != nil {
		return nil, err
	}
	engine, err := temporalrun.New(c, temporalrun.Options{Codec: codec})
	if err != nil {
		return nil, err
	}
	o.Engine, o.Async = engine, &hookserver.Async{URL: "https://exports.example.com/", Key: []byte(ledgerKey), After: pollAfter}
	hook, err := hookserver.New(o)
	if err != nil {
		return nil, err
	}
	_, err = engine.Work(hook) // until the process is killed
	return hook, err
}

// leftRuns looks for runs that have not ended and don't wait for a person; those that go on
// get time to end.
func leftRuns(ctx context.Context, text string) (left, err error) {
	var config replicaConfig
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return nil, err
	}
	journal, pool, err := openJournal(ctx, config)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	for range 120 {
		left = nil
		for info, err := range journal.Ledger().Find(ctx, pipeline.RunQuery{}) {
			if err != nil {
				return nil, err
			}
			if info.State == pipeline.RunEnded {
				continue
			}
			if o, err := journal.Outcome(ctx, info.ID); err != nil {
				return nil, err
			} else if !o.Waits {
				left = errors.Join(left, fmt.Errorf("a run is left: %s, %v", info.Key, info.State))
			}
		}
		if left == nil {
			break
		}
		time.Sleep(500 * time.Millisecond)
	}
	return left, journal.Ledger().Close()
}
