// Replicas shows that exports survive the machines they run on. It starts PostgreSQL, three
// replicas of a hook server behind a balancer, and an ERP that counts; then it has many
// annotations exported, by three calls each, and repeats calls as the platform does, while it
// kills replicas, has them stand still for longer than their lease, and kills and starts the
// database. In the end it counts what the ERP has:
//
//	go run . -exports 1000 -kills 100
//
// The ERP honours idempotency keys for a third of the exports, can be asked what it has for
// another, and does neither for the rest. Of the first two every annotation must be one
// invoice. Of the last it must be one invoice, or a message that names the call of which
// nobody knows whether it was made.
//
// With -temporal each export runs as a Temporal workflow, on the same ledger, and Temporal's
// server is killed and started, too.
//
// PostgreSQL must be installed (Debian: apt-get install postgresql); it runs from a temporary
// folder and is reached by a socket. For -temporal so must be the program temporal:
// go install github.com/temporalio/cli/cmd/temporal@v1.5.1.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline/pgledger/pgledgertest"
	"github.com/exportpipeline/exportpipeline/pipeline/temporalrun/temporaltest"
)

func main() {
	log.SetFlags(log.Ltime)
	if config := os.Getenv(replicaVariable); config != "" {
		if err := serveReplica(config); err != nil {
			log.Fatal(err)
		}
		return
	}
	var o options
	flag.IntVar(&o.exports, "exports", 200, "how many `annotations` are exported")
	flag.IntVar(&o.kills, "kills", 20, "how many `times` something is killed or stands still meanwhile")
	flag.IntVar(&o.replicas, "replicas", 3, "how many `processes` serve the hook")
	flag.IntVar(&o.atOnce, "at-once", 16, "how many annotations are exported at a `time`")
	flag.Int64Var(&o.seed, "seed", time.Now().UnixNano(), "what is killed, and when, follows from this `number`")
	flag.StringVar(&o.bucket, "bucket", "", "keep large bodies in this S3 bucket, such as https://s3.example/ledger, by the `address` and the credentials that the AWS command line takes")
	flag.BoolVar(&o.temporal, "temporal", false, "run exports as Temporal workflows")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		stop()
		log.Fatal(err)
	}
}

type options struct {
	exports, kills, replicas, atOnce int
	seed                             int64
	temporal                         bool
	bucket                           string
}

// run plays everything and prints the counts. The error says what must not be.
func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "replicas")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	database, err := pgledgertest.Start(dir)
	if err != nil {
		return err
	}
	defer func() { _ = database.Kill() }() // its folder is removed
	target := startERP()
	defer target.Close()
	engine, address, err := startEngine(dir, o)
	if err != nil {
		return err
	}
	defer func() { _ = engine.Kill() }() // its folder is removed
	config, err := json.Marshal(replicaConfig{Database: database.Address() + " pool_max_conns=16", ERP: target.URL, Bucket: o.bucket, Temporal: address})
	if err != nil {
		return err
	}
	fleet, err := startFleet(o.replicas, string(config))
	if err != nil {
		return err
	}
	defer fleet.close()
	log.Printf("%d replicas, %d exports, %d at a time; seed %d", o.replicas, o.exports, o.atOnce, o.seed)

	p := &platform{fleet: fleet}
	began := time.Now()
	chaos := startChaos(ctx, o, fleet, database, engine, p)
	results := p.exportAll(ctx, o)
	killed, err := chaos.wait()
	if err != nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	fmt.Printf("%d exports in %v, with %s, and %d repeated calls\n", o.exports, time.Since(began).Round(time.Second), killed, p.repeats.Load())
	left, err := leftRuns(ctx, string(config))
	if err != nil {
		return err
	}
	return errors.Join(target.verdict(results), left)
}

// startEngine starts Temporal's server, if exports are to run there. Killing a nil one is
// allowed.
func startEngine(dir string, o options) (server *temporaltest.Server, address string, err error) {
	if !o.temporal {
		return nil, "", nil
	}
	place := filepath.Join(dir, "temporal")
	if err := os.Mkdir(place, 0o700); err != nil {
		return nil, "", err
	}
	if server, err = temporaltest.Start(place); err != nil {
		return nil, "", err
	}
	return server, server.Address(), nil
}
