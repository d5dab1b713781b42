# Looked at, and nothing else: no message leaves, no error pauses it; a good hour ends it.
policy ../../../config/policies/just-watch.yaml
play cast.part
release
expect running baking in watch
expect not message
sample requests 500
sample error_rate 0.03
sample p95_latency 2
after 30m
expect running baking in watch
expect bake 0s
expect not called
expect waiting "gate errors"
sample error_rate 0.06
after 5m
expect running baking in watch
expect held ask:errors
oncall acks ask:errors because we know
sample error_rate 0.01
after 65m
expect completed
expect not message
