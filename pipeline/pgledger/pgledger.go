package pgledger

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Options are the options of [Open]; the zero value works.
type Options struct {
	// Schema holds the tables; "exportpipeline" if empty. It is made if it is
	// missing.
	Schema string
	// Prefix begins the names of the tables; "ledger_" if empty. Two prefixes are two
	// ledgers.
	Prefix string
	// Patience is how long a call tries again while the database can't be reached, 10
	// seconds if 0; below 0 it tries once.
	Patience time.Duration
	// PgBouncer is for a pool whose connections lead to PgBouncer in transaction mode.
	PgBouncer bool
	// Listen is the address of the connection that hears of runs which have ended, if the
	// pool's connections can't: those through PgBouncer.
	Listen string
	// Standby says that the database has a standby that may take its place: Open insists
	// that commits wait for it.
	Standby bool
	// AsyncStandby allows a standby that commits don't wait for: one that is only read
	// and never takes the database's place.
	AsyncStandby bool
	// Unsafe allows a database that may forget what it has committed.
	Unsafe bool
	// Bodies, if not nil, keep data of BodiesFrom bytes and more. Data that is in the
	// database already stays there. All processes on the same tables need them.
	Bodies Bodies
	// BodiesFrom is 64 kB if it is 0. It is for Bodies only.
	BodiesFrom int
	// Logger gets what goes wrong beside the calls, such as the loss of the connection that
	// listens; slog.Default() if nil.
	Logger *slog.Logger
}

// String shows no address, which may have a password.
func (o Options) String() string { return "ledger in schema " + cmp.Or(o.Schema, defaultSchema) }

// Format implements [fmt.Formatter], so that no verb shows a password.
func (o Options) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, o.String()) }

// LogValue implements [slog.LogValuer].
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

// MarshalText keeps the password out of JSON and other encodings, which have what String returns.
func (o Options) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// listenConfig reads the address, nil if there is none. The driver's own error would show a
// password in many spellings.
func (o Options) listenConfig() (*pgx.ConnConfig, error) {
	if o.Listen == "" {
		return nil, nil
	}
	config, err := pgx.ParseConfig(o.Listen)
	if err != nil {
		return nil, errors.New("ledger in PostgreSQL: Options.Listen cannot be parsed; it is postgres://USER:PASSWORD@HOST:PORT/DATABASE with %-escapes, or host=HOST port=PORT user=USER …")
	}
	return config, nil
}

const (
	defaultPatience = 10 * time.Second
	defaultSchema   = "exportpipeline"
)

type ledger struct {
	pool     *pgxpool.Pool
	o        Options
	schema   string
	prefix   string // with the schema
	instance string
	log      *slog.Logger
	listen   *pgx.ConnConfig // of Options.Listen, nil without it
	writes   writer
	ends     listener

	life   context.Context // ends at Close
	stop   context.CancelFunc
	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup
}

var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// Open returns the ledger in a database, and makes its tables if they are missing. The
// pool needs two connections at least, and stays the caller's: Close of the ledger doesn't
// close it. The error wraps [pipeline.ErrNewerFormat] if a newer version has made the
// tables and this one can't use them.
func Open(ctx context.Context, pool *pgxpool.Pool, o Options) (pipeline.Ledger, error) {
	return open(ctx, pool, o, migrations)
}

func open(ctx context.Context, pool *pgxpool.Pool, o Options, migrations []migration) (*ledger, error) {
	o.Schema, o.Prefix = cmp.Or(o.Schema, defaultSchema), cmp.Or(o.Prefix, "ledger_")
	o.Patience = cmp.Or(o.Patience, defaultPatience)
	for _, name := range []string{o.Schema, o.Prefix} {
		if !plainName.MatchString(name) || len(name) > 40 {
			return nil, fmt.Errorf("ledger in PostgreSQL: %q is not a name of at most 40 lower-case letters, digits and _", name)
		}
	}
	if o.BodiesFrom < 0 || o.BodiesFrom > 0 && o.Bodies == nil {
		return nil, fmt.Errorf("ledger in PostgreSQL: BodiesFrom is %d: set it above 0, together with Bodies, or leave it out", o.BodiesFrom)
	}
	o.BodiesFrom = cmp.Or(o.BodiesFrom, defaultBodiesFrom)
	listen, err := o.listenConfig()
	if err != nil {
		return nil, err
	}
	if pool.Config().MaxConns < 2 {
		return nil, errors.New("ledger in PostgreSQL: the pool has one connection; set pool_max_conns to at least 2")
	}
	l := &ledger{pool: pool, o: o, schema: o.Schema, prefix: o.Schema + "." + o.Prefix, instance: strings.ToLower(rand.Text()), listen: listen, log: cmp.Or(o.Logger, slog.Default())}
	l.ends.listening, l.ends.polling = lookListening, lookPolling
	l.writes.most = min(4, int(pool.Config().MaxConns)-1)
	l.life, l.stop = context.WithCancel(context.Background())
	if err := l.checkSafety(ctx); err != nil {
		return nil, fmt.Errorf("ledger in PostgreSQL: %w", err)
	}
	if err := l.migrate(ctx, migrations); err != nil {
		return nil, fmt.Errorf("ledger in PostgreSQL: making the tables %s*: %w", l.prefix, err)
	}
	return l, nil
}

// channel is the name that ended runs are notified under.
func (l *ledger) channel() string {
	sum := sha256.Sum256([]byte(l.prefix))
	return "exportpipeline_" + hex.EncodeToString(sum[:8])
}

// sql puts the names of this ledger's tables into a text.
func (l *ledger) sql(text string) string {
	return strings.NewReplacer("@schema@", l.schema, "@p@", l.prefix, "@i@", l.o.Prefix, "@channel@", l.channel()).Replace(text)
}

// args are the arguments of a statement, after how pgx is to send it.
func (l *ledger) args(list ...any) []any {
	if l.o.PgBouncer {
		return append([]any{pgx.QueryExecModeExec}, list...)
	}
	return list
}

// enter begins a call.
func (l *ledger) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return pipeline.ErrLedgerClosed
	}
	l.calls.Add(1)
	return nil
}

func (l *ledger) Durable() bool { return true }

func (l *ledger) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	l.stop() // whoever waits learns that the ledger is closed
	l.calls.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return l.retry(ctx, "releasing runs", func(ctx context.Context, _ bool) error {
		_, err := l.pool.Exec(ctx, "SELECT "+l.prefix+"close_1($1)", l.args(l.instance)...)
		return err
	})
}
