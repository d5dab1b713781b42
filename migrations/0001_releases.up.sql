-- Releases, their transitions, the audit trail, the outbox, the shard lease, policies and freezes.
--
-- The daemon connects as a member of headgate_app, which may append and change but delete nothing. What
-- keeps a release honest even against a wrong program is here, not there: legal edges, versions without
-- gaps, one active release per service and environment, an audit trail that only grows.

-- --- the shard lease: who may advance (rule V4) ---

CREATE TABLE headgate.lease (
	shard      integer PRIMARY KEY,
	holder     text NOT NULL DEFAULT '',
	epoch      bigint NOT NULL DEFAULT 0 CHECK (epoch >= 0),
	expires_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 20);
INSERT INTO headgate.lease (shard) VALUES (0);

-- --- releases ---

CREATE SEQUENCE headgate.release_id;
CREATE SEQUENCE headgate.activation;
CREATE SEQUENCE headgate.fence;

CREATE TABLE headgate.release_edge (
	from_state text NOT NULL,
	to_state   text NOT NULL,
	PRIMARY KEY (from_state, to_state)
);
COMMENT ON TABLE headgate.release_edge IS 'the pairs of states that occur in the transition table';
INSERT INTO headgate.release_edge (from_state, to_state) VALUES
	('planned', 'planned'),
	('planned', 'running'),
	('planned', 'cancelled'),
	('running', 'running'),
	('running', 'paused'),
	('running', 'rolling_back'),
	('running', 'completed'),
	('running', 'cancelled'),
	('paused', 'running'),
	('paused', 'paused'),
	('paused', 'rolling_back'),
	('paused', 'cancelled'),
	('rolling_back', 'rolling_back'),
	('rolling_back', 'stabilising'),
	('rolling_back', 'failed'),
	('stabilising', 'rolling_back'),
	('stabilising', 'stabilising'),
	('stabilising', 'rolled_back'),
	('stabilising', 'failed'),
	('stabilising', 'resolved'),
	('completed', 'rolling_back'),
	('completed', 'completed'),
	('rolled_back', 'rolled_back'),
	('failed', 'rolling_back'),
	('failed', 'stabilising'),
	('failed', 'failed'),
	('failed', 'resolved'),
	('resolved', 'resolved'),
	('cancelled', 'cancelled');

