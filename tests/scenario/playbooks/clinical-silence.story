# Missing evidence at each stage. What is not known stops everything, without anybody's help.
policy ../../../config/policies/clinical.yaml
play cast.part
step 1m
release service nv5 version 0.8 stable 0.7 poster ben author ben link go_no_go
expect planned
expect waiting "check readiness_report (owner ops_owner) is open"
olaf checks readiness_report
olaf checks weekly_review_template
olaf checks execution_checklist
play clinical-numbers.part
health unknown core-workflow
olaf checks go_no_go_documented
mia checks critical_alerts_reviewed
mia checks safety_topics_reviewed
olaf checks alerting_probe
ben checks rollback_tabletop
mia approves
after 2h
expect running in preflight
expect waiting "gate core-workflow"
health ok
after 10m
expect running entering in canary
ack
after 5h
expect running baking in canary
silence followups
after 20h
expect running baking in canary
expect waiting "gate followups"
expect bake 0s
expect called
play clinical-numbers.part
alerts unknown
after 30h
expect running baking in canary
expect bake 0s
alerts quiet
sample cases 10
after 30h
expect running baking in canary
expect waiting "gate hard-stops: insufficient"
play clinical-numbers.part
after 27h
expect running ready in canary
# Baked, and then it falls silent: the step forward needs proof of now.
stale
after 10m
olaf checks canary_watched
mia checks reviewer_feedback
pat checks ramp_decision
mia approves
after 1h
expect running in canary
play clinical-numbers.part
after 3h
expect running entering in ramp-25
