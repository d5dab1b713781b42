# Step by step, both systems side by side. What does not come with a backup is not accepted.
policy ../../../config/policies/erp-migration.yaml
release service crm-domain version 2026.1 stable l3 migration irreversible start +24h link migration link rollback_plan param source=x param backup=y
expect invalid "policy erp-migration requires links.backup"
play erp-migration.part
after 23h
ci pushes rows 4000
ci pushes rejected_rows 0.002
ci pushes dual_run_differences 0
after 2h
expect running ready in pilot
expect waiting "check import_files_kept_1 (owner devops) is open"
dora checks import_files_kept_1 see https://files/1
expect running entering in half
expect message import_batch batch half
ack
# What was measured and found plausible of the pilot says nothing about this half.
after 2h
expect bake 0s
expect waiting "gate plausibility"
expect waiting "gate rejected-rows"
ci pushes rows 90000
ci pushes rejected_rows 0.01
ci pushes dual_run_differences 0
ci reports plausibility passed
after 10m
expect not waiting "gate"
# Exactly 1 % of the rows may be rejected; above it people look, above 5 % it stands.
ci pushes rejected_rows 0.011
after 1m
expect running baking in half
expect held ask:rejected-rows
ci pushes rejected_rows 0.051
after 1m
expect paused in half
# There is no way back but the backup; the import stops at once.
rita rolls back because one in twenty is lost
expect message stop_import
expect message restore_backup backup run-81
expect rolling_back
refuse
expect option restore_by_hand
dora acks restore_by_hand
expect stabilising
after 40m
expect rolled_back
