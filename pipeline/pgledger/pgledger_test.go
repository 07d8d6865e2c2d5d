package pgledger_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger/pgledgertest"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	databaseEnv = "PGLEDGER_DATABASE"
	bouncerEnv  = "PGLEDGER_BOUNCER"
	bucketEnv   = "PGLEDGER_BUCKET"
)

func TestMain(m *testing.M) {
	pipelinetest.LedgerProcess(func() (pipeline.Ledger, error) {
		o := pgledger.Options{PgBouncer: os.Getenv(bouncerEnv) != ""}
		if dir := os.Getenv(bucketEnv); dir != "" {
			o.Bodies, o.BodiesFrom = bucket(dir), 1000
		}
		return open(os.Getenv(databaseEnv), o)
	})
	os.Exit(m.Run())
}

func open(database string, o pgledger.Options) (pipeline.Ledger, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	pool, err := pgxpool.New(ctx, database)
	if err != nil {
		return nil, err
	}
	l, err := pgledger.Open(ctx, pool, o)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return pooled{l, pool}, nil
}

// pooled closes the ledger's pool with it.
type pooled struct {
	pipeline.Ledger
	pool *pgxpool.Pool
}

func (p pooled) Close() error {
	err := p.Ledger.Close()
	p.pool.Close()
	return err
}

func address(s *pgledgertest.Server) string { return s.Address() + " pool_max_conns=8" }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLedgerKeepsTheRules(t *testing.T) {
	s := pgledgertest.New(t)
	pipelinetest.TestLedger(t, pipelinetest.LedgerHarness{
		Open: func() (pipeline.Ledger, error) { return open(address(s), pgledger.Options{}) },
		Env:  []string{databaseEnv + "=" + address(s)},
	})
}

var key = pipeline.RunKey{Organization: "https://pg.rossum.example", Hook: "7", Annotation: 1, Event: "annotation_content.export"}

func TestADatabaseThatMayForgetIsRefused(t *testing.T) {
	s := pgledgertest.New(t)
	for _, setting := range []string{"synchronous_commit"} {
		database := address(s) + " options='-c " + setting + "=off'"
		if _, err := open(database, pgledger.Options{}); err == nil || !strings.Contains(err.Error(), setting+" is off") {
			t.Errorf("%s off: %v", setting, err)
		}
		if l, err := open(database, pgledger.Options{Unsafe: true}); err != nil {
			t.Errorf("%s off, and allowed: %v", setting, err)
		} else if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, o := range []pgledger.Options{{Schema: "x; DROP"}, {Prefix: "Ä"}} {
		if _, err := open(address(s), o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
	one, err := open(address(s), pgledger.Options{Schema: "exports", Prefix: "a_"})
	if err != nil {
		t.Fatal(err)
	}
	two, err := open(address(s), pgledger.Options{Schema: "exports", Prefix: "b_"})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []pipeline.Ledger{one, two} {
		if _, err := l.Claim(t.Context(), key, pipeline.ClaimOptions{Owner: "x", Lease: time.Hour}); err != nil {
			t.Errorf("ledgers of two prefixes disturb each other: %v", err)
		}
	}
	must(t, s.SQL("INSERT INTO exports.a_form VALUES (2, 1)"))
	if l, err := open(address(s), pgledger.Options{Schema: "exports", Prefix: "a_"}); err != nil {
		t.Errorf("tables of a newer form that serves this version, too: %v", err)
	} else {
		must(t, l.Close())
	}
	must(t, s.SQL("INSERT INTO exports.a_form VALUES (3, 2)"))
	if _, err := open(address(s), pgledger.Options{Schema: "exports", Prefix: "a_"}); !errors.Is(err, pipeline.ErrNewerFormat) {
		t.Errorf("tables of a newer form: %v", err)
	}
}
