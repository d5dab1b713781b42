# Rule E5: one gate's silence was counted for another, which rolled back after seconds of its own.
policy silent-back.yaml
play cast.part
release
play green.part
after 4m
expect running baking
silence tickets
after 10m
expect held evidence
sample tickets 0
silence error_rate
after 90s
expect running baking
expect held evidence
after 1m
expect rolling_back
expect because "the policy rolls back then by kill_switch: errors: no data"
