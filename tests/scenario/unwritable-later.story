# The same at the second stage: from baking, from ready, and after the bake was lost.
policy unwritable.yaml
play cast.part
release stable none
sample requests 500
sample error_rate 0
after 20m
expect running ready in dark
expect held action:enter
expect called
ann retries
expect running ready
expect held action:enter
expect called
silence
after 7m
expect running baking in dark
expect held action:enter
ann retries
expect not held action:enter
ann rolls back because it cannot go on
expect rolling_back
expect option kill_switch                  # the first option needs the stable version, too
expect message weight_zero weight 0
