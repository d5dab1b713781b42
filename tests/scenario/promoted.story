# Rule P1: promote skips the remaining bake and passes no gate.
play baking.part
ann promotes
expect invalid "promote needs a reason"
sample error_rate 0.02
after 30s
ann promotes because the board is waiting
expect refused "promote passes no gate: gate errors"
sample error_rate 0.001
after 1m
freeze "quarter end"
ann promotes because the board is waiting
expect refused "frozen: quarter end"
thaw
ann promotes because the board is waiting
expect running entering in full
expect bake 0s
