# "Sofortiger Stopp": an alert nobody took care of, a broken core path, a finding of people. Each stops, none goes back
# by itself; an alert that was taken care of counts no more.
play clinical.part
alerts fire
after 1m
expect paused in canary
expect held critical-alerts
expect calling ops_owner for critical-alerts
olaf resumes because it is nothing
expect refused "gate critical-alerts still breaches"
olaf acks alert f1 because the medical lead knows of it
after 1m
mia resumes because it is taken care of
expect running baking in canary
alerts quiet
health fails core-workflow
after 1m
expect paused in canary
expect held core-workflow
health ok core-workflow
after 2m
ben resumes because the service was restarted
expect running baking in canary
ben pauses because a reviewer found a safety regression
expect paused in canary
after 3h
expect paused in canary
# The decision about the risk is one person's.
ben rolls back by medical_risk because it is too risky
expect denied "only a person who holds role medical_lead"
mia rolls back by medical_risk because it is too risky
expect message hold_volume
expect message stable_configuration version 0.7
expect message redeploy version 0.7
expect rolling_back
ack
play clinical-numbers.part
# Two hours of close watching, then it is over; the note and the criteria are owed.
after 1h50m
expect stabilising
after 1h30m
expect rolled_back
olaf records hypothesis "three cases" 0.7
