-- Commands that are still open cannot be sent any more: see that there are none.

DROP INDEX headgate.outbox_dead;
DROP INDEX headgate.outbox_read;
DROP INDEX headgate.outbox_dedupe;
ALTER TABLE headgate.outbox
	DROP COLUMN dedupe,
	DROP COLUMN repairs,
	DROP COLUMN drifted,
	DROP COLUMN read_text,
	DROP COLUMN read_at,
	DROP COLUMN read,
	DROP COLUMN arguments;

DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'headgate_app') THEN
		REVOKE UPDATE (fence, epoch) ON headgate.outbox FROM headgate_app;
	END IF;
END $$;
