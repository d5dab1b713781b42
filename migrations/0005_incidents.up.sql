-- Incidents as they were reported (rule A5): rows are only added. `release_id` is the release that was active for the
-- service and environment then; the owner applies them to it, in the order of their numbers.

CREATE TABLE headgate.incident (
	id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	uid         uuid NOT NULL UNIQUE,
	service     text NOT NULL,
	environment text NOT NULL,
	severity    text NOT NULL CHECK (severity IN ('P0', 'P1', 'P2', 'P3')),
	title       text NOT NULL CHECK (title <> ''),
	link        text,
	key         text,
	reported_by text NOT NULL,
	release_id  bigint REFERENCES headgate.release,
	at          timestamptz NOT NULL DEFAULT clock_timestamp(),
	CONSTRAINT incident_key UNIQUE (service, environment, key, severity)
);
COMMENT ON COLUMN headgate.incident.id IS 'rises in the order of commits: each is written with the next record of the chain "system"';
COMMENT ON COLUMN headgate.incident.uid IS 'made by who writes it, to find its row again';
COMMENT ON COLUMN headgate.incident.key IS 'of the system that reports: the same once more is the same incident, unless its severity has risen: that is a row of its own';

CREATE INDEX incident_of_release ON headgate.incident (release_id, id) WHERE release_id IS NOT NULL;
CREATE INDEX incident_of_pair ON headgate.incident (service, environment, at);
CREATE TRIGGER incident_append BEFORE UPDATE OR DELETE OR TRUNCATE ON headgate.incident
	FOR EACH STATEMENT EXECUTE FUNCTION headgate.refuse_change();

REVOKE ALL ON headgate.incident FROM PUBLIC;
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'headgate_app') THEN
		RETURN;
	END IF;
	GRANT SELECT ON headgate.incident TO headgate_app;
	GRANT INSERT (uid, service, environment, severity, title, link, key, reported_by, release_id)
		ON headgate.incident TO headgate_app;
END $$;
