# Rule A3: a pause that ends during a freeze sent the stage's actions once more.
play canary.part
ann pauses for 20m because lunch
freeze "quarter end"
after 30m
expect paused
expect held person:ann
expect waiting "frozen: quarter end"
expect not message
expect not legal resume
ann resumes because "lunch is over"
expect refused "the stage's actions may not be sent anew: frozen: quarter end"
ann pauses because "and meetings"
thaw
expect paused
freeze "quarter end"
bob pauses for 5m
after 6m
expect not held person:bob
expect paused
thaw
ann resumes because "all over"
expect running entering
expect decision thaw
expect message set_weight
ann pauses for 5m because "coffee"
freeze "quarter end"
after 10m
expect paused
thaw
expect running entering
expect because "the last hold expired"
expect decision thaw
expect message set_weight
