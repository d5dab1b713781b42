-- Everything of 0001 goes, with all data. The role headgate_app stays: other databases may use it.

DROP FUNCTION headgate.idempotency_prune();
DROP TABLE headgate.idempotency;
DROP TABLE headgate.service;
DROP TABLE headgate.freeze_scope;
DROP TABLE headgate.policy_name;
DROP TABLE headgate.policy;
DROP TABLE headgate.outbox;
DROP TABLE headgate.evaluation;
DROP TABLE headgate.checkpoint;
DROP TABLE headgate.audit;
DROP FUNCTION headgate.settle(bigint, uuid);
DROP TABLE headgate.transition;
DROP FUNCTION headgate.refuse_change();
DROP TABLE headgate.release;
DROP FUNCTION headgate.release_guard();
DROP FUNCTION headgate.release_lock_id(bigint);
DROP TABLE headgate.voided;
DROP TABLE headgate.release_edge;
DROP SEQUENCE headgate.fence;
DROP SEQUENCE headgate.activation;
DROP SEQUENCE headgate.release_id;
DROP TABLE headgate.lease;
