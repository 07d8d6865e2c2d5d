package pgledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// passing are the SQL states of a database that restarts, is not the primary any more, is
// full for the moment, or has ended a transaction for the sake of others.
var passing = []string{"57P01", "57P02", "57P03", "53300", "25006", "40001", "40P01", "55P03"}

// isPassing reports whether a call may succeed if it is tried again. Whether it was done is
// not known then.
func isPassing(err error) bool {
	if errors.Is(err, pgx.ErrNoRows) || errors.Is(err, context.Canceled) {
		return false
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return strings.HasPrefix(refused.Code, "08") || slices.Contains(passing, refused.Code)
	}
	var parse *pgconn.ParseConfigError
	return !errors.As(err, &parse) // the connection was lost, or can't be made
}

// pauses between attempts.
const firstPause, longestPause = 20 * time.Millisecond, time.Second

// retry makes a call of the database, several times if it can't be reached. again reports
// that an earlier attempt may have been done.
func (l *ledger) retry(ctx context.Context, what string, call func(ctx context.Context, again bool) error) error {
	patience, cancel := context.WithTimeout(ctx, max(l.o.Patience, 0))
	defer cancel()
	pause := firstPause
	for again := false; ; again = true {
		err := call(ctx, again)
		if err == nil || errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		err = fmt.Errorf("ledger in PostgreSQL: %s: %w", what, err)
		if ctx.Err() != nil || !isPassing(err) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-patience.Done():
			return err
		}
		pause = min(2*pause, longestPause)
	}
}
