# Rule R4: breaches restart the green time; at the deadline they take the next option, until none is left.
play half.part
ann rolls back
ack
expect stabilising
after 5m
expect waiting "of 10m observed green"
sample error_rate 0.08
after 2m
expect stabilising
expect bake 0s
expect waiting "gate errors"
after 55m
expect failed
expect because "did not stabilise in time and no rollback option is left"
expect called
play green.part
after 1h
expect failed                              # gates never act here
