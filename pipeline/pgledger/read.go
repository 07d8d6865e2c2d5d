package pgledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/jackc/pgx/v5"
)

const infoColumns = "id, organization, hook, annotation, event, generation, fence, owner, content, fingerprint, begun, ended, outcome, count, state, seen, lease_end"

// nullable are the columns of a run that may not be there.
type nullable struct {
	id, organization, hook, event, owner, content, fingerprint, outcome *string
	annotation, generation, fence                                       *int64
	begun, ended, seen, leaseEnd                                        *time.Time
	count, state                                                        *int
}

// or returns what p points to, the zero value if it is nil.
func or[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// scanInfo reads the columns of a run, and those after them; left is how long its lease
// lasts. Where there is no run the info is zero.
func scanInfo(row pgx.Row, more ...any) (i pipeline.RunInfo, left time.Duration, err error) {
	var n nullable
	err = row.Scan(append([]any{&n.id, &n.organization, &n.hook, &n.annotation, &n.event, &n.generation, &n.fence, &n.owner, &n.content, &n.fingerprint,
		&n.begun, &n.ended, &n.outcome, &n.count, &n.state, &n.seen, &n.leaseEnd}, more...)...)
	if err != nil || n.id == nil {
		return i, 0, err
	}
	i = pipeline.RunInfo{
		ID:         pipeline.RunID(*n.id),
		Key:        pipeline.RunKey{Organization: or(n.organization), Hook: or(n.hook), Annotation: or(n.annotation), Event: or(n.event)},
		Generation: or(n.generation), Fence: or(n.fence), State: pipeline.RunState(or(n.state)), Owner: or(n.owner),
		Content: or(n.content), Fingerprint: or(n.fingerprint), Started: or(n.begun).UTC(), Outcome: pipeline.RecordKind(or(n.outcome)), Count: or(n.count), Seen: or(n.seen).UTC(),
	}
	if n.ended != nil {
		i.Ended = n.ended.UTC()
	}
	return i, or(n.leaseEnd).Sub(i.Seen), nil
}

// missing says that there is no such run.
func missing(id pipeline.RunID, err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("run %.100s: %w", id, pipeline.ErrNoRun)
	}
	return err
}

func (l *ledger) Load(ctx context.Context, id pipeline.RunID) (run pipeline.Run, err error) {
	if err := l.enter(ctx); err != nil {
		return run, err
	}
	defer l.calls.Done()
	// One statement, and so one snapshot. What a run is stands in its first row only.
	text := "SELECT " + infoColumns + ", seq, kind, version, at, body, CASE WHEN body = '" + inTable + "' THEN (SELECT b.data FROM " + l.prefix +
		"body b WHERE b.run = r.run AND b.seq = r.seq) ELSE r.data END FROM " + l.prefix + "info_1 i LEFT JOIN " + l.prefix + "record r ON r.run = i.id WHERE i.id = $1 ORDER BY seq"
	var bodies []string
	err = l.retry(ctx, "loading run "+string(id), func(ctx context.Context, _ bool) error {
		run, bodies = pipeline.Run{}, nil
		rows, err := l.pool.Query(ctx, text, l.args(clean(id))...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var seq *int64
			var kind, body *string
			var version *int
			var at *time.Time
			var data []byte
			if run.RunInfo, _, err = scanInfo(rows, &seq, &kind, &version, &at, &body, &data); err != nil {
				return err
			}
			if seq != nil {
				run.Records = append(run.Records, pipeline.Record{Seq: *seq, Kind: pipeline.RecordKind(*kind), Version: *version, Time: at.UTC(), Data: data})
				bodies = append(bodies, *body)
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if run.ID == "" {
			return pgx.ErrNoRows
		}
		return nil
	})
	if err == nil {
		err = l.fill(ctx, &run, bodies)
		if err != nil && l.isGone(ctx, id) { // since it was read
			err = pgx.ErrNoRows
		}
	}
	return run, missing(id, err)
}

// isGone reports that there is no such run.
func (l *ledger) isGone(ctx context.Context, id pipeline.RunID) bool {
	there := true
	err := l.retry(ctx, "looking for run "+string(id), func(ctx context.Context, _ bool) error {
		return l.pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+l.prefix+"run WHERE id = $1)", l.args(clean(id))...).Scan(&there)
	})
	return err == nil && !there
}

// page is how many runs Find reads at a time.
const page = 500

func (l *ledger) Find(ctx context.Context, q pipeline.RunQuery) iter.Seq2[pipeline.RunInfo, error] {
	return func(yield func(pipeline.RunInfo, error) bool) {
		var last *pipeline.RunInfo
		for left := q.Limit; ; {
			most := page
			if q.Limit > 0 {
				most = min(page, left)
			}
			found, err := l.find(ctx, q, last, most)
			if err != nil {
				yield(pipeline.RunInfo{}, err)
				return
			}
			for _, i := range found {
				if !yield(i, nil) {
					return
				}
			}
			left -= len(found)
			if len(found) < most || q.Limit > 0 && left == 0 {
				return
			}
			last = &found[len(found)-1]
		}
	}
}

// find reads a page of runs, those after the last one of the page before.
func (l *ledger) find(ctx context.Context, q pipeline.RunQuery, last *pipeline.RunInfo, most int) (found []pipeline.RunInfo, err error) {
	if err := l.enter(ctx); err != nil {
		return nil, err
	}
	defer l.calls.Done()
	text := "SELECT " + infoColumns + " FROM " + l.prefix + "info_1 WHERE true"
	var args []any
	and := func(condition string, list ...any) {
		args = append(args, list...)
		text += " AND " + fmt.Sprintf(condition, len(args)-len(list)+1, len(args))
	}
	if q.Organization != "" {
		and("organization = $%[1]d", q.Organization)
	}
	if q.Hook != "" {
		and("hook = $%[1]d", q.Hook)
	}
	if q.Annotation != 0 {
		and("annotation = $%[1]d", q.Annotation)
	}
	if q.Event != "" {
		and("event = $%[1]d", q.Event)
	}
	if q.State == pipeline.RunEnded {
		text += " AND ended IS NOT NULL"
	} else if q.State != 0 {
		text += " AND ended IS NULL"
		and("state = $%[1]d", int(q.State))
	}
	if !q.Since.IsZero() {
		and("begun >= $%[1]d", q.Since)
	}
	if last != nil {
		and("(generation, id) < ($%[1]d, $%[2]d)", last.Generation, string(last.ID))
	}
	text += fmt.Sprintf(" ORDER BY generation DESC, id DESC LIMIT %d", most)
	err = l.retry(ctx, "finding runs", func(ctx context.Context, _ bool) error {
		rows, err := l.pool.Query(ctx, text, l.args(args...)...)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (pipeline.RunInfo, error) {
			i, _, err := scanInfo(row)
			return i, err
		})
		return err
	})
	return found, err
}
