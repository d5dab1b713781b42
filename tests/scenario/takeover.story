# Rule B1 and the promise: a restart keeps bake and votes, and three fresh rounds come before an advance.
play baking.part
at 17m expect running baking
down 1m
expect running baking
expect waiting "0 of 3 evaluations since this instance took over"
after 20s
expect running baking
after 2m
expect running entering in full
