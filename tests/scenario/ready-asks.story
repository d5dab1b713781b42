play half.part
sample tickets 5
after 1m
expect running ready
expect held ask:tickets
ann acks
sample tickets 0
after 2m
expect not held ask:tickets
after 2h
expect running ready
expect called
expect because "longer than its maximum"
