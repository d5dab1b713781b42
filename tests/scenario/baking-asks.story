# Rule E4: an ask holds until acknowledged, and is over once its gate passes.
play baking.part
sample tickets 5
after 1m
expect running baking
expect held ask:tickets
expect called
after 20m
expect running baking
ann acks tickets
ann acks tickets
expect repeat
expect held ask:tickets
expect not waiting "hold ask:tickets"
expect waiting "gate tickets"
sample tickets 0
after 2m
expect not held ask:tickets
expect because "passes again"
after 20m
expect running entering in full
