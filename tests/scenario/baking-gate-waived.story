# Rule P2: a waived gate counts nowhere in its stage, so its pause can be resumed.
play baking.part
sample error_rate 0.02
after 3m
expect paused
rita waives errors because the error is in the counter, see 4712
ann resumes because waived
expect running baking
after 30m
expect paused in full                      # the waiver ended with its stage
expect because "every gate held"
expect held errors
