# Rule table E: gates act while the exposure is only being changed.
play canary.part
sample tickets 5
after 1m
expect running entering
expect held ask:tickets
expect because "a gate asks people to look: tickets"
expect called
sample error_rate 0.02
after 3m
expect paused
expect decision parks
expect decision restarts
expect held errors
sample error_rate 0.08
after 3m
expect rolling_back
expect because "a gate asked for rollback"
expect message weight_zero weight 0
