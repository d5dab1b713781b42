# Two critical incidents in one window of 24 hours: the second one second before a day is over.
policy ../../../config/policies/clinical.yaml
play clinical.part
incident P1 "dosage shown twice"
expect paused in canary
expect calling ops_owner for incident:1
olaf acks incident:1 because it is looked at
after 1h
mia resumes because it was the display alone
after 22h59m59s
expect running in canary
expect not held critical-incidents
incident P1 "dosage shown twice again"
after 1m
expect rolling_back
expect because "critical-incidents"
expect message hold_volume
expect message stable_configuration version 0.7
