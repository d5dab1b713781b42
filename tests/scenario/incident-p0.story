# Rule A5: a P0 rolls back what is exposed, as a gate would, and calls people; the same one twice does nothing more.
play baking.part
incident P0 "claims fail"
expect rolling_back
expect option kill_switch
expect because "a critical incident was reported: rolled back by kill_switch: 1: P0 reported by ann: claims fail"
expect called
incident again
expect repeat
incident P0
expect rolling_back
incident P2
expect rolling_back
ack
expect stabilising
incident P1
expect stabilising
expect called
incident P3
expect stabilising
sample error_rate 0.3
after 2h
expect rolling_back
expect option previous_version
