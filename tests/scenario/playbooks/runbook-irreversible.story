# "Irreversible Migrationen: Code-Rollback nur mit DB-Restore": dampened at once, the code stays until a person says that
# the data is restored.
policy ../../../config/policies/rollback-runbook.yaml
play cast.part
release service stamps version 2.5.0 stable 2.4.1 ticket CHG-1207 migration irreversible link migration param stable_artifact=sha256:4711 param stable_run=runs/815
play runbook-numbers.part
dora checks stable_artifact_pinned
dora checks migration_status_known
rita checks stakeholders_informed
dora checks flags_and_secrets_at_hand
after 2m
expect message set_weight weight 10
ack
after 2m
sample errors_5xx 0.3
after 2m15s
expect failed
expect called
expect message flags_off
expect message pause_workers
expect message read_only
expect not message
expect waiting "requires a confirmed restore"
ines rolls back by after_restore because it is urgent
expect refused
ines rolls back by after_restore restored because restored to 14:00
expect message deploy_pinned_on_restored_data artifact sha256:4711
sample errors_5xx 0.001
ack
ack smoke
after 35m
expect rolled_back
