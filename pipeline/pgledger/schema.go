package pgledger

import (
	"context"
	"fmt"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/jackc/pgx/v5"
)

// form is the version of the tables; the functions' names end with it, so that an
// old and a new version of this package may work on the same tables.
const form = 1

// Each call of the ledger is one statement, a function's call: a process that is
// stopped at any moment holds no lock, since it never has an open transaction.
const schema = `
CREATE SCHEMA IF NOT EXISTS @schema@;
CREATE TABLE IF NOT EXISTS @p@form (form int PRIMARY KEY);
CREATE SEQUENCE IF NOT EXISTS @p@generation;
CREATE TABLE IF NOT EXISTS @p@run (
	id text PRIMARY KEY,
	organization text NOT NULL,
	hook text NOT NULL,
	annotation bigint NOT NULL,
	event text NOT NULL,
	generation bigint NOT NULL,
	fence bigint NOT NULL,
	owner text NOT NULL,
	instance text NOT NULL,
	content text NOT NULL,
	fingerprint text NOT NULL,
	begun timestamptz NOT NULL,
	ended timestamptz,
	outcome text NOT NULL DEFAULT '',
	lease_end timestamptz NOT NULL,
	released boolean NOT NULL DEFAULT false,
	count bigint NOT NULL DEFAULT 0,
	last timestamptz NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS @i@one_unended ON @p@run (annotation, organization, hook, event) WHERE ended IS NULL;
CREATE INDEX IF NOT EXISTS @i@by_annotation ON @p@run (annotation, generation);
CREATE INDEX IF NOT EXISTS @i@by_generation ON @p@run (generation);
CREATE INDEX IF NOT EXISTS @i@by_end ON @p@run (ended) WHERE ended IS NOT NULL;
CREATE TABLE IF NOT EXISTS @p@record (
	run text NOT NULL REFERENCES @p@run ON DELETE CASCADE,
	seq bigint NOT NULL,
	kind text NOT NULL,
	version bigint NOT NULL,
	at timestamptz NOT NULL,
	data bytea NOT NULL,
	PRIMARY KEY (run, seq)
);
ALTER TABLE @p@record ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE OR REPLACE VIEW @p@info_1 AS SELECT id, organization, hook, annotation, event, generation, fence, owner, content, fingerprint, begun, ended, outcome, count,
	CASE WHEN ended IS NOT NULL THEN 3 WHEN NOT released AND lease_end > clock_timestamp() THEN 1 ELSE 2 END AS state, clock_timestamp() AS seen FROM @p@run;

CREATE OR REPLACE FUNCTION @p@add_1(r @p@run, at timestamptz, kinds text[], versions bigint[], datas bytea[]) RETURNS void LANGUAGE sql AS $$
	INSERT INTO @p@record SELECT (r).id, (r).count + i, kinds[i], versions[i], at, datas[i] FROM generate_subscripts(kinds, 1) i
$$;

CREATE OR REPLACE FUNCTION @p@write_1(run_id text, lease_fence bigint, lease interval, what text, kinds text[], versions bigint[], datas bytea[])
RETURNS TABLE (code text, new_owner text) LANGUAGE plpgsql AS $$
DECLARE
	r @p@run;
	t timestamptz;
BEGIN
	SELECT * INTO r FROM @p@run WHERE @p@run.id = run_id FOR UPDATE;
	IF NOT FOUND THEN
		RETURN QUERY SELECT 'missing', ''; RETURN;
	END IF;
	IF what <> 'note' THEN
		IF r.fence = lease_fence AND r.ended IS NOT NULL THEN
			RETURN QUERY SELECT 'ended', ''; RETURN;
		ELSIF r.fence <> lease_fence THEN
			RETURN QUERY SELECT 'fenced', r.owner; RETURN;
		ELSIF r.released THEN
			RETURN QUERY SELECT 'fenced', ''; RETURN;
		END IF;
	END IF;
	t := greatest(clock_timestamp(), r.last);
	PERFORM @p@add_1(r, t, kinds, versions, datas);
	UPDATE @p@run u SET count = u.count + coalesce(array_length(kinds, 1), 0), last = t,
		lease_end = CASE WHEN what = 'append' THEN clock_timestamp() + lease ELSE u.lease_end END,
		released = u.released OR what = 'release',
		ended = CASE WHEN what = 'end' THEN t ELSE u.ended END,
		outcome = CASE WHEN what = 'end' THEN kinds[1] ELSE u.outcome END
		WHERE u.id = run_id;
	RETURN QUERY SELECT 'ok', '';
END $$;

CREATE OR REPLACE FUNCTION @p@claim_1(prefix text, key_organization text, key_hook text, key_annotation bigint, key_event text, new_owner text, new_instance text,
	lease interval, new_content text, new_fingerprint text, known bigint, resume text, kinds text[], versions bigint[], datas bytea[])
RETURNS TABLE (code text, run_id text) LANGUAGE plpgsql AS $$
DECLARE
	r @p@run;
	t timestamptz;
	g bigint;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended(prefix, 1));
	SELECT * INTO r FROM @p@run u WHERE u.annotation = key_annotation AND u.organization = key_organization AND u.hook = key_hook AND u.event = key_event
		AND (resume = '' OR u.id = resume) ORDER BY u.generation DESC LIMIT 1 FOR UPDATE;
	IF resume <> '' AND NOT FOUND THEN
		RETURN QUERY SELECT 'missing', ''; RETURN;
	ELSIF resume <> '' AND r.ended IS NOT NULL THEN
		RETURN QUERY SELECT 'ended', r.id; RETURN;
	ELSIF r.id IS NOT NULL AND r.ended IS NULL THEN
		IF NOT r.released AND r.lease_end > clock_timestamp() THEN
			RETURN QUERY SELECT 'busy', r.id; RETURN;
		END IF;
		t := greatest(clock_timestamp(), r.last);
		UPDATE @p@run u SET fence = u.fence + 1, owner = new_owner, instance = new_instance, released = false, lease_end = clock_timestamp() + lease,
			count = u.count + coalesce(array_length(kinds, 1), 0), last = t WHERE u.id = r.id;
		PERFORM @p@add_1(r, t, kinds, versions, datas);
		RETURN QUERY SELECT 'taken', r.id; RETURN;
	ELSIF r.generation > known THEN
		RETURN QUERY SELECT 'stale', r.id; RETURN;
	END IF;
	t := clock_timestamp();
	g := setval('@p@generation', greatest(nextval('@p@generation'), (extract(epoch FROM t) * 1000000)::bigint, coalesce(r.generation, 0) + 1));
	INSERT INTO @p@run VALUES (prefix || g, key_organization, key_hook, key_annotation, key_event, g, 1, new_owner, new_instance, new_content, new_fingerprint,
		t, NULL, '', clock_timestamp() + lease, false, coalesce(array_length(kinds, 1), 0), t) RETURNING * INTO r;
	r.count := 0;
	PERFORM @p@add_1(r, t, kinds, versions, datas);
	RETURN QUERY SELECT 'new', r.id;
END $$;
`

// migrate makes what is missing. Processes that do so at once wait for each other.
func (l *ledger) migrate(ctx context.Context) error {
	return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "exportpipeline ledger "+l.prefix); err != nil {
			return err
		}
		var there *string
		if err := tx.QueryRow(ctx, "SELECT to_regclass($1)::text", l.prefix+"form").Scan(&there); err != nil {
			return err
		}
		if there != nil {
			var latest int
			if err := tx.QueryRow(ctx, "SELECT coalesce(max(form), 0) FROM "+l.prefix+"form").Scan(&latest); err != nil {
				return err
			}
			if latest > form {
				return fmt.Errorf("%w: the tables have form %d", pipeline.ErrNewerFormat, latest)
			}
			if latest == form {
				return nil
			}
		}
		if _, err := tx.Exec(ctx, l.sql(schema), pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO "+l.prefix+"form VALUES ($1)", form)
		return err
	})
}

// sql puts the names of this ledger's tables into a text.
func (l *ledger) sql(text string) string {
	return strings.NewReplacer("@schema@", l.schema, "@p@", l.prefix, "@i@", strings.TrimPrefix(l.prefix, l.schema+".")).Replace(text)
}
