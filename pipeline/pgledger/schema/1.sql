-- The tables. A migration only adds: tables, columns that may be null, functions of new
-- names. What the version before uses stays until the version after.
CREATE SEQUENCE IF NOT EXISTS @p@generation;

-- Appends change only columns without an index, so that PostgreSQL writes the new row
-- beside the old one, for which the fill factor leaves room.
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
	nonce bigint NOT NULL, -- of the latest claim: a claim that is tried again finds itself
	content text NOT NULL,
	fingerprint text NOT NULL,
	begun timestamptz NOT NULL,
	ended timestamptz,
	outcome text NOT NULL DEFAULT '',
	lease_end timestamptz NOT NULL,
	released boolean NOT NULL DEFAULT false,
	awaited boolean NOT NULL DEFAULT false, -- somebody wants to be notified of the end
	count bigint NOT NULL DEFAULT 0,
	last timestamptz NOT NULL -- of the latest record
) WITH (fillfactor = 60);
CREATE UNIQUE INDEX IF NOT EXISTS @i@one_unended ON @p@run (annotation, organization, hook, event) WHERE ended IS NULL;
CREATE INDEX IF NOT EXISTS @i@by_annotation ON @p@run (annotation, generation);
CREATE INDEX IF NOT EXISTS @i@by_generation ON @p@run (generation, id);
CREATE INDEX IF NOT EXISTS @i@by_end ON @p@run (ended) WHERE ended IS NOT NULL;

CREATE TABLE IF NOT EXISTS @p@record (
	run text NOT NULL,
	seq bigint NOT NULL,
	kind text NOT NULL,
	version bigint NOT NULL,
	at timestamptz NOT NULL,
	nonce bigint NOT NULL, -- of the call that wrote it: one that is tried again finds itself
	body text NOT NULL, -- where the data is: '' here, '.' in the table of bodies, else its name outside of the database, whose hash is here
	data bytea NOT NULL,
	PRIMARY KEY (run, seq)
);
-- Sealed data can't be compressed.
ALTER TABLE @p@record ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE IF NOT EXISTS @p@body (
	run text NOT NULL,
	seq bigint NOT NULL,
	data bytea NOT NULL,
	PRIMARY KEY (run, seq)
);
ALTER TABLE @p@body ALTER COLUMN data SET STORAGE EXTERNAL;

-- The names of bodies outside of the database whose records are removed.
CREATE TABLE IF NOT EXISTS @p@unkept (name text PRIMARY KEY);

CREATE OR REPLACE VIEW @p@info_1 AS SELECT id, organization, hook, annotation, event, generation, fence, owner, content, fingerprint, begun, ended, outcome, count,
	CASE WHEN ended IS NOT NULL THEN 3 WHEN NOT released AND lease_end > clock_timestamp() THEN 1 ELSE 2 END AS state,
	clock_timestamp() AS seen, lease_end FROM @p@run;

