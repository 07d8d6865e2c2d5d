package pgledger

import (
	"context"
	_ "embed" // of the tables
	"errors"
	"fmt"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// migration makes one form of the tables from the one before.
type migration struct {
	form    int    // 1 for the first
	oldest  int    // the oldest form whose programs work on this one
	sql     string // only adds, and may be done twice
	indexes []index
}

// index is made concurrently, on a table that has rows.
type index struct {
	name string // without schema and prefix
	on   string // such as "@p@run (owner)"
}

//go:embed schema/1.sql
var form1 string

var migrations = []migration{{form: 1, oldest: 1, sql: form1}}

// lockTime is how long a change of a table waits for the statements of others, which
// wait for it meanwhile.
const lockTime = "2s"

// migrate makes what is missing. Of several processes that do so one works, and the others
// look again until it has.
func (l *ledger) migrate(ctx context.Context, migrations []migration) error {
	mine := migrations[len(migrations)-1].form
	for {
		latest, err := l.form(ctx, mine)
		if err != nil || latest >= mine {
			return err
		}
		worked, err := l.migrateAlone(ctx, migrations, mine)
		if worked || err != nil {
			return err
		}
		select {
		case <-time.After(migrateAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

const migrateAgain = 100 * time.Millisecond

// migrateAlone does it unless another process does.
//
// The transaction only holds a lock; the lock of a session would not work through PgBouncer.
// It must have no snapshot meanwhile, and so must whoever waits for it, since making an index
// waits for those: hence the simple protocol, and nobody who waits within PostgreSQL.
func (l *ledger) migrateAlone(ctx context.Context, migrations []migration, mine int) (worked bool, err error) {
	err = pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		lock := "SELECT pg_try_advisory_xact_lock(hashtextextended('exportpipeline ledger " + l.prefix + "', 0))"
		if err := tx.QueryRow(ctx, lock, pgx.QueryExecModeSimpleProtocol).Scan(&worked); err != nil || !worked {
			return err
		}
		latest, err := l.form(ctx, mine)
		if err != nil {
			return err
		}
		for _, m := range migrations {
			if m.form <= latest {
				continue
			}
			if err := l.apply(ctx, m); err != nil {
				return fmt.Errorf("form %d: %w", m.form, err)
			}
		}
		return nil
	})
	return worked, err
}

// form is that of the tables, 0 if there are none. The error wraps ErrNewerFormat if a
// program of form mine can't use them.
func (l *ledger) form(ctx context.Context, mine int) (latest int, err error) {
	var there bool
	if err := l.pool.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", l.args(l.prefix+"form")...).Scan(&there); err != nil || !there {
		return 0, err
	}
	var oldest int
	err = l.pool.QueryRow(ctx, "SELECT coalesce(max(form), 0), coalesce(max(oldest), 0) FROM "+l.prefix+"form", l.args()...).Scan(&latest, &oldest)
	if err == nil && oldest > mine {
		err = fmt.Errorf("%w: the tables have form %d, which serves programs of form %d and later; this one has form %d", pipeline.ErrNewerFormat, latest, oldest, mine)
	}
	return latest, err
}

// apply makes one form. It may have been begun before.
func (l *ledger) apply(ctx context.Context, m migration) error {
	if err := l.change(ctx, m); err != nil {
		return err
	}
	for _, i := range m.indexes {
		if err := l.makeIndex(ctx, i); err != nil {
			return fmt.Errorf("index %s: %w", l.o.Prefix+i.name, err)
		}
	}
	_, err := l.pool.Exec(ctx, "INSERT INTO "+l.prefix+"form VALUES ($1, $2) ON CONFLICT DO NOTHING", l.args(m.form, m.oldest)...)
	return err
}

// change makes tables, columns and functions. Where a table is in use for long, it steps
// back for the others, and tries again.
func (l *ledger) change(ctx context.Context, m migration) error {
	for {
		err := pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
			text := "SET LOCAL lock_timeout = '" + lockTime + "'; SET LOCAL client_min_messages = 'warning';\n"
			var there bool
			if err := tx.QueryRow(ctx, "SELECT to_regnamespace($1) IS NOT NULL", l.args(l.schema)...).Scan(&there); err != nil {
				return err
			}
			if !there { // IF NOT EXISTS needs the right to make schemas even if it exists
				text += "CREATE SCHEMA @schema@;\n"
			}
			text += "CREATE TABLE IF NOT EXISTS @p@form (form int PRIMARY KEY, oldest int NOT NULL);\n" + m.sql
			_, err := tx.Exec(ctx, l.sql(text), pgx.QueryExecModeSimpleProtocol)
			return err
		})
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "55P03" {
			return err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// makeIndex makes an index without keeping anybody from writing. One that was cut short is
// not valid, and made anew.
func (l *ledger) makeIndex(ctx context.Context, i index) error {
	var valid bool
	name := l.prefix + i.name
	err := l.pool.QueryRow(ctx, "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)", l.args(name)...).Scan(&valid)
	switch {
	case err == nil && valid:
		return nil
	case err == nil:
		if _, err := l.pool.Exec(ctx, "DROP INDEX CONCURRENTLY "+name, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	case !errors.Is(err, pgx.ErrNoRows):
		return err
	}
	_, err = l.pool.Exec(ctx, l.sql("CREATE INDEX CONCURRENTLY @i@"+i.name+" ON "+i.on), pgx.QueryExecModeSimpleProtocol)
	return err
}
