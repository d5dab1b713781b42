# Rule E3: nor by a restart, after which everything has to warm up first.
play baking.part
sample error_rate 0.08
store away
after 90s
down 1m
sample error_rate 0.002
store back
expect running baking
after 15s
expect rolling_back
expect because "errors: stands: 2 of 2 votes above 5 %"
