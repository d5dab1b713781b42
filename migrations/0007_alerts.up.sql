-- What fires, as Alertmanagers told it by webhook, so that every instance knows it and a restart forgets nothing. A group
-- is told whole: what is not in it any more is gone. Rows nobody has spoken of for six days are pruned with the next
-- webhook: longer than an Alertmanager itself remembers what it told.

CREATE TABLE headgate.alert (
	origin      text NOT NULL,
	fingerprint text NOT NULL CHECK (fingerprint <> ''),
	labels      jsonb NOT NULL CHECK (jsonb_typeof(labels) = 'object'),
	since       text,
	cut_off     bigint NOT NULL CHECK (cut_off >= 0),
	received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (origin, fingerprint)
);
COMMENT ON TABLE headgate.alert IS 'firing alerts told to POST /v1/alerts';
COMMENT ON COLUMN headgate.alert.origin IS 'digest of receiver and group: who told it last replaces what was told of that group';
COMMENT ON COLUMN headgate.alert.cut_off IS 'how many more of its group fire and were left out by the Alertmanager (max_alerts)';

REVOKE ALL ON headgate.alert FROM PUBLIC;
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'headgate_app') THEN
		RETURN;
	END IF;
	GRANT SELECT, INSERT, UPDATE, DELETE ON headgate.alert TO headgate_app;
END $$;
