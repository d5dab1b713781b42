# On the way back people are told once; nothing is held there.
play half.part
drift set_weight
expect called
ann rolls back because users complain
expect not held drift:set_weight
expect called                                # the way back drifts, too
expect waiting "what action set_weight has set reads differently now"
expect rolling_back
drift over
drift weight_zero
expect called
ack
expect stabilising
expect not called
drift over
drift weight_zero
expect called
ann acks
expect stabilising
drift over
sample error_rate 0.2
after 2h
expect failed
expect called
drift weight_zero
expect called
drift over
expect failed
expect not called
