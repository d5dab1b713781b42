# The policy every newcomer starts with: a canary, everybody, and the way back.
policy ../../../config/policies/starter.yaml
play cast.part
release
expect running entering in canary
expect message set_weight weight 10
ack
# Nothing was measured yet: no time counts, and after a while the release says so.
after 2m
expect running baking in canary
expect bake 0s
expect waiting "gate errors: no data"
after 5m
expect held evidence
sample requests 500
sample error_rate 0.002
sample p95_latency 0.2
after 12m
expect running entering in full
expect message set_weight weight 100
ack
after 5m
# Above 5 % in two of three minutes goes back by itself.
sample error_rate 0.06
after 3m
expect rolling_back
expect message weight_zero weight 0
ack
sample error_rate 0.002
after 12m
expect rolled_back
