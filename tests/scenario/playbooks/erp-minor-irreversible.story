# After an irreversible migration only the traffic goes back: the expanded schema serves the old version as well.
policy ../../../config/policies/erp-minor.yaml
play cast.part
release service document-domain version 1.3.0 stable 1.2.4 artifact valero-neuroerp:1.3.0 migration irreversible start +24h link release_notes link rollback_plan param feature=new-pdf-renderer
play erp-numbers.part
pat checks changelog
dora checks version_and_image
quin checks tests
rita checks stakeholders_informed
rita approves preparation
quin checks schema_compatibility
dora checks migration_dry_run
after 24h3m
ack
after 2m
health fails
after 30s
expect rolling_back
expect option canary
expect message set_weight
expect message flag_off
expect message weight_zero weight 0
