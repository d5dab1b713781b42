# A step that is not plausible, or in which the systems differ, stands until somebody has looked.
play erp-migration.part
ci reports plausibility failed see https://reports/2
after 1m
expect paused in pilot
expect held plausibility
ci reports plausibility passed
after 1m
rita resumes because the report was wrong
ci pushes dual_run_differences 1
after 1m
expect paused in pilot
expect held dual-run
