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

-- One group, told whole: $1 what it is known by, $2 what fires [{fingerprint, labels, since}], $3 what is resolved
-- [fingerprint], $4 how many were not told. Firing wins over resolved; what was cut off may still fire, so then only what
-- is said to be resolved goes. False, and nothing is kept, when more than 2000 would be.
CREATE FUNCTION headgate.alert_tell(text, jsonb, jsonb, bigint) RETURNS boolean
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH told AS MATERIALIZED (
		SELECT e->>'fingerprint' AS fingerprint, e->'labels' AS labels, e->>'since' AS since
		FROM jsonb_array_elements($2) e),
	room AS MATERIALIZED (
		SELECT (SELECT count(*) FROM headgate.alert WHERE origin <> md5($1)) + (SELECT count(*) FROM told) <= 2000
			AS there),
	gone AS (
		DELETE FROM headgate.alert a USING room
		WHERE room.there AND NOT (a.origin = md5($1) AND a.fingerprint IN (SELECT fingerprint FROM told))
			AND ((a.origin = md5($1) AND ($4 = 0 OR $3 ? a.fingerprint))
				OR a.received_at < clock_timestamp() - interval '6 days')),
	kept AS (
		INSERT INTO headgate.alert (origin, fingerprint, labels, since, cut_off, received_at)
		SELECT md5($1), t.fingerprint, t.labels, t.since, $4, clock_timestamp() FROM told t, room WHERE room.there
		ON CONFLICT (origin, fingerprint) DO UPDATE SET labels = excluded.labels, since = excluded.since,
			cut_off = excluded.cut_off, received_at = excluded.received_at)
	SELECT there FROM room
$$;

REVOKE ALL ON headgate.alert FROM PUBLIC;
REVOKE ALL ON FUNCTION headgate.alert_tell(text, jsonb, jsonb, bigint) FROM PUBLIC;
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'headgate_app') THEN
		RETURN;
	END IF;
	GRANT SELECT ON headgate.alert TO headgate_app;
	GRANT EXECUTE ON FUNCTION headgate.alert_tell(text, jsonb, jsonb, bigint) TO headgate_app;
END $$;
