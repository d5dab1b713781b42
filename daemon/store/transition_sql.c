/*
 * transition_sql - the one statement that changes releases.
 *
 * It takes arrays: everything that was decided within one turn. Steps in order: lock the lease and
 * the freezes and judge them; change or create the release rows that are still at the expected
 * version; then, for those alone, transition, audit record, superseded and parked messages, new
 * messages, evidence and the last stable version. What did not apply is missing from `done` and
 * nothing of it happens.
 *
 * Lock order: lease, freezes, releases, outbox. Lease and freezes are taken SKIP LOCKED: a row that
 * somebody is changing right now reads as "not allowed", so a pause or rollback in the same batch
 * never waits for them (rule V4). A release row that somebody else holds for long is given up and
 * tried again: behind a statement that waits, all others would wait too.
 */
#include "store/internal.h"

/* One statement on purpose: cutting the text would only hide that. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* Until when an advance may still take effect: while it is claimed or awaits a callback, and after
 * attempts that got no answer, which the receiver may have read all the same. One that is
 * acknowledged by callback has its receiver's time on top. */
#define SQL_IN_FLIGHT                                                                              \
	"greatest(o.may_arrive_until, o.awaits_until,"                                             \
	" o.claim_until + coalesce(o.callback_ms, 0) * interval '1 millisecond')"

/* A way back is being tried out: earlier smoke tests (MESSAGE_SMOKE) are over. */
#define SQL_TRIES_ANEW "(d.state = 'stabilising' AND d.from_state <> 'stabilising')"

