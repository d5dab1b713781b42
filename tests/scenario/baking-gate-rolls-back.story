play baking.part
sample error_rate 0.08
after 3m
expect rolling_back
expect because "a gate asked for rollback by kill_switch: errors"
expect called
