package pgledger_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger/pgledgertest"
	"github.com/jackc/pgx/v5/pgxpool"
)

// lossy is a connection whose answer to what has the word in it is lost, once.
type lossy struct {
	net.Conn
	word  string
	armed bool
	lost  *atomic.Bool
	then  func()
}

func (c *lossy) Write(b []byte) (int, error) {
	c.armed = c.armed || strings.Contains(string(b), c.word) && c.lost.CompareAndSwap(false, true)
	return c.Conn.Write(b)
}

func (c *lossy) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil || !c.armed {
		return n, err
	}
	c.then()
	_ = c.Close()
	return 0, errors.New("the connection was lost")
}

// A claim may have been made, its answer lost, and the run taken over by another replica
// before the claim is tried again. What it has recorded is the run's by then.
func TestBodiesOfAClaimThatWasMadeAndTakenOverStay(t *testing.T) {
	s, b := pgledgertest.New(t), bucket(t.TempDir())
	o := pgledger.Options{Bodies: b, BodiesFrom: 10}
	other, err := open(address(s), o)
	must(t, err)
	defer func() { must(t, other.Close()) }()
	data := []byte("more than ten bytes")
	claim := func(l pipeline.Ledger, owner string, lease time.Duration) (pipeline.Claimed, error) {
		return l.Claim(t.Context(), key, pipeline.ClaimOptions{Owner: owner, Lease: lease, First: []pipeline.Record{{Kind: "call", Data: data}}})
	}

	config, err := pgxpool.ParseConfig(address(s))
	must(t, err)
	var taken pipeline.Claimed
	var takeErr error
	var lost atomic.Bool
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		return &lossy{Conn: c, word: "hears nothing", lost: &lost, then: func() { taken, takeErr = claim(other, "takes over", time.Hour) }}, err
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	defer pool.Close()
	l, err := pgledger.Open(t.Context(), pool, o)
	must(t, err)
	defer func() { must(t, l.Close()) }()

	if _, err := claim(l, "hears nothing", time.Nanosecond); !errors.Is(err, pipeline.ErrBusy) {
		t.Errorf("the claim that was taken over: %v", err)
	}
	must(t, takeErr)
	run, err := other.Load(t.Context(), taken.Lease.Run)
	if err != nil || !taken.TakenOver || len(run.Records) != 2 || string(run.Records[0].Data) != string(data) {
		t.Errorf("%d records, taken over %v, %v", len(run.Records), taken.TakenOver, err)
	}
}

// unsure keeps what it is given, and says that it has not.
type unsure struct{ bucket }

func (u unsure) Put(ctx context.Context, name string, data []byte) error {
	return errors.Join(u.bucket.Put(ctx, name, data), errAway)
}

func TestABodyThatABucketKeepsAndRefusesIsRemoved(t *testing.T) {
	s, b := pgledgertest.New(t), bucket(t.TempDir())
	l, err := open(address(s), pgledger.Options{Bodies: unsure{b}, BodiesFrom: 10})
	must(t, err)
	defer func() { must(t, l.Close()) }()
	claimed, err := l.Claim(t.Context(), key, pipeline.ClaimOptions{Owner: "x", Lease: time.Hour})
	must(t, err)
	lost := pipeline.Record{Kind: "lost", Data: []byte("more than ten bytes")}
	if err := l.Append(t.Context(), claimed.Lease, lost); !errors.Is(err, errAway) || len(b.files(t)) != 0 {
		t.Errorf("%d bodies stay; %v", len(b.files(t)), err)
	}
}

// leaving is a bucket whose caller goes away when a body is kept.
type leaving struct {
	bucket
	leave func()
}

func (l leaving) Put(ctx context.Context, name string, data []byte) error {
	defer l.leave()
	return l.bucket.Put(ctx, name, data)
}

func TestBodiesOfACallThatIsRefusedAfterItsCallerHasLeftAreRemoved(t *testing.T) {
	s, b := pgledgertest.New(t), bucket(t.TempDir())
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	l, err := open(address(s), pgledger.Options{Bodies: leaving{b, leave}, BodiesFrom: 10})
	must(t, err)
	claimed, err := l.Claim(t.Context(), key, pipeline.ClaimOptions{Owner: "x", Lease: time.Hour})
	must(t, err)
	pool, err := pgxpool.New(t.Context(), address(s))
	must(t, err)
	defer pool.Close()
	tx, err := pool.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "UPDATE exportpipeline.ledger_run SET fence = fence + 1")
	must(t, err)
	late := pipeline.Record{Kind: "late", Data: []byte("more than ten bytes")}
	if err := l.Append(ctx, claimed.Lease, late); !errors.Is(err, context.Canceled) {
		t.Errorf("recording while the run is locked: %v", err)
	}
	must(t, tx.Commit(t.Context()))
	must(t, l.Close())
	if n := len(b.files(t)); n != 0 {
		t.Errorf("%d bodies stay, which no record has", n)
	}
}

// fetching is a bucket where something happens before a body is read.
type fetching struct {
	bucket
	before func()
}

func (f fetching) Get(ctx context.Context, name string) ([]byte, error) {
	f.before()
	return f.bucket.Get(ctx, name)
}

func TestARunThatIsErasedWhileItsBodiesAreReadIsNotThere(t *testing.T) {
	s, b := pgledgertest.New(t), bucket(t.TempDir())
	var erased error
	var l pipeline.Ledger
	erase := func() { erased = l.Erase(t.Context(), key.Organization, key.Annotation) }
	l, err := open(address(s), pgledger.Options{Bodies: fetching{b, erase}, BodiesFrom: 10})
	must(t, err)
	defer func() { must(t, l.Close()) }()
	first := []pipeline.Record{{Kind: "call", Data: []byte("more than ten bytes")}}
	claimed, err := l.Claim(t.Context(), key, pipeline.ClaimOptions{Owner: "x", Lease: time.Hour, First: first})
	must(t, err)
	if _, err := l.Load(t.Context(), claimed.Lease.Run); !errors.Is(err, pipeline.ErrNoRun) {
		t.Errorf("reading the run: %v", err)
	}
	must(t, erased)
}
