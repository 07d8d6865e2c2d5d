package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

var ledgerKey = pipeline.RunKey{Organization: "https://one.rossum.example", Hook: "7", Annotation: 314, Event: "annotation_content.export"}

func TestAMemoryLedgerGivesARunToOneOwnerAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, ledger := t.Context(), pipeline.MemoryLedger()
		o := pipeline.ClaimOptions{Owner: "one", Lease: time.Minute, First: []pipeline.Record{{Kind: "begun", Data: []byte("x")}}}
		first, err := ledger.Claim(ctx, ledgerKey, o)
		if err != nil || first.TakenOver || first.Run.State != pipeline.RunLive || first.Run.Count != 1 {
			t.Fatalf("got %+v, %v", first, err)
		}
		time.Sleep(time.Minute - 1)
		var busy *pipeline.BusyError
		if _, err := ledger.Claim(ctx, ledgerKey, o); !errors.As(err, &busy) || busy.Run.ID != first.Run.ID {
			t.Fatalf("got %v", err)
		}
		info, err := ledger.Wait(ctx, first.Run.ID)
		if err != nil || info.State != pipeline.RunAbandoned {
			t.Fatalf("got %v, %v", info.State, err)
		}
		o.Owner = "two"
		second, err := ledger.Claim(ctx, ledgerKey, o)
		if err != nil || !second.TakenOver || second.Run.ID != first.Run.ID || second.Lease.Fence <= first.Lease.Fence {
			t.Fatalf("got %+v, %v", second, err)
		}
		if err := ledger.Append(ctx, first.Lease, pipeline.Record{Kind: "late"}); !errors.Is(err, pipeline.ErrFenced) {
			t.Fatalf("got %v", err)
		}
		if err := ledger.End(ctx, second.Lease, pipeline.Record{Kind: "done"}); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.Claim(ctx, ledgerKey, o); !errors.Is(err, pipeline.ErrStale) {
			t.Fatalf("got %v", err)
		}
		o.After = second.Run.Generation
		if third, err := ledger.Claim(ctx, ledgerKey, o); err != nil || third.Run.Generation <= second.Run.Generation {
			t.Fatalf("got %+v, %v", third, err)
		}
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		if err := ledger.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.Load(cancelled, first.Run.ID); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		if _, err := ledger.Load(ctx, first.Run.ID); !errors.Is(err, pipeline.ErrLedgerClosed) {
			t.Fatalf("got %v", err)
		}
	})
}
