package pgledger_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger/pgledgertest"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
)

// bucket is a folder with bodies.
type bucket string

func (b bucket) Put(_ context.Context, name string, data []byte) error {
	path := filepath.Join(string(b), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

func (b bucket) Get(_ context.Context, name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(b), filepath.FromSlash(name)))
}

func (b bucket) Delete(_ context.Context, names ...string) error {
	for _, name := range names {
		if err := os.Remove(filepath.Join(string(b), filepath.FromSlash(name))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// files are the bodies that are there.
func (b bucket) files(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(string(b), "body", "*"))
	must(t, err)
	return found
}

func TestLedgerKeepsTheRulesWithBodiesInABucket(t *testing.T) {
	s, dir := pgledgertest.New(t), t.TempDir()
	pipelinetest.TestLedger(t, pipelinetest.LedgerHarness{
		Open: func() (pipeline.Ledger, error) {
			return open(address(s), pgledger.Options{Bodies: bucket(dir), BodiesFrom: 1000})
		},
		Env: []string{databaseEnv + "=" + address(s), bucketEnv + "=" + dir},
	})
}

func TestBodiesInABucketLiveAsLongAsTheirRuns(t *testing.T) {
	s, b := pgledgertest.New(t), bucket(t.TempDir())
	o := pgledger.Options{Bodies: b}
	l, err := open(address(s), o)
	must(t, err)
	defer func() { must(t, l.Close()) }()
	large, small := bytes.Repeat([]byte("d"), 64<<10), []byte("small")
	begin := func(annotation int64) pipeline.Lease {
		k := key
		k.Annotation = annotation
		claimed, err := l.Claim(
			t.Context(),
			k,
			pipeline.ClaimOptions{Owner: "x", Lease: time.Hour, First: []pipeline.Record{{Kind: "call", Data: large}}},
		)
		must(t, err)
		must(t, l.Append(t.Context(), claimed.Lease, pipeline.Record{Kind: "small", Data: small}, pipeline.Record{Kind: "large", Data: large}))
		return claimed.Lease
	}
	erased, ended, lives := begin(1), begin(2), begin(3)
	if n := len(b.files(t)); n != 6 {
		t.Fatalf("%d bodies, want two of each run", n)
	}

	run, err := l.Load(t.Context(), lives.Run)
	must(t, err)
	for i, want := range [][]byte{large, small, large} {
		if !bytes.Equal(run.Records[i].Data, want) {
			t.Errorf("record %d has %d bytes", i, len(run.Records[i].Data))
		}
	}

	must(t, l.Erase(t.Context(), key.Organization, 1))
	if n := len(b.files(t)); n != 4 {
		t.Errorf("after an erasure %d bodies, want 4", n)
	}
	late := pipeline.Record{Kind: "late", Data: large}
	if err := l.Append(t.Context(), erased, late); !errors.Is(err, pipeline.ErrFenced) {
		t.Errorf("recording in an erased run: %v", err)
	}
	must(t, l.End(t.Context(), ended, pipeline.Record{Kind: "end", Data: large}))
	if err := l.Append(t.Context(), ended, late); !errors.Is(err, pipeline.ErrEnded) {
		t.Errorf("recording in an ended run: %v", err)
	}
	if _, err := l.Claim(t.Context(), pipeline.RunKey{Organization: key.Organization, Hook: key.Hook, Annotation: 3, Event: key.Event},
		pipeline.ClaimOptions{Owner: "y", Lease: time.Hour, First: []pipeline.Record{late}}); err == nil {
		t.Error("a running run was claimed")
	}
	if n := len(b.files(t)); n != 5 {
		t.Errorf("what was refused left its bodies: %d, want 5", n)
	}
	if _, err := l.Expire(t.Context(), 0); err != nil || len(b.files(t)) != 2 {
		t.Errorf("after expiry %d bodies, want 2; %v", len(b.files(t)), err)
	}

	without, err := open(address(s), pgledger.Options{})
	must(t, err)
	if _, err := without.Load(t.Context(), lives.Run); err == nil || !strings.Contains(err.Error(), "set Options.Bodies") {
		t.Errorf("without the bucket: %v", err)
	}
	must(t, without.Close())
	must(t, os.WriteFile(b.files(t)[0], large[1:], 0o600))
	if _, err := l.Load(t.Context(), lives.Run); err == nil || !strings.Contains(err.Error(), "not the one that was kept") {
		t.Errorf("a body that was changed: %v", err)
	}
	must(t, os.Remove(b.files(t)[0]))
	if _, err := l.Load(t.Context(), lives.Run); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a body that is gone: %v", err)
	}
}

func TestBodiesFromIsForBodies(t *testing.T) {
	for _, o := range []pgledger.Options{{BodiesFrom: 1000}, {Bodies: bucket(t.TempDir()), BodiesFrom: -1}} {
		if _, err := open("host=nowhere", o); err == nil || !strings.Contains(err.Error(), "together with Bodies") {
			t.Errorf("BodiesFrom %d: %v", o.BodiesFrom, err)
		}
	}
}

// away is a bucket that can't be reached.
type away struct{ bucket }

var errAway = errors.New("the bucket is away")

func (away) Put(context.Context, string, []byte) error   { return errAway }
func (away) Delete(_ context.Context, _ ...string) error { return errAway }

func TestWhatABucketRefusesIsNotAcknowledgedAndRemovedLater(t *testing.T) {
	s, b := pgledgertest.New(t), bucket(t.TempDir())
	l, err := open(address(s), pgledger.Options{Bodies: b, BodiesFrom: 10})
	must(t, err)
	defer func() { must(t, l.Close()) }()
	data := []byte("more than ten bytes")
	claimed, err := l.Claim(
		t.Context(),
		key,
		pipeline.ClaimOptions{Owner: "x", Lease: time.Hour, First: []pipeline.Record{{Kind: "call", Data: data}}},
	)
	must(t, err)

	broken, err := open(address(s), pgledger.Options{Bodies: away{b}, BodiesFrom: 10})
	must(t, err)
	defer func() { must(t, broken.Close()) }()
	if err := broken.Append(t.Context(), claimed.Lease, pipeline.Record{Kind: "lost", Data: data}); !errors.Is(err, errAway) {
		t.Errorf("recording: %v", err)
	}
	if run, err := l.Load(t.Context(), claimed.Lease.Run); err != nil || len(run.Records) != 1 {
		t.Errorf("the run has %d records, %v", len(run.Records), err)
	}
	if err := broken.Erase(t.Context(), key.Organization, key.Annotation); !errors.Is(err, errAway) {
		t.Errorf("erasing: %v", err)
	}
	if n := len(b.files(t)); n != 1 {
		t.Errorf("%d bodies, want the one that could not be removed", n)
	}
	if _, err := l.Expire(t.Context(), time.Hour); err != nil || len(b.files(t)) != 0 {
		t.Errorf("the next sweep left %d bodies; %v", len(b.files(t)), err)
	}
}
