-- Messages whose receiver takes them first and says later how they ended.

ALTER TABLE headgate.outbox
	ADD COLUMN callback_ms     bigint CHECK (callback_ms > 0),
	ADD COLUMN awaits_until    timestamptz,
	ADD COLUMN callback_status text CHECK (callback_status IN ('ok', 'failed')),
	ADD COLUMN callback_text   text,
	ADD COLUMN callback_at     timestamptz;
COMMENT ON COLUMN headgate.outbox.callback_ms IS
	'how long its receiver may take to call back; null: a 2xx acknowledges it';
COMMENT ON COLUMN headgate.outbox.awaits_until IS
	'taken by its receiver: sent again then, unless it has called back';
COMMENT ON COLUMN headgate.outbox.callback_status IS
	'how the last attempt ended, as its receiver called back; a new attempt asks anew';

-- The key that the one-time tokens of callbacks are derived from: one for all instances, so that each can
-- check what another one sent, and nothing secret stands in a message's row. A random UUID has 122 bits
-- from the server's strong source; three of them are more than the digest keeps.
CREATE TABLE headgate.callback_key (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	key bytea NOT NULL CHECK (octet_length(key) = 32)
);
INSERT INTO headgate.callback_key (key) VALUES (pg_catalog.sha256(
	pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) || pg_catalog.uuid_send(pg_catalog.gen_random_uuid())
	|| pg_catalog.uuid_send(pg_catalog.gen_random_uuid())));

REVOKE ALL ON headgate.callback_key FROM PUBLIC;
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'headgate_app') THEN
		RETURN;
	END IF;
	GRANT SELECT ON headgate.callback_key TO headgate_app;
	GRANT UPDATE (awaits_until, callback_status, callback_text, callback_at) ON headgate.outbox TO headgate_app;
END $$;
