# The gate passes again, but nobody has looked: it stays held.
play baking.part
sample tickets 5
after 1m
sample tickets 0
after 40m
expect running ready in canary
expect waiting "hold ask:tickets"
ann acks
expect running entering in full
