# Step by step: dampen, deploy what is pinned, try it out, watch for half an hour, write it down.
play runbook.part
after 16m
expect running entering in everybody
ack
expect message set_weight weight 100
after 62m
expect completed
after 48h
oncall rolls back because exports are wrong since Tuesday
expect rolling_back
expect message flags_off
expect message pause_workers
expect message read_only
expect message deploy_pinned artifact sha256:4711
ack
expect message smoke_health
expect message smoke_claim
expect message smoke_redeem
expect message smoke_pwa
expect stabilising
# Not tried out yet: no minute of the thirty counts. Nor without numbers.
after 5m
expect bake 0s
ack smoke
after 20m
silence p99_latency
after 10m
expect stabilising
play runbook-numbers.part
after 45m
expect rolled_back
