# Rule E3: a rollback that could not be committed at once is not dropped by silence.
play baking.part
sample error_rate 0.08
store away
after 90s
expect running baking
expect verdict rollback
silence
after 2m
expect verdict rollback
expect waiting "gate errors: stands: 2 of 2 votes above 5 %, then silence (no data: nothing came back)"
store back
expect rolling_back
expect because "a gate asked for rollback by kill_switch: errors: stands: 2 of 2 votes"
expect called
expect message weight_zero
