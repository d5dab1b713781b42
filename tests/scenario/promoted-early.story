# Promoted before enough passes are in: it takes effect when they are, and not before.
play canary.part
ack
after 1m
ann promotes because quick
expect refused "promote passes no gate"
after 10s
ann promotes because quick
expect running ready in canary
expect not waiting "of 15m observed green"
expect waiting "passing evaluations"
ann promotes because quicker
expect repeat
after 1m
expect running entering in full
