# A scheduler reports results wherever the release is: each counts as long as it is valid and about this exposure.
policy nightly.yaml
play cast.part
machine nightly-ci for dora ci
release start manual
nightly-ci reports nightly passed see https://ci.example/1
expect because "a result was reported (dora): nightly passed"
ann starts
# What nobody has reported holds the preflight, with its name.
after 2m
expect running ready in go
expect held evidence
expect waiting "no result backup was reported yet"
ci-bot reports backup passed
expect invalid "must name the person"
ann reports unknown passed
expect invalid "no gate of the policy waits for a result named unknown"
ann reports backup passed
after 1m
expect running entering in canary
# It passed before anything was exposed: that proves nothing about the exposure.
nightly-ci reports nightly passed
after 1m
ack
after 2m
expect running baking in canary
expect waiting "needs a result of now"
expect bake 0s
nightly-ci reports nightly passed for 2h
after 11m
expect running entering in full
