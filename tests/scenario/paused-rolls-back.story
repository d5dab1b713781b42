# A paused release goes on being evaluated: gates add their holds, people roll back.
play baking.part
ann pauses
sample tickets 9
after 1m
expect paused
expect held ask:tickets
sample error_rate 0.02
after 3m
expect paused
expect held errors
expect because "holds the paused release as well"
ann resumes because calm
expect refused "gate errors still breaches"
bob pauses for 1m
after 2m
expect paused
expect because "others stay"
bob rolls back because enough
expect rolling_back
expect not held errors
