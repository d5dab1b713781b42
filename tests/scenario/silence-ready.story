# The same when the bake is done: it stays ready until the bake itself is lost.
play half.part
silence
after 1m
expect running ready
expect held evidence
after 90s
expect because "no evidence for longer than max_hold"
expect called
play green.part
after 90s
expect running ready
expect not held evidence
silence
after 8m
expect running baking
expect because "nothing passed for too long: the bake restarted"
expect bake 0s
play green.part
after 3m
expect running baking
after 10m
expect running ready
