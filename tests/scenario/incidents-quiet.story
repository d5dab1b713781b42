# A quiet time is observed: it begins anew with an incident and with an exposure, and nothing is assumed of an outage.
policy incidents.yaml
play cast.part
release
ack
after 31m
ann promotes because it is good
after 15s
expect running baking in watch
expect waiting "31m of 6h without an incident"
after 1h
expect waiting "1h31m of 6h without an incident"
# That takes its time; nobody is called for it, and nothing is missing.
expect not called
expect not held evidence
store away
after 30m
store back
after 1m
expect not called
expect waiting "1h31m45s of 6h without an incident"
down 2h
after 1m
expect waiting "1h32m30s of 6h without an incident"
takeover
incident P3 "a typo"
after 15s
expect paused
expect held quiet
after 15s
ann resumes because it was a typo
after 3h
expect running baking in watch
expect waiting "of 6h without an incident"
after 3h15m
expect completed
