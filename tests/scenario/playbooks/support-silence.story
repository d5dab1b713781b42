# Missing evidence at each stage: the scheduler's look above all, which nobody may have forgotten.
policy ../../../config/policies/support-automation.yaml
play cast.part
step 15s
release service support version 9.0.0 stable 8.7.0 poster eng author eng param template=x
expect waiting "check go_no_go (owner support_lead) is open"
lea checks go_no_go
quin checks manual_qa
lea checks dashboards
lea checks operator_runbook
play support-numbers.part
health unknown
eng checks ci_gates
eng checks llm_regression
quin checks staging_smoke
lea checks dashboards_and_alarms
lea approves
after 1h
expect running in preconditions
expect waiting "gate health"
health ok
after 4m
expect running entering in baseline
ack
after 5h
expect running baking in baseline
expect waiting "no result health_checks was reported yet"
expect called
scheduler reports health_checks passed
after 1h30m
expect waiting "gate scheduled-checks: stale"
scheduler reports health_checks failed
after 1m
expect paused in baseline
scheduler reports health_checks passed
after 1m
lea resumes because the probe itself was broken
after 50m
scheduler reports health_checks passed
after 50m
scheduler reports health_checks passed
after 25m
expect running entering in limited-automation
ack
silence
after 4h
expect running baking in limited-automation
expect held evidence
expect bake 0s
