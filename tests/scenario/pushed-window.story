# A number made of the last half hour must lie in the exposure with all of it; a bad one counts at once.
policy batch.yaml
play cast.part
machine batch for dora ci
release
ack
after 1m
batch pushes cases 400
batch pushes wrong 0.1
after 11m
ack
after 1m
batch pushes cases 400
batch pushes wrong 0.1
batch pushes lag 20
after 15m
expect running baking in full
expect waiting "reaches back to before this exposure"
after 20m
batch pushes lag 20
after 11m
expect running ready in full
batch pushes lag 600
after 15s
# It blocks at once, and votes when its window shares nothing with that of the last vote.
expect verdict hold
expect waiting "next vote in"
after 20m
expect held ask:lag
# The next one is better: late, but of the instant it says.
batch pushes lag 30
after 1m
ann acks
after 1m
expect not held ask:lag
# Nothing stays proof for ever.
after 27h
expect running baking in full
expect waiting "one should come every 1d2h"
