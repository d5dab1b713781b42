# Rule E5: after_max_hold: rollback, from baking.
policy silent-back.yaml
play cast.part
release
play green.part
after 4m
expect running baking
silence
after 4m
expect rolling_back
expect because "the policy rolls back then"
expect called
expect message weight_zero