/* clang-format off */
const struct pg_statement sql_transition = {
	"transition",
	"WITH " SQL_PATIENCE ", c AS MATERIALIZED ("
	" SELECT c.* FROM patience, unnest("
	"  $1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],"
	"  $9::bigint[], $10::boolean[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::bigint[],"
	"  $16::uuid[], $17::bytea[], $18::jsonb[], $19::boolean[], $20::boolean[], $21::boolean[], $22::boolean[],"
	"  $23::text[], $24::text[], $25::text[], $26::text[], $27::text[], $28::text[], $29::text[], $30::jsonb[],"
	"  $31::bytea[], $32::bigint[], $33::bigint[], $34::text[], $35::jsonb[], $36::text[], $37::boolean[],"
	"  $38::boolean[])"
	" WITH ORDINALITY AS c("
	"  id, expected, service, environment, version, attempt, state, step,"
	"  stage, exposed, policy_name, policy_hash, author, created_ms, updated_ms,"
	"  transition, last_hash, detail, needs_lease, needs_thaw, supersedes, parks,"
	"  event, from_state, from_step, actor, origin, reason, words, why,"
	"  record, e_number, e_ms, e_verdict, e_body, stable, sends, closes, ord)"
	"), "
	SQL_LEASE("$54", "$55::bigint", " AND EXISTS (SELECT FROM c WHERE c.needs_lease)") ", "
	/* Locked whether frozen or not, judged below: a filter here would be applied to the rows as they were
	 * before a freeze that has just committed. */
	"scope AS MATERIALIZED ("
	" SELECT f.scope, f.name, f.frozen FROM headgate.freeze_scope f"
	" WHERE (f.scope, f.name) IN ("
	"  SELECT 'global', '*' FROM c WHERE c.needs_thaw"
	"  UNION SELECT 'environment', c.environment FROM c WHERE c.needs_thaw"
	"  UNION SELECT 'service', c.service FROM c WHERE c.needs_thaw)"
	" FOR SHARE SKIP LOCKED), "
	/* A set that is looked up per release; walking the scopes for each would be quadratic. */
	"thawed AS MATERIALIZED ("
	" SELECT jsonb_object_agg(s.scope || ':' || s.name, true) AS names FROM scope s WHERE NOT s.frozen), "
	"judged AS MATERIALIZED ("
	" SELECT c.*,"
	"  NOT c.needs_lease OR " SQL_LEASE_HOLDS " AS lease_ok,"
	"  NOT c.needs_thaw OR coalesce((SELECT t.names FROM thawed t)"
	"   ?& ARRAY['global:*', 'environment:' || c.environment, 'service:' || c.service], false) AS thaw_ok"
	" FROM c), "
	"allowed AS MATERIALIZED (SELECT * FROM judged WHERE lease_ok AND thaw_ok), "
	"changed AS ("
	" UPDATE headgate.release r SET"
	"  state = a.state, step = a.step, stage = a.stage, exposed = a.exposed, row_version = a.expected + 1,"
	"  activation = CASE WHEN a.from_state = 'planned' AND a.state = 'running'"
	"   THEN nextval('headgate.activation') ELSE r.activation END,"
	"  updated_at = " SQL_INSTANT("a.updated_ms") ", changed_at = clock_timestamp(),"
	"  policy_name = a.policy_name, policy_hash = a.policy_hash,"
	"  transition = a.transition, last_hash = a.last_hash, detail = a.detail"
	" FROM allowed a"
	" WHERE a.expected > 0 AND r.id = a.id AND r.row_version = a.expected"
	" RETURNING r.id), "
	"created AS ("
	" INSERT INTO headgate.release (id, service, environment, version, attempt, state, step, stage,"
	"  row_version, exposed, policy_name, policy_hash, author, created_at, updated_at, transition,"
	"  last_hash, detail)"
	" SELECT a.id, a.service, a.environment, a.version, a.attempt, a.state, a.step, a.stage,"
	"  1, a.exposed, a.policy_name, a.policy_hash, a.author, " SQL_INSTANT("a.created_ms") ","
	"  " SQL_INSTANT("a.updated_ms") ", a.transition, a.last_hash, a.detail"
	" FROM allowed a WHERE a.expected = 0 ORDER BY a.id"
	" RETURNING id), "
	/* A scope gets its row with its first release, so that an advance always has a row to lock. */
	"scoped AS ("
	" INSERT INTO headgate.freeze_scope (scope, name)"
	" SELECT x.scope, x.name FROM ("
	"  SELECT 'environment' AS scope, a.environment AS name FROM allowed a WHERE a.expected = 0"
	"  UNION SELECT 'service', a.service FROM allowed a WHERE a.expected = 0) x ORDER BY 1, 2"
	" ON CONFLICT DO NOTHING), "
	"done AS MATERIALIZED ("
	" SELECT a.* FROM allowed a"
	" JOIN (SELECT id FROM changed UNION ALL SELECT id FROM created) x USING (id)), "
	"told AS ("
	" INSERT INTO headgate.transition (id, release_id, row_version, event, from_state, to_state, from_step,"
	"  to_step, stage, actor, origin, reason, text, detail, at)"
	" SELECT d.transition, d.id, d.expected + 1, d.event, d.from_state, d.state, d.from_step,"
	"  d.step, d.stage, d.actor, d.origin, d.reason, d.words, d.why, " SQL_INSTANT("d.updated_ms")
	" FROM done d), "
	"audited AS ("
	" INSERT INTO headgate.audit (chain, sequence, record, hash)"
	" SELECT 'release/' || d.id, d.expected + 1, d.record, d.last_hash FROM done d), "
	/* OFFSET 0 keeps the planner from turning this round: per release its few open messages, never all open
	 * ones against all releases. A rollback's are closed only where the way back has ended, its smoke tests also
	 * where the next ones are sent. */
	"open AS MATERIALIZED ("
	" SELECT x.id, d.transition, d.supersedes OR d.sends OR d.closes OR " SQL_TRIES_ANEW " AS ends, d.parks"
	" FROM done d CROSS JOIN LATERAL ("
	"  SELECT o.id FROM headgate.outbox o WHERE o.release_id = d.id"
	"   AND (o.class = 'advance' OR (o.class = 'rollback' AND"
	"    (d.closes OR (o.option = -2 AND " SQL_TRIES_ANEW "))))"
	"   AND o.done_at IS NULL AND o.superseded_by IS NULL OFFSET 0) x"
	" WHERE d.supersedes OR d.sends OR d.parks OR d.closes OR " SQL_TRIES_ANEW "), "
	/* New entry messages replace older ones: they say the desired state, not a difference. One that was
	 * acknowledged since we looked stays as it is, but says until when its earlier attempts may arrive. */
	"superseded AS ("
	" UPDATE headgate.outbox o SET"
	"  superseded_by = CASE WHEN v.ends AND o.done_at IS NULL THEN v.transition END,"
	"  parked = o.parked OR (v.parks AND o.done_at IS NULL)"
	" FROM open v WHERE o.id = v.id AND o.superseded_by IS NULL"
	" RETURNING o.release_id, " SQL_IN_FLIGHT " AS claim_until), "
	/* Advances that may still arrive after the rollback (rule R8), also those that an earlier one superseded and
	 * those of which a later attempt was acknowledged. */
	"in_flight AS MATERIALIZED ("
	" SELECT x.release_id, max(x.claim_until) AS until FROM ("
	"  SELECT release_id, claim_until FROM superseded"
	"  UNION ALL"
	"  SELECT d.id, y.claim_until FROM done d CROSS JOIN LATERAL ("
	"   SELECT " SQL_IN_FLIGHT " AS claim_until FROM headgate.outbox o WHERE o.release_id = d.id AND o.class = 'advance'"
	"    AND NOT (o.done_at IS NULL AND o.superseded_by IS NULL) OFFSET 0) y WHERE d.supersedes) x"
	" WHERE x.claim_until > clock_timestamp() GROUP BY x.release_id), "
	/* One fence per decision: its messages may arrive in any order, and none of them makes another stale. Drawn
	 * while the release's row is locked, so it rises along with the decisions about a service. */
	"fenced AS MATERIALIZED ("
	" SELECT d.id, nextval('headgate.fence') AS fence FROM done d"
	" WHERE d.id IN (SELECT unnest($39::bigint[]))), "
	"sent AS ("
	" INSERT INTO headgate.outbox (id, release_id, row_version, sequence, fence, epoch, class, option,"
	"  action, destination, method, path, body, headers, callback_ms, arguments, read, dedupe, dead, last_text,"
	"  resend_at)"
	" SELECT d.transition || '.' || m.sequence, d.id, d.expected + 1, m.sequence, n.fence,"
	"  (SELECT l.epoch FROM headgate.lease l WHERE l.shard = " STORE_SHARD "), m.class, m.option,"
	"  m.action, m.destination, m.method, m.path, m.body, m.headers, nullif(m.callback_ms, 0),"
	"  m.arguments, m.read, m.dedupe, m.withheld IS NOT NULL, m.withheld,"
	"  CASE WHEN m.class = 'rollback' THEN f.until END"
	" FROM unnest($39::bigint[], $40::bigint[], $41::text[], $42::bigint[], $43::text[], $44::text[],"
	"  $45::text[], $46::text[], $47::jsonb[], $48::jsonb[], $49::bigint[],"
	"  $50::jsonb[], $51::jsonb[], $52::text[], $53::text[])"
	"  AS m(id, sequence, class, option, action, destination, method, path, body, headers, callback_ms,"
	"   arguments, read, dedupe, withheld)"
	" JOIN done d ON d.id = m.id JOIN fenced n ON n.id = m.id LEFT JOIN in_flight f ON f.release_id = d.id"
	" ORDER BY m.id, m.sequence"
	" ON CONFLICT (dedupe) WHERE dedupe IS NOT NULL DO NOTHING), "
	"evaluated AS ("
	" INSERT INTO headgate.evaluation (release_id, row_version, number, at, verdict, body)"
	" SELECT d.id, d.expected, d.e_number, " SQL_INSTANT("d.e_ms") ", d.e_verdict, d.e_body"
	" FROM done d WHERE d.e_number IS NOT NULL), "
	"stabled AS ("
	" INSERT INTO headgate.service (service, environment, last_stable, last_stable_release, since)"
	" SELECT d.service, d.environment, d.stable, d.id, " SQL_INSTANT("d.updated_ms")
	" FROM done d WHERE d.stable IS NOT NULL"
	" ON CONFLICT (service, environment) DO UPDATE SET last_stable = excluded.last_stable,"
	"  last_stable_release = excluded.last_stable_release, since = excluded.since) "
	"SELECT j.ord, d.id IS NOT NULL, j.lease_ok, j.thaw_ok, " SQL_MS("clock_timestamp()")
	" FROM judged j LEFT JOIN done d ON d.id = j.id",
	55,
};
/* clang-format on */

const struct pg_statement sql_settle = {
        "settle",
        "WITH " SQL_PATIENCE " SELECT headgate.settle($1::bigint, $2::uuid), " SQL_MS(
                "clock_timestamp()") " FROM patience",
        2,
};
