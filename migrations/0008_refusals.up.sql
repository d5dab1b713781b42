-- Notifications to POST /v1/alerts that were not taken, or not whole: what fires of their group is not known. An
-- Alertmanager does not say the same again at once, so this stands until the group is told whole, or until its
-- repeat_interval is over.

CREATE TABLE headgate.alert_refusal (
	origin     text PRIMARY KEY,
	why        text NOT NULL CHECK (why <> '' AND octet_length(why) <= 100),
	refused_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE headgate.alert_refusal IS 'notifications of POST /v1/alerts whose alerts are not known, the newest of each group';
COMMENT ON COLUMN headgate.alert_refusal.origin IS 'digest of receiver and group; empty: not known whose';

-- $1 what the group is known by, empty when that could not be read; $2 why. At most 64 groups are told apart: a refusal
-- of one more counts as of nobody knows whose, and stands until its time is over.
CREATE FUNCTION headgate.alert_refuse(text, text) RETURNS boolean
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH old AS (
		DELETE FROM headgate.alert_refusal r WHERE r.refused_at < clock_timestamp() - interval '8 days' AND r.origin <> ''
			AND r.origin <> md5($1)),
	named AS (
		SELECT CASE WHEN $1 = '' THEN ''
			WHEN EXISTS (SELECT FROM headgate.alert_refusal r WHERE r.origin = md5($1))
				OR (SELECT count(*) FROM headgate.alert_refusal r
					WHERE r.refused_at >= clock_timestamp() - interval '8 days') < 64 THEN md5($1)
			ELSE '' END AS origin)
	INSERT INTO headgate.alert_refusal (origin, why, refused_at)
	SELECT named.origin, $2, clock_timestamp() FROM named
	ON CONFLICT (origin) DO UPDATE SET why = excluded.why, refused_at = excluded.refused_at
	RETURNING true
$$;

-- As before (0007); what did not fit, or was not told whole, is remembered as such, and forgotten with the next whole one.
CREATE OR REPLACE FUNCTION headgate.alert_tell(text, jsonb, jsonb, bigint) RETURNS boolean
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
			cut_off = excluded.cut_off, received_at = excluded.received_at),
	whole AS (
		DELETE FROM headgate.alert_refusal r USING room WHERE room.there AND $4 = 0 AND r.origin = md5($1)),
	partial AS MATERIALIZED (
		SELECT headgate.alert_refuse($1, CASE WHEN room.there THEN 'was cut off (max_alerts)'
			ELSE 'found no room (2000 alerts)' END) AS noted
		FROM room WHERE NOT room.there OR $4 > 0)
	SELECT CASE WHEN (SELECT count(noted) FROM partial) >= 0 THEN room.there END FROM room
$$;

REVOKE ALL ON headgate.alert_refusal FROM PUBLIC;
REVOKE ALL ON FUNCTION headgate.alert_refuse(text, text) FROM PUBLIC;
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'headgate_app') THEN
		RETURN;
	END IF;
	GRANT SELECT ON headgate.alert_refusal TO headgate_app;
	GRANT EXECUTE ON FUNCTION headgate.alert_refuse(text, text) TO headgate_app;
END $$;
