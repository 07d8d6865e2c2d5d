package folderledger

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/disk"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// A process that is stopped while it claims keeps nobody away, and gets nothing when
// it goes on.
func TestAClaimThatStandsStillKeepsNobodyAway(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]disk.Op{"before it makes the file": disk.Open, "before it writes the file": disk.Write} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var d disk.Disk
			gate, reached := make(chan struct{}), make(chan struct{})
			var once atomic.Bool
			d.Fault = func(o disk.Op, path string, size int) (int, error) {
				if o == op && strings.HasSuffix(path, runSuffix) && once.CompareAndSwap(false, true) {
					close(reached)
					<-gate
				}
				return size, nil
			}
			dir := t.TempDir()
			slow, quick := openOn(t, dir, &d), openOn(t, dir, &disk.Disk{})
			done := make(chan error, 1)
			go func() {
				_, err := slow.Claim(t.Context(), diskKey(1), pipeline.ClaimOptions{Owner: "slow", Lease: time.Hour})
				done <- err
			}()
			<-reached
			got, err := quick.Claim(t.Context(), diskKey(1), pipeline.ClaimOptions{Owner: "quick", Lease: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			close(gate)
			if err := <-done; !errors.Is(err, pipeline.ErrBusy) {
				t.Errorf("the claim that stood still: %v", err)
			}
			if err := quick.Append(t.Context(), got.Lease, pipeline.Record{Kind: "x"}); err != nil {
				t.Error(err)
			}
			n := 0
			for info, err := range slow.Find(t.Context(), pipeline.RunQuery{}) {
				if n++; err != nil || info.Owner != "quick" || info.Count != 1 {
					t.Errorf("%+v, %v", info, err)
				}
			}
			if n != 1 {
				t.Errorf("%d runs are there, want 1", n)
			}
		})
	}
}

// An owner that is stopped while it records is replaced, and what it records when it
// goes on is refused.
func TestAnOwnerThatStandsStillIsReplaced(t *testing.T) {
	t.Parallel()
	var d disk.Disk
	gate, reached := make(chan struct{}), make(chan struct{})
	var armed atomic.Bool
	d.Fault = func(o disk.Op, path string, size int) (int, error) {
		if o == disk.Write && strings.HasSuffix(path, runSuffix) && armed.CompareAndSwap(true, false) {
			close(reached)
			<-gate
		}
		return size, nil
	}
	dir := t.TempDir()
	slow, quick := openOn(t, dir, &d), openOn(t, dir, &disk.Disk{})
	was, err := slow.Claim(t.Context(), diskKey(1), pipeline.ClaimOptions{
		Owner: "slow", Lease: time.Millisecond, First: []pipeline.Record{{Kind: "first"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	armed.Store(true)
	done := make(chan error, 1)
	go func() { done <- slow.Append(t.Context(), was.Lease, pipeline.Record{Kind: "lost"}) }()
	<-reached
	if _, err := quick.Wait(t.Context(), was.Run.ID); err != nil {
		t.Fatal(err)
	}
	now, err := quick.Claim(t.Context(), diskKey(1), pipeline.ClaimOptions{
		Owner: "quick", Lease: time.Hour, First: []pipeline.Record{{Kind: "heir"}},
	})
	if err != nil || !now.TakenOver {
		t.Fatalf("%+v, %v", now, err)
	}
	close(gate)
	if err := <-done; !errors.Is(err, pipeline.ErrFenced) {
		t.Errorf("the owner that stood still: %v", err)
	}
	if err := quick.Append(t.Context(), now.Lease, pipeline.Record{Kind: "on"}); err != nil {
		t.Error(err)
	}
	if run, err := slow.Load(t.Context(), was.Run.ID); err != nil || kindsOf(run) != "first heir on" || run.Damaged {
		t.Errorf("the run has %q, damaged %v, %v", kindsOf(run), run.Damaged, err)
	}
}
