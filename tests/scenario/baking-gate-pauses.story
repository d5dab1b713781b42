# Rules E3, H3: a gate's pause restarts the bake, and its hold stays while the gate breaches.
play baking.part
after 5m
sample error_rate 0.02
after 30s
expect running baking
expect waiting "gate errors: "
expect waiting "it would pass at 1 % or less"
after 2m
expect paused
expect held errors
expect because "a gate paused the release: errors"
expect called
expect bake 0s
ann resumes because I do not believe it
expect refused "gate errors still breaches"
ann pauses
sample error_rate 0.002
after 2m
ann resumes because it went away
expect running baking
expect decision forgets
expect not held errors
after 17m
expect running entering in full