CREATE TABLE headgate.release (
	id          bigint PRIMARY KEY,
	service     text NOT NULL,
	environment text NOT NULL,
	version     text NOT NULL,
	attempt     bigint NOT NULL CHECK (attempt >= 1),
	state       text NOT NULL CHECK (state IN ('planned', 'running', 'paused', 'rolling_back',
		'stabilising', 'completed', 'rolled_back', 'failed', 'resolved', 'cancelled')),
	step        text NOT NULL CHECK (step IN ('none', 'entering', 'baking', 'ready')),
	stage       bigint NOT NULL,
	row_version bigint NOT NULL CHECK (row_version >= 1),
	exposed     boolean NOT NULL,
	shard       integer NOT NULL DEFAULT 0,
	activation  bigint,
	policy_name text NOT NULL,
	policy_hash text NOT NULL,
	author      text,
	created_at  timestamptz NOT NULL,
	updated_at  timestamptz NOT NULL,
	changed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
	transition  uuid NOT NULL,
	last_hash   bytea NOT NULL CHECK (octet_length(last_hash) = 32),
	detail      jsonb NOT NULL,
	CONSTRAINT release_attempt UNIQUE (service, environment, version, attempt)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON COLUMN headgate.release.activation IS 'order in which releases began to run; null before';
COMMENT ON COLUMN headgate.release.changed_at IS 'when this row was written, for pollers';
COMMENT ON COLUMN headgate.release.detail IS 'the whole snapshot; the columns repeat what is asked for';

-- At most one active release per service and environment (rule H1).
CREATE UNIQUE INDEX release_active_pair ON headgate.release (service, environment)
	WHERE state IN ('running', 'paused', 'rolling_back', 'stabilising', 'failed');
CREATE INDEX release_changed ON headgate.release (changed_at);
CREATE INDEX release_activation ON headgate.release (service, environment, activation DESC)
	WHERE activation IS NOT NULL;

-- Transitions that were given up after a lost connection: a statement that arrives late must not commit
-- one of them any more.
CREATE TABLE headgate.voided (
	transition uuid PRIMARY KEY,
	release_id bigint NOT NULL,
	at         timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION headgate.release_lock_id(release bigint) RETURNS integer
	LANGUAGE sql IMMUTABLE AS $$ SELECT (release % 2147483647)::integer $$;

-- A row that is being updated is locked before its triggers run, so what settle() decided under that lock
-- is seen here. A new release has no row to lock yet: its number stands in.
CREATE FUNCTION headgate.release_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		PERFORM pg_catalog.pg_advisory_xact_lock_shared(1751213415, headgate.release_lock_id(NEW.id));
		IF NEW.row_version <> 1 OR NEW.state <> 'planned' THEN
			RAISE EXCEPTION 'a release begins planned, at version 1'
				USING ERRCODE = 'check_violation', CONSTRAINT = 'release_begins_planned';
		END IF;
	ELSE
		IF NEW.row_version <> OLD.row_version + 1 THEN
			RAISE EXCEPTION 'release %: version % does not follow %', OLD.id, NEW.row_version, OLD.row_version
				USING ERRCODE = 'check_violation', CONSTRAINT = 'release_version_follows';
		END IF;
		IF NEW.id <> OLD.id OR NEW.service <> OLD.service OR NEW.environment <> OLD.environment
			OR NEW.version <> OLD.version OR NEW.attempt <> OLD.attempt OR NEW.shard <> OLD.shard
			OR NEW.policy_name <> OLD.policy_name OR NEW.policy_hash <> OLD.policy_hash
			OR NEW.author IS DISTINCT FROM OLD.author OR NEW.created_at <> OLD.created_at THEN
			RAISE EXCEPTION 'release %: what identifies it never changes', OLD.id
				USING ERRCODE = 'check_violation', CONSTRAINT = 'release_identity';
		END IF;
		IF NOT EXISTS (SELECT FROM headgate.release_edge e
			WHERE e.from_state = OLD.state AND e.to_state = NEW.state) THEN
			RAISE EXCEPTION 'release %: no way from % to %', OLD.id, OLD.state, NEW.state
				USING ERRCODE = 'check_violation', CONSTRAINT = 'release_edge';
		END IF;
	END IF;
	IF EXISTS (SELECT FROM headgate.voided v WHERE v.transition = NEW.transition) THEN
		RAISE EXCEPTION 'transition % was given up before this statement arrived', NEW.transition
			USING ERRCODE = 'check_violation', CONSTRAINT = 'transition_voided';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER release_guard BEFORE INSERT OR UPDATE ON headgate.release
	FOR EACH ROW EXECUTE FUNCTION headgate.release_guard();

CREATE FUNCTION headgate.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '%.%: rows are added, never changed or removed', TG_TABLE_SCHEMA, TG_TABLE_NAME
		USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TABLE headgate.transition (
	id          uuid PRIMARY KEY,
	release_id  bigint NOT NULL REFERENCES headgate.release,
	row_version bigint NOT NULL,
	event       text NOT NULL,
	from_state  text,
	to_state    text NOT NULL,
	from_step   text,
	to_step     text NOT NULL,
	stage       bigint NOT NULL,
	actor       text NOT NULL,
	origin      text NOT NULL,
	reason      text NOT NULL,
	text        text NOT NULL,
	detail      jsonb,
	at          timestamptz NOT NULL,
	CONSTRAINT transition_version UNIQUE (release_id, row_version)
);
CREATE TRIGGER transition_append BEFORE UPDATE OR DELETE OR TRUNCATE ON headgate.transition
	FOR EACH STATEMENT EXECUTE FUNCTION headgate.refuse_change();

-- Says for good whether a transition whose answer was lost has happened. Locks first and looks then (each
-- statement of this function sees what committed while it waited); what has not happened by now never will.
CREATE FUNCTION headgate.settle(of_release bigint, of_transition uuid) RETURNS boolean
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_catalog.pg_advisory_xact_lock(1751213415, headgate.release_lock_id(of_release));
	PERFORM 1 FROM headgate.release r WHERE r.id = of_release FOR UPDATE;
	IF EXISTS (SELECT FROM headgate.transition t WHERE t.id = of_transition) THEN
		RETURN true;
	END IF;
	INSERT INTO headgate.voided (transition, release_id) VALUES (of_transition, of_release)
		ON CONFLICT DO NOTHING;
	RETURN false;
END $$;

-- --- audit: canonical bytes and the hash chain over them; the database's own time beside them ---

CREATE TABLE headgate.audit (
	chain    text NOT NULL,
	sequence bigint NOT NULL CHECK (sequence >= 1),
	record   bytea NOT NULL,
	hash     bytea NOT NULL CHECK (octet_length(hash) = 32),
	at       timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (chain, sequence)
);
CREATE TRIGGER audit_append BEFORE UPDATE OR DELETE OR TRUNCATE ON headgate.audit
	FOR EACH STATEMENT EXECUTE FUNCTION headgate.refuse_change();

-- --- beside a release: the checkpoint (rule B3) and what was evaluated ---

CREATE TABLE headgate.checkpoint (
	release_id  bigint PRIMARY KEY,
	body        jsonb NOT NULL,
	row_version bigint NOT NULL,
	at          timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- Numbers of evaluations may repeat after a crash (they are restored from a checkpoint), so they are no key.
CREATE TABLE headgate.evaluation (
	id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	release_id  bigint NOT NULL,
	row_version bigint NOT NULL,
	number      bigint NOT NULL,
	at          timestamptz NOT NULL,
	verdict     text NOT NULL,
	body        jsonb NOT NULL
);
CREATE INDEX evaluation_of_release ON headgate.evaluation (release_id, id DESC);

-- --- outbox: effects to be delivered at least once ---

CREATE TABLE headgate.outbox (
	id            text PRIMARY KEY,
	release_id    bigint NOT NULL REFERENCES headgate.release,
	row_version   bigint NOT NULL,
	sequence      bigint NOT NULL,
	fence         bigint NOT NULL,
	epoch         bigint NOT NULL,
	class         text NOT NULL CHECK (class IN ('advance', 'rollback', 'notification')),
	option        bigint NOT NULL DEFAULT -1,
	action        text NOT NULL,
	destination   text NOT NULL,
	method        text NOT NULL,
	path          text NOT NULL,
	body          jsonb,
	headers       jsonb,
	created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
	due_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
	attempts      bigint NOT NULL DEFAULT 0,
	claimed_at    timestamptz,
	claimed_by    text,
	claim_until   timestamptz,
	done_at       timestamptz,
	superseded_by uuid,
	parked        boolean NOT NULL DEFAULT false,
	refused       boolean NOT NULL DEFAULT false,
	dead          boolean NOT NULL DEFAULT false,
	resend_at     timestamptz,
	resent        boolean NOT NULL DEFAULT false,
	last_status   bigint,
	last_text     text
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON COLUMN headgate.outbox.due_at IS 'next attempt; while one is under way, when somebody else may try';
COMMENT ON COLUMN headgate.outbox.dead IS 'given up: refused for good, or too old';
COMMENT ON COLUMN headgate.outbox.resend_at IS
	'a rollback is sent once more then, after an advance that was in flight has lapsed (rule R8)';

-- What may still have to be sent, rollbacks first.
CREATE INDEX outbox_due ON headgate.outbox ((class <> 'rollback'), due_at)
	WHERE (done_at IS NULL OR resend_at IS NOT NULL) AND superseded_by IS NULL AND NOT parked AND NOT dead;
-- What a later transition of the release may supersede or park; the order of a destination.
CREATE INDEX outbox_open_advance ON headgate.outbox (release_id)
	WHERE class = 'advance' AND done_at IS NULL AND superseded_by IS NULL;
CREATE INDEX outbox_of_release ON headgate.outbox (release_id, destination, row_version, sequence);

-- --- what belongs to no release ---

CREATE TABLE headgate.policy (
	hash       text PRIMARY KEY,
	name       text NOT NULL,
	document   jsonb NOT NULL,
	origin     text NOT NULL,
	subject    text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE headgate.policy_name (
	name       text PRIMARY KEY,
	hash       text NOT NULL REFERENCES headgate.policy,
	origin     text NOT NULL,
	subject    text NOT NULL,
	version    bigint NOT NULL DEFAULT 1,
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE headgate.freeze_scope (
	scope   text NOT NULL CHECK (scope IN ('global', 'environment', 'service')),
	name    text NOT NULL,
	frozen  boolean NOT NULL DEFAULT false,
	reason  text NOT NULL DEFAULT '',
	subject text NOT NULL DEFAULT '',
	since   timestamptz NOT NULL DEFAULT clock_timestamp(),
	version bigint NOT NULL DEFAULT 1,
	PRIMARY KEY (scope, name)
);
COMMENT ON TABLE headgate.freeze_scope IS
	'one row per scope that has a release, frozen or not, so that an advance has a row to lock (rule A3)';
INSERT INTO headgate.freeze_scope (scope, name) VALUES ('global', '*');

CREATE TABLE headgate.service (
	service             text NOT NULL,
	environment         text NOT NULL,
	last_stable         text NOT NULL,
	last_stable_release bigint NOT NULL,
	since               timestamptz NOT NULL,
	PRIMARY KEY (service, environment)
);
CREATE TABLE headgate.idempotency (
	subject     text NOT NULL,
	route       text NOT NULL,
	key         text NOT NULL,
	fingerprint text NOT NULL,
	status      integer NOT NULL,
	body        text NOT NULL,
	created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (subject, route, key)
);
CREATE INDEX idempotency_age ON headgate.idempotency (created_at);

-- The one removal the daemon may ask for.
CREATE FUNCTION headgate.idempotency_prune() RETURNS bigint
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH gone AS (DELETE FROM headgate.idempotency
		WHERE created_at < now() - interval '7 days' RETURNING 1)
	SELECT count(*) FROM gone
$$;

-- --- who may do what ---

REVOKE ALL ON SCHEMA headgate FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA headgate FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA headgate FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA headgate FROM PUBLIC;

-- Roles belong to the whole cluster; an owner without CREATEROLE asks its administrator for this one and
-- runs the grants below by hand.
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'headgate_app') THEN
		CREATE ROLE headgate_app NOLOGIN;
	END IF;
EXCEPTION
	WHEN insufficient_privilege THEN
		RAISE WARNING 'may not create role headgate_app: create it, then grant as in this file';
	WHEN duplicate_object OR unique_violation THEN
		NULL; -- another database of the cluster was faster
END $$;

DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'headgate_app') THEN
		RETURN;
	END IF;
	GRANT USAGE ON SCHEMA headgate TO headgate_app;
	GRANT SELECT ON ALL TABLES IN SCHEMA headgate TO headgate_app;
	GRANT USAGE ON ALL SEQUENCES IN SCHEMA headgate TO headgate_app;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA headgate TO headgate_app;
	GRANT UPDATE (holder, epoch, expires_at) ON headgate.lease TO headgate_app;
	GRANT INSERT ON headgate.release TO headgate_app;
	GRANT UPDATE (state, step, stage, row_version, exposed, activation, updated_at, changed_at, transition,
		last_hash, detail) ON headgate.release TO headgate_app;
	GRANT INSERT ON headgate.transition TO headgate_app;
	GRANT INSERT (transition, release_id) ON headgate.voided TO headgate_app;
	GRANT INSERT (chain, sequence, record, hash) ON headgate.audit TO headgate_app;
	GRANT INSERT, UPDATE ON headgate.checkpoint TO headgate_app;
	GRANT INSERT ON headgate.evaluation TO headgate_app;
	GRANT INSERT ON headgate.outbox TO headgate_app;
	GRANT UPDATE (due_at, attempts, claimed_at, claimed_by, claim_until, done_at, superseded_by, parked,
		refused, dead, resend_at, resent, last_status, last_text) ON headgate.outbox TO headgate_app;
	GRANT INSERT ON headgate.policy TO headgate_app;
	GRANT INSERT, UPDATE ON headgate.policy_name TO headgate_app;
	GRANT INSERT ON headgate.freeze_scope TO headgate_app;
	GRANT UPDATE (frozen, reason, subject, since, version) ON headgate.freeze_scope TO headgate_app;
	GRANT INSERT, UPDATE ON headgate.service TO headgate_app;
	GRANT INSERT ON headgate.idempotency TO headgate_app;
END $$;
