# "> 1 %" means above: exactly 1 % goes on, a little more pauses after three minutes, and two rungs on the same number
# have each their own persistence.
play erp-minor.part
sample error_rate 1%
after 10m
expect running baking in wave1
expect not waiting "gate errors"
sample error_rate 1.01%
after 2m
expect running baking in wave1
expect waiting "gate errors"
after 2m
expect paused in wave1
expect held errors
expect not held ask:errors-severe
expect because "a gate paused the release: errors"
# The way on is a person's, and only when the gate agrees.
rita resumes because I do not believe it
expect refused "gate errors still breaches"
sample error_rate 0.1%
after 4m
rita resumes because the batch job was it
expect running baking in wave1
expect bake 0s
