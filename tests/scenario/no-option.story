# A decided rollback is never lost: without any option it ends with people.
policy redeploy-only.yaml
play cast.part
release migration irreversible
play green.part
after 2m
expect running baking
ann rolls back because users complain
expect failed
expect called
expect option none
expect because "rollback decided by a person"
ann retries
expect refused "no rollback option is available"
ann rolls back restored because the data is back
expect rolling_back
expect option redeploy
expect message redeploy version 1.3.0
ack
expect stabilising
after 15m
expect rolled_back
