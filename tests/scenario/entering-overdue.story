# Rule B2: the maximum calls people and promotes nothing, whatever the step.
play canary.part
after 3h
expect running entering
expect called
expect because "longer than its maximum"
after 3h
expect not called
