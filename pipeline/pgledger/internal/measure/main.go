// Measure prints what the ledger in PostgreSQL costs and carries on this machine: the
// constants in the documentation of package pgledger. PostgreSQL is one of its own, as
// initdb sets it up.
//
//	go run ./internal/measure
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger/pgledgertest"
	"github.com/jackc/pgx/v5/pgxpool"
)

func main() {
	each := flag.Duration("each", 3*time.Second, "how long each row is measured")
	flag.Parse()
	ctx := context.Background()
	if database := os.Getenv(replicaVariable); database != "" {
		if err := serve(ctx, database); err != nil {
			log.Fatal(err)
		}
		return
	}
	if err := measure(ctx, *each); err != nil {
		log.Fatal(err)
	}
}

func openPG(ctx context.Context, database string) (pipeline.Ledger, *pgxpool.Pool, error) {
	pool, err := pgxpool.New(ctx, database+" pool_max_conns=16")
	if err != nil {
		return nil, nil, err
	}
	l, err := pgledger.Open(ctx, pool, pgledger.Options{})
	return l, pool, err
}

func measure(ctx context.Context, each time.Duration) error {
	dir, err := os.MkdirTemp("", "measure")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := pgledgertest.Start(dir)
	if err != nil {
		return err
	}
	defer func() { _ = server.Kill() }() // its folder is removed
	fmt.Printf("%d cores, %s\n", runtime.NumCPU(), runtime.Version())
	pg, pool, err := openPG(ctx, server.Address())
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := throughput(ctx, each, pg); err != nil {
		return err
	}
	if err := addedTime(ctx, each, pg); err != nil {
		return err
	}
	if err := costs(ctx, pg, pool, server.Dir()); err != nil {
		return err
	}
	return growth(ctx, each, server.Address())
}