-- add_1 adds n records, those of the arrays after the first f, to a run that counts them
-- already.
CREATE OR REPLACE FUNCTION @p@add_1(run_id text, seq_before bigint, at timestamptz, call_nonce bigint, f int, n int,
	kinds text[], versions bigint[], datas bytea[], bodies text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO @p@record SELECT run_id, seq_before + k, kinds[f + k], versions[f + k], at, call_nonce, bodies[f + k],
		CASE WHEN bodies[f + k] = '.' THEN ''::bytea ELSE datas[f + k] END FROM generate_series(1, n) k;
	FOR k IN 1..n LOOP
		IF bodies[f + k] = '.' THEN
			INSERT INTO @p@body VALUES (run_id, seq_before + k, datas[f + k]);
		END IF;
	END LOOP;
END $$;

CREATE OR REPLACE FUNCTION @p@notify_1(run_id text) RETURNS void LANGUAGE sql AS $$ SELECT pg_notify('@channel@', run_id) $$;

-- write_1 makes several calls, in the order of their runs, so that two of it can't wait for
-- each other.
CREATE OR REPLACE FUNCTION @p@write_1(ids text[], fences bigint[], leases bigint[], whats text[], nonces bigint[], counts int[],
	kinds text[], versions bigint[], datas bytea[], bodies text[], again boolean)
RETURNS TABLE (code text, new_owner text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	r @p@run;
	f int := 0;
	n int;
	t timestamptz;
BEGIN
	FOR i IN 1..coalesce(array_length(ids, 1), 0) LOOP
		n := counts[i];
		t := clock_timestamp();
		code := 'ok'; new_owner := '';
		IF again AND EXISTS (SELECT FROM @p@record WHERE run = ids[i] AND nonce = nonces[i]) THEN
			f := f + n; RETURN NEXT; CONTINUE;
		END IF;
		UPDATE @p@run SET count = count + n,
			last = CASE WHEN n = 0 THEN last ELSE greatest(t, last) END,
			lease_end = CASE WHEN whats[i] = 'append' THEN clock_timestamp() + leases[i] * interval '1 microsecond' ELSE lease_end END,
			released = released OR whats[i] = 'release',
			ended = CASE WHEN whats[i] = 'end' THEN greatest(t, last) ELSE ended END,
			outcome = CASE WHEN whats[i] = 'end' THEN kinds[f + 1] ELSE outcome END
			WHERE id = ids[i] AND (whats[i] = 'note' OR fence = fences[i] AND ended IS NULL AND NOT released) RETURNING * INTO r;
		IF FOUND THEN
			PERFORM @p@add_1(ids[i], r.count - n, r.last, nonces[i], f, n, kinds, versions, datas, bodies);
			IF r.awaited AND whats[i] IN ('end', 'release') THEN
				PERFORM @p@notify_1(ids[i]);
			END IF;
		ELSE
			SELECT * INTO r FROM @p@run WHERE id = ids[i];
			IF NOT FOUND THEN
				code := 'missing';
			ELSIF r.fence <> fences[i] THEN
				code := 'fenced'; new_owner := r.owner;
			ELSIF r.ended IS NOT NULL THEN
				code := 'ended';
			ELSIF NOT (again AND whats[i] = 'release') THEN
				code := 'fenced';
			END IF;
		END IF;
		f := f + n;
		RETURN NEXT;
	END LOOP;
END $$;

CREATE OR REPLACE FUNCTION @p@claim_1(prefix text, key_organization text, key_hook text, key_annotation bigint, key_event text, new_owner text, new_instance text,
	claim_nonce bigint, lease bigint, new_content text, new_fingerprint text, known bigint, resume text, kinds text[], versions bigint[], datas bytea[], bodies text[], again boolean)
RETURNS TABLE (code text, run @p@info_1) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	r @p@run;
	t timestamptz;
	g bigint;
	n int := coalesce(array_length(kinds, 1), 0);
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended(prefix, 1));
	SELECT * INTO r FROM @p@run WHERE annotation = key_annotation AND organization = key_organization AND hook = key_hook AND event = key_event
		AND (resume = '' OR id = resume) ORDER BY generation DESC LIMIT 1 FOR UPDATE;
	t := clock_timestamp();
	IF resume <> '' AND r.id IS NULL THEN
		code := 'missing';
	ELSIF again AND r.nonce = claim_nonce AND r.instance = new_instance THEN
		code := CASE WHEN r.fence = 1 THEN 'new' ELSE 'taken' END;
	ELSIF resume <> '' AND r.ended IS NOT NULL THEN
		code := 'ended';
	ELSIF r.id IS NOT NULL AND r.ended IS NULL AND NOT r.released AND r.lease_end > t THEN
		code := 'busy';
	ELSIF r.id IS NOT NULL AND r.ended IS NULL THEN
		code := 'taken';
		t := greatest(t, r.last);
		UPDATE @p@run SET fence = fence + 1, owner = new_owner, instance = new_instance, nonce = claim_nonce, released = false,
			lease_end = clock_timestamp() + lease * interval '1 microsecond', count = count + n, last = t WHERE id = r.id;
		PERFORM @p@add_1(r.id, r.count, t, claim_nonce, 0, n, kinds, versions, datas, bodies);
	ELSIF r.generation > known THEN
		code := 'stale';
	ELSE
		code := 'new';
		-- The sequence keeps generations apart if the clock is set back.
		g := setval('@p@generation', greatest(nextval('@p@generation'), (extract(epoch FROM t) * 1000000)::bigint, coalesce(r.generation, 0) + 1));
		r.id := prefix || g;
		INSERT INTO @p@run (id, organization, hook, annotation, event, generation, fence, owner, instance, nonce, content, fingerprint, begun, lease_end, count, last)
			VALUES (r.id, key_organization, key_hook, key_annotation, key_event, g, 1, new_owner, new_instance, claim_nonce, new_content, new_fingerprint,
				t, clock_timestamp() + lease * interval '1 microsecond', n, t);
		PERFORM @p@add_1(r.id, 0, t, claim_nonce, 0, n, kinds, versions, datas, bodies);
	END IF;
	RETURN QUERY SELECT code, i FROM (SELECT 1) one LEFT JOIN @p@info_1 i ON i.id = r.id;
END $$;

-- await_1 is the state of a run, and has its end announced if it is live.
CREATE OR REPLACE FUNCTION @p@await_1(run_id text) RETURNS SETOF @p@info_1 LANGUAGE plpgsql AS $$
BEGIN
	UPDATE @p@run SET awaited = true WHERE id = run_id AND ended IS NULL AND NOT awaited;
	RETURN QUERY SELECT * FROM @p@info_1 WHERE id = run_id;
END $$;

-- remove_1 removes runs, which the caller has locked.
CREATE OR REPLACE FUNCTION @p@remove_1(gone text[]) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
	INSERT INTO @p@unkept SELECT body FROM @p@record WHERE run = ANY ($1) AND body NOT IN ('', '.') ON CONFLICT DO NOTHING;
	DELETE FROM @p@body WHERE run = ANY ($1);
	DELETE FROM @p@record WHERE run = ANY ($1);
	DELETE FROM @p@run WHERE id = ANY ($1);
END $$;

CREATE OR REPLACE FUNCTION @p@erase_1(key_organization text, key_annotation bigint, keep text[]) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	gone text[];
BEGIN
	SELECT coalesce(array_agg(id), '{}') INTO gone FROM (SELECT id FROM @p@run WHERE annotation = key_annotation AND organization = key_organization
		AND NOT id = ANY (keep) ORDER BY id FOR UPDATE) locked;
	PERFORM @p@notify_1(id) FROM @p@run WHERE id = ANY (gone) AND awaited;
	PERFORM @p@remove_1(gone);
END $$;

-- expire_1 removes a few old runs, leaving out those that another process removes.
CREATE OR REPLACE FUNCTION @p@expire_1(age bigint, most int) RETURNS int LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	gone text[];
BEGIN
	SELECT coalesce(array_agg(id), '{}') INTO gone FROM (SELECT id FROM @p@run WHERE ended <= clock_timestamp() - age * interval '1 microsecond'
		ORDER BY ended LIMIT most FOR UPDATE SKIP LOCKED) locked;
	PERFORM @p@remove_1(gone);
	RETURN coalesce(array_length(gone, 1), 0);
END $$;

CREATE OR REPLACE FUNCTION @p@close_1(old_instance text) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	gone text[];
BEGIN
	SELECT coalesce(array_agg(id), '{}') INTO gone FROM (SELECT id FROM @p@run WHERE instance = old_instance AND ended IS NULL AND NOT released ORDER BY id FOR UPDATE) locked;
	PERFORM @p@notify_1(id) FROM @p@run WHERE id = ANY (gone) AND awaited;
	UPDATE @p@run SET released = true WHERE id = ANY (gone);
END $$;

-- Limits of calls. They are not written for good: what a crash of the server forgets is
-- who is being waited for.
CREATE UNLOGGED TABLE IF NOT EXISTS @p@gate (
	key text PRIMARY KEY, -- hashed
	due timestamptz NOT NULL, -- when a call would come that uses the rate up evenly
	closed timestamptz NOT NULL -- until when the system has asked for no calls
);
CREATE UNLOGGED TABLE IF NOT EXISTS @p@pass (
	id bigserial PRIMARY KEY, -- in the order in which they came
	turn bigint NOT NULL, -- who has the smallest comes first
	key text NOT NULL,
	mark bigint NOT NULL UNIQUE,
	inside boolean NOT NULL DEFAULT false,
	until timestamptz NOT NULL -- when it is given up, unless its process is heard of
);
CREATE INDEX IF NOT EXISTS @i@pass_by_key ON @p@pass (key, turn, id);

-- enter_1 gives a call its turn, or says how long to wait in microseconds: code is 'go' when
-- the call may be made after that, 'wait' when it has to ask again, and 'late' if its turn
-- would come later than it can wait, which is left in microseconds.
CREATE OR REPLACE FUNCTION @p@enter_1(gate_key text, pass_mark bigint, pass_turn bigint, at_once int, spacing bigint, burst int, patience bigint, alive bigint)
RETURNS TABLE (code text, wait bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	g @p@gate;
	p @p@pass;
	t timestamptz;
	at timestamptz;
	new_due timestamptz;
	step interval := spacing * interval '1 microsecond';
	reach interval := (burst - 1) * spacing * interval '1 microsecond';
BEGIN
	PERFORM set_config('synchronous_commit', 'off', true);
	INSERT INTO @p@gate VALUES (gate_key, clock_timestamp(), clock_timestamp()) ON CONFLICT DO NOTHING;
	SELECT * INTO g FROM @p@gate WHERE key = gate_key FOR UPDATE;
	t := clock_timestamp();
	DELETE FROM @p@pass WHERE key = gate_key AND until < t;
	INSERT INTO @p@pass (key, mark, turn, until) VALUES (gate_key, pass_mark, pass_turn, t + alive * interval '1 microsecond')
		ON CONFLICT (mark) DO UPDATE SET until = excluded.until RETURNING * INTO p;
	IF p.inside AND g.closed <= t THEN -- it has waited for its time
		RETURN QUERY SELECT 'go', 0::bigint; RETURN;
	END IF;
	IF at_once > 0 AND NOT p.inside AND (SELECT count(*) FROM @p@pass WHERE key = gate_key AND mark <> pass_mark AND (inside OR (turn, id) < (p.turn, p.id))) >= at_once THEN
		RETURN QUERY SELECT 'wait', 0::bigint; RETURN;
	END IF;
	at := greatest(t, g.closed);
	new_due := g.due;
	IF spacing > 0 THEN
		new_due := greatest(new_due, t);
		IF at > t AND new_due - reach < at THEN
			new_due := at + reach; -- after a refusal calls come one by one
		END IF;
		at := new_due - reach;
		new_due := new_due + step;
	END IF;
	wait := greatest(0, (extract(epoch FROM at - t) * 1000000)::bigint);
	IF wait > 0 AND wait > patience THEN
		DELETE FROM @p@pass WHERE mark = pass_mark;
		RETURN QUERY SELECT 'late', wait; RETURN;
	END IF;
	UPDATE @p@gate SET due = new_due WHERE key = gate_key;
	UPDATE @p@pass SET inside = true, until = t + alive * interval '1 microsecond' + wait * interval '1 microsecond' WHERE mark = pass_mark;
	RETURN QUERY SELECT CASE WHEN wait > 0 THEN 'wait' ELSE 'go' END, wait;
END $$;

-- leave_1 ends a pass, closes the gate for as long as the system has asked for, and has the
-- next one ask again.
CREATE OR REPLACE FUNCTION @p@leave_1(gate_key text, pass_mark bigint, closing bigint) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	next bigint;
BEGIN
	PERFORM set_config('synchronous_commit', 'off', true);
	DELETE FROM @p@pass WHERE mark = pass_mark;
	IF closing > 0 THEN
		UPDATE @p@gate SET closed = greatest(closed, clock_timestamp() + closing * interval '1 microsecond') WHERE key = gate_key;
	END IF;
	SELECT mark INTO next FROM @p@pass WHERE key = gate_key AND NOT inside ORDER BY turn, id LIMIT 1;
	IF FOUND THEN
		PERFORM @p@notify_1('pass ' || next);
	END IF;
END $$;

CREATE OR REPLACE FUNCTION @p@alive_1(marks bigint[], alive bigint) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
	PERFORM set_config('synchronous_commit', 'off', true);
	UPDATE @p@pass SET until = greatest(until, clock_timestamp() + alive * interval '1 microsecond') WHERE mark = ANY (marks);
END $$;
