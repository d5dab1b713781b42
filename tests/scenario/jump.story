# Rule R2: a later option jumps ahead, and then the earlier one does not count any more.
play baking.part
ann rolls back because users complain
ann rolls back by previous_version because the switch is not enough
expect rolling_back
expect option previous_version
expect message weight_zero
expect message redeploy version 1.3.0
ack kill_switch
expect rolling_back
ack
expect stabilising
ann rolls back by by_hand because still bad
expect rolling_back
expect called
ann acks
expect stabilising
