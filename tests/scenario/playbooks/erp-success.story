# "Error rate < baseline, p95 < baseline + 10 %": what was before is no worse than what is now, in the mean of minutes.
# The same as before is well (0 against 0 would have to be); the alarm is people's, and nothing is promoted over it.
play erp-patch.part
after 15m
ack
after 17m
expect running baking in post-checks
quin checks uat_smoke_tests
sample p95_latency 0.132
after 12m
expect running baking in post-checks
expect not called
sample p95_latency 0.133
after 12m
expect running baking in post-checks
expect held ask:latency-baseline
expect calling on_call for ask:latency-baseline
expect waiting "baseline 120 ms (unpaired); asks; it would pass at 132 ms or less"
sample error_rate 0.0011
after 11m
expect held ask:errors-baseline
after 3h
expect running baking in post-checks
sample error_rate 0.001
oncall waives latency-baseline because the new check takes its time
expect denied
rita waives latency-baseline because the new check takes its time
rita acks ask:latency-baseline because the new check takes its time
rita acks ask:errors-baseline because it was the nightly run
after 50m
expect completed
