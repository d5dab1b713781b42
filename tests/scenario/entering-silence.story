# Rule E5 while entering: one hold, one call, no way on.
play canary.part
silence
after 2m
expect running entering
expect held evidence
expect because "no data is not success"
after 40m
expect running entering
expect because "no evidence for longer than max_hold"
expect called
ack
expect running baking
expect held evidence
play green.part
after 3m
expect not held evidence
