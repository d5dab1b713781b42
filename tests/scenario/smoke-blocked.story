# Rule table E: a rollback rung with nothing exposed blocks and calls people, a pause rung just blocks.
play smoke.part
sample error_rate 0.02
after 2m
expect running entering
expect not called
sample error_rate 0.08
after 30s
expect running entering
expect held ask:errors
expect because "nothing is exposed: blocked"
expect called
ann acks errors
play green.part
ack
after 2m
expect running baking in smoke
expect not held ask:errors
sample error_rate 0.08
after 90s
expect running baking
expect held ask:errors
expect called
ann pauses
ann acks
play green.part
after 2m
expect paused
expect not held ask:errors
sample error_rate 0.08
after 90s
expect held ask:errors
expect called
sample tickets 9
after 30s
expect held ask:tickets
ann cancels because it never worked
expect cancelled
expect decision supersedes
