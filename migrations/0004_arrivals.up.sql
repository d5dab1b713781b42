-- Until when an advance may still take effect, kept over later attempts; an index by lane.

ALTER TABLE headgate.outbox ADD COLUMN may_arrive_until timestamptz;
COMMENT ON COLUMN headgate.outbox.may_arrive_until IS
	'of an advance: until when an attempt that got no answer may still take effect, whatever came of later ones';

-- What was in doubt when the program was changed.
UPDATE headgate.outbox SET may_arrive_until =
		claimed_at + interval '30 seconds' + coalesce(callback_ms, 0) * interval '1 millisecond'
	WHERE class = 'advance' AND done_at IS NULL AND claim_until IS NULL AND coalesce(last_status, 0) = 0
		AND claimed_at > now() - interval '2 hours';

-- What may still have to be sent, by class and destination: each is looked for apart.
DROP INDEX headgate.outbox_due;
CREATE INDEX outbox_due ON headgate.outbox (class, destination, due_at)
	WHERE (done_at IS NULL OR resend_at IS NOT NULL) AND superseded_by IS NULL AND NOT parked AND NOT dead;

DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'headgate_app') THEN
		RETURN;
	END IF;
	GRANT UPDATE (may_arrive_until) ON headgate.outbox TO headgate_app;
END $$;
