-- Messages of more kinds: commands have arguments, an action may say how its effect is read back, and what is
-- told once must not be told twice.

ALTER TABLE headgate.outbox
	ADD COLUMN arguments jsonb CHECK (jsonb_typeof(arguments) = 'array'),
	ADD COLUMN read      jsonb CHECK (jsonb_typeof(read) = 'object'),
	ADD COLUMN read_at   timestamptz,
	ADD COLUMN read_text text,
	ADD COLUMN drifted   boolean NOT NULL DEFAULT false,
	ADD COLUMN repairs   bigint NOT NULL DEFAULT 0,
	ADD COLUMN dedupe    text;
COMMENT ON COLUMN headgate.outbox.arguments IS 'of a command; null: a request';
COMMENT ON COLUMN headgate.outbox.read IS 'how to see whether it is so, and what must be there; null: its answer says it all';
COMMENT ON COLUMN headgate.outbox.read_at IS 'when that is looked at next';
COMMENT ON COLUMN headgate.outbox.drifted IS 'the last look found something else';
COMMENT ON COLUMN headgate.outbox.repairs IS 'how often it was sent again because of that, each time under a new id';
COMMENT ON COLUMN headgate.outbox.fence IS 'of its decision; where it is to be set again, of that decision';
COMMENT ON COLUMN headgate.outbox.dedupe IS 'of messages with the same text here only the first is kept';

CREATE UNIQUE INDEX outbox_dedupe ON headgate.outbox (dedupe) WHERE dedupe IS NOT NULL;
-- What is not sent any more, to be looked at and replayed.
CREATE INDEX outbox_dead ON headgate.outbox (created_at DESC) WHERE dead AND done_at IS NULL;
CREATE INDEX outbox_read ON headgate.outbox (read_at) WHERE read_at IS NOT NULL AND superseded_by IS NULL;

DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'headgate_app') THEN
		RETURN;
	END IF;
	GRANT UPDATE (read_at, read_text, drifted, repairs, fence, epoch) ON headgate.outbox TO headgate_app;
END $$;
