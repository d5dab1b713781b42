# Nothing stays proof for ever: by its own word, or by the gate's.
play nightly.part
ann reports backup passed
after 1m
ack
nightly-ci reports nightly passed for 5m
after 4m
expect bake 3m45s
after 2m
expect waiting "has not been valid for"
expect running baking in canary
after 10m
expect running baking in canary
# A failure that expired is no failure any more, and no pass either.
nightly-ci reports nightly failed for 1s
after 1m
expect running baking in canary
expect waiting "stale"
nightly-ci reports nightly passed
after 11m
expect running entering in full
ack
nightly-ci reports flaky passed
nightly-ci reports nightly passed
after 11m
expect running ready in full
after 27h
expect waiting "has not been valid for"
expect running baking in full
