# Missing evidence at each stage, on the way forward and on the way back: neither goes on without.
play runbook.part
health unknown core-routes
after 30m
expect running baking in canary
expect held evidence
expect waiting "gate core-routes"
health ok core-routes
silence cost_per_tenant
after 90m
expect running baking in canary
expect called
play runbook-numbers.part
after 18m
expect running entering in everybody
ack
sample requests 50
after 90m
expect running baking in everybody
expect waiting "insufficient"
incident P1 "tokens can be replayed"
expect paused
oncall rolls back because tokens can be replayed
ack
ack smoke
silence
after 3h
expect stabilising
expect waiting "gate"
expect called
play runbook-numbers.part
after 40m
expect rolled_back
