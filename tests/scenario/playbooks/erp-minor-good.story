# The example of the runbook, with the thirty minutes of the strategy in wave 2: announced, prepared, three waves, half
# an hour of post-checks, and what people sign at the end.
policy ../../../config/policies/erp-minor.yaml
play cast.part
# What the release does not bring along it is not accepted without, naming each; a role may say that it is there.
release stable latest start +24h param feature=x
expect invalid "policy erp-minor requires an artifact; a pinned stable_version (tag, digest or run id)"
release service document-domain version 1.3.0 stable 1.2.4 artifact valero-neuroerp:1.3.0 migration reversible start +24h link release_notes param feature=new-pdf-renderer
expect planned
expect waiting "check rollback_plan (owner devops) is open"
dora checks rollback_plan see https://docs/rollback
expect not waiting "rollback_plan"
expect told scheduler.release.planned notification.maintenance.scheduled
play erp-numbers.part
after 24h
expect running in preparation
expect told scheduler.release.started
expect waiting "check changelog (owner product_owner) is open"
expect waiting "approval release_manager: 0 of 1"
dora approves because it is mine
expect denied
pat checks changelog
dora checks version_and_image
quin checks tests
rita checks stakeholders_informed
expect running in preparation
rita approves
after 2m
expect running in pre-checks
expect waiting "check migration_dry_run (owner devops) is open"
dora checks migration_dry_run
quin checks schema_compatibility
after 2m
expect running entering in wave1
expect message set_weight weight 10
ack
expect told scheduler.release.wave1
after 14m
expect running baking in wave1
after 3m
expect running entering in wave2
expect message set_weight weight 50
ack
expect told scheduler.release.wave2
# "15 Min" says the example, "30 Min" the strategy and the table of events: 30 it is.
after 16m
expect running baking in wave2
after 12m
expect running baking in wave2
after 4m
expect running entering in wave3
expect message set_weight weight 100
ack
expect told scheduler.release.wave3
after 14m
expect running in post-checks
expect told scheduler.release.completed
after 31m
expect running ready in post-checks
expect waiting "check uat_smoke_tests (owner qa) is open"
expect waiting "check audit_log_complete (owner audit_officer) is open"
dora checks logs_watched
quin checks uat_smoke_tests
dora checks kpi_comparison
pat checks release_notes_published
rita checks retrospective_planned
quin checks audit_log_complete
expect denied "belongs to role audit_officer"
otto checks audit_log_complete
expect completed
expect told analytics.release.metrics notification.release.successful audit.release.logged
