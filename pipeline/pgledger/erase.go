package pgledger

import (
	"context"
	"fmt"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

func (l *ledger) Erase(ctx context.Context, organization string, annotation int64, except ...pipeline.RunID) error {
	if err := l.enter(ctx); err != nil {
		return err
	}
	defer l.calls.Done()
	keep := []string{}
	for _, id := range except {
		keep = append(keep, clean(id))
	}
	err := l.retry(ctx, fmt.Sprintf("erasing annotation %d", annotation), func(ctx context.Context, _ bool) error {
		_, err := l.pool.Exec(ctx, "SELECT "+l.prefix+"erase_1($1,$2,$3)", l.args(organization, annotation, keep)...)
		return err
	})
	if err != nil {
		return err
	}
	return l.sweep(ctx)
}

// expireTogether is how many runs are removed in one transaction, so that nobody waits for
// long.
const expireTogether = 200

func (l *ledger) Expire(ctx context.Context, age time.Duration) (total int, err error) {
	if err := l.enter(ctx); err != nil {
		return 0, err
	}
	defer l.calls.Done()
	for {
		var n int
		err := l.retry(ctx, "removing old runs", func(ctx context.Context, _ bool) error {
			return l.pool.QueryRow(ctx, "SELECT "+l.prefix+"expire_1($1,$2)", l.args(age.Microseconds(), expireTogether)...).Scan(&n)
		})
		if total += n; err != nil {
			return total, err
		}
		if n == 0 {
			return total, l.sweep(ctx)
		}
	}
}
