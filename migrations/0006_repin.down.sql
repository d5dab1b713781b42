-- Releases that were moved stay where they are.

CREATE OR REPLACE FUNCTION headgate.release_guard() RETURNS trigger LANGUAGE plpgsql AS $$
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

DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'headgate_app') THEN
		RETURN;
	END IF;
	REVOKE UPDATE (policy_name, policy_hash) ON headgate.release FROM headgate_app;
END $$;
