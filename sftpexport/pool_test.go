package sftpexport

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnOperationInWhichNothingMovesIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		defer close(hang)
		started := time.Now()
		err := do(t.Context(), func() error { <-hang; return nil })
		if !errors.Is(err, errAbandoned) || !isLost(err) {
			t.Errorf("the error is %v", err)
		}
		if took := time.Since(started); took != stallTimeout {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAnOperationThatMovesMayTakeLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var moved atomic.Int64
		_, err := askMoving(t.Context(), moved.Load, func() (int, error) {
			for range 600 {
				time.Sleep(time.Second)
				moved.Add(1)
			}
			return 0, nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestAnOperationThatOutlivesItsContextIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		defer close(hang)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		started := time.Now()
		err := do(ctx, func() error { <-hang; return nil })
		if !errors.Is(err, context.DeadlineExceeded) || !isLost(err) {
			t.Errorf("the error is %v", err)
		}
		if took := time.Since(started); took != time.Second+grace {
			t.Errorf("it took %v", took)
		}
	})
}
