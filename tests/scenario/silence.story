# Rules E5, B1: missing evidence blocks, is recorded once, calls people after max_hold, and never moves anything.
play baking.part
at 8m silence
after 2m
expect running baking
expect held evidence
expect waiting "hold evidence"
expect because "no data is not success"
expect verdict hold
after 20m
expect not called
after 20m
expect because "no evidence for longer than max_hold"
expect called
after 3h
expect running baking
expect bake 0s
play green.part
after 2m
expect not held evidence
expect because "evidence is back"
after 8m
