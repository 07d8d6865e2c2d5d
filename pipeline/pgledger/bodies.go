package pgledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// Bodies keep large data of records outside of the database, such as in a bucket of S3:
// what a database keeps of a document of 40 MB is in its log, its backups and its standbys,
// too. The data is what the journal has sealed. Bodies must be safe for concurrent use, try
// again by themselves what may pass, and be as safe as the database is wanted to be: what Put
// has acknowledged must be found by all replicas, after a crash, too.
type Bodies interface {
	// Put keeps data under a new name of letters, digits and slashes. data is the caller's
	// after that.
	Put(ctx context.Context, name string, data []byte) error
	// Get returns the data under a name.
	Get(ctx context.Context, name string) ([]byte, error)
	// Delete removes what is under the names, if it is there.
	Delete(ctx context.Context, names ...string) error
}

// defaultBodiesFrom is how many bytes go to [Bodies], and no fewer.
const defaultBodiesFrom = 64 << 10

// put gives large data to the bodies, and keeps its hash instead.
func (l *ledger) put(ctx context.Context, c *columns) error {
	if l.o.Bodies == nil {
		return nil
	}
	for i, data := range c.datas {
		if len(data) < l.o.BodiesFrom {
			continue
		}
		c.bodies[i] = "body/" + strings.ToLower(rand.Text())
		if err := l.o.Bodies.Put(ctx, c.bodies[i], data); err != nil {
			// It may be there all the same.
			return errors.Join(fmt.Errorf("ledger in PostgreSQL: keeping a body of %d bytes: %w", len(data), err), l.takeBack(ctx, *c))
		}
		sum := sha256.Sum256(data)
		c.datas[i] = sum[:]
		c.size += len(sum) - len(data)
	}
	return nil
}

// takeBack removes the bodies of records that were refused.
func (l *ledger) takeBack(ctx context.Context, c columns) error {
	names := slices.DeleteFunc(slices.Clone(c.bodies), isInDatabase)
	if len(names) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightTime)
	defer cancel()
	if err := l.o.Bodies.Delete(ctx, names...); err != nil {
		return fmt.Errorf("ledger in PostgreSQL: removing the bodies %s, which no record has: %w", strings.Join(names, ", "), err)
	}
	return nil
}

func isInDatabase(body string) bool { return body == "" || body == inTable }

// fill gets the data of records that is not in the database.
func (l *ledger) fill(ctx context.Context, run *pipeline.Run, bodies []string) error {
	for i, name := range bodies {
		if isInDatabase(name) {
			continue
		}
		r := &run.Records[i]
		data, err := l.body(ctx, name)
		if err != nil {
			return fmt.Errorf("ledger in PostgreSQL: record %d of run %s: %w", r.Seq, run.ID, err)
		}
		if sum := sha256.Sum256(data); string(sum[:]) != string(r.Data) {
			return fmt.Errorf("ledger in PostgreSQL: record %d of run %s: the body %s is not the one that was kept: it has %d bytes and another hash", r.Seq, run.ID, name, len(data))
		}
		r.Data = data
	}
	return nil
}

func (l *ledger) body(ctx context.Context, name string) ([]byte, error) {
	if l.o.Bodies == nil {
		return nil, fmt.Errorf("its data is the body %s, which is kept outside of the database: set Options.Bodies", name)
	}
	data, err := l.o.Bodies.Get(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("reading the body %s: %w", name, err)
	}
	return data, nil
}

// unkeptTogether is how many bodies are removed at a time: what S3 takes at once.
const unkeptTogether = 1000

// sweep removes the bodies of runs that are removed. One that can't be is removed by the
// next sweep, of any replica.
func (l *ledger) sweep(ctx context.Context) error {
	if l.o.Bodies == nil {
		return nil
	}
	for {
		var names []string
		err := l.retry(ctx, "finding bodies of removed runs", func(ctx context.Context, _ bool) error {
			return l.pool.QueryRow(ctx, "SELECT coalesce(array_agg(name), '{}') FROM (SELECT name FROM "+l.prefix+"unkept ORDER BY name LIMIT $1) page",
				l.args(unkeptTogether)...).Scan(&names)
		})
		if err != nil || len(names) == 0 {
			return err
		}
		if err := l.o.Bodies.Delete(ctx, names...); err != nil {
			return fmt.Errorf("ledger in PostgreSQL: removing %d bodies of removed runs: %w", len(names), err)
		}
		err = l.retry(ctx, "noting removed bodies", func(ctx context.Context, _ bool) error {
			_, err := l.pool.Exec(ctx, "DELETE FROM "+l.prefix+"unkept WHERE name = ANY ($1)", l.args(names)...)
			return err
		})
		if err != nil {
			return err
		}
	}
}
