-- What was refused so far is forgotten: nothing says any more that some alerts are not known.

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
			cut_off = excluded.cut_off, received_at = excluded.received_at)
	SELECT there FROM room
$$;

DROP FUNCTION headgate.alert_refuse(text, text);
DROP TABLE headgate.alert_refusal;
