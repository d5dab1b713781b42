# Held against the track beside it, at the same time: what both suffer from is nobody's fault.
policy ../../../config/policies/canary.yaml
play cast.part
release
sample requests 2000
sample errors 0.01
sample canary_requests 500
sample stable_requests 1500
sample canary_errors 0.012
sample stable_errors 0.01
sample canary_p95 0.2
sample stable_p95 0.19
ack
after 18m
expect running entering in half
ack
# The whole platform limps: both do.
sample canary_errors 0.032
sample stable_errors 0.03
sample errors 0.031
after 10m
expect running baking in half
expect not waiting "gate"
# The stable track falls silent: nothing to compare with.
silence stable_errors
after 10m
expect held evidence
expect waiting "gate worse-than-stable"
sample stable_errors 0.03
after 5m
sample canary_errors 0.036
after 4m
expect paused in half
expect held worse-than-stable
sample canary_errors 0.051
after 4m
expect rolling_back
expect message set_weight weight 5
expect message set_weight weight 50
expect message weight_zero weight 0
