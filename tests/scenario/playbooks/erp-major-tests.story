# The pipelines' results block until they are there: missing, failed and too old ones alike.
policy ../../../config/policies/erp-major.yaml
play cast.part
step 15s
release service contracts-domain version 2.0.0 stable 1.5.0 artifact valero-neuroerp:2.0.0 migration irreversible start +9d link release_notes link rollback_plan link migration_guide link api_changelog param feature=x
expect invalid "links.migration"
release service contracts-domain version 2.0.0 stable 1.5.0 artifact valero-neuroerp:2.0.0 migration irreversible start +9d link release_notes link rollback_plan link migration_guide link api_changelog link migration param feature=x
play erp-numbers.part
pat checks changelog
dora checks version_and_image
dora checks breaking_changes_documented
dora checks contract_step_left_out
rita checks stakeholders_informed
rita approves preparation
pat approves preparation
ci reports unit_tests passed
after 9d7h
expect running in preparation
expect waiting "unit-tests"
expect waiting "no result load_tests was reported yet"
ci reports unit_tests passed
ci reports integration_tests passed
ci reports load_tests passed
ci reports chaos_tests failed
after 2m
expect running in preparation
expect waiting "chaos-tests"
ci reports chaos_tests passed
after 2m
expect running in pre-checks
expect waiting "check downtime_agreed (owner product_owner) is open"
