# Rule E3: what was forgotten or passed since acts no more; nor does silence alone.
play baking.part
sample error_rate 0.08
store away
after 90s
expect verdict rollback
silence
after 6m
expect verdict hold
store back
expect running baking
sample requests 500
sample tickets 0
sample error_rate 0.002
after 3m
store away
sample error_rate 0.02
after 90s
expect verdict pause
sample error_rate 0.002
after 15s
silence
after 15s
expect verdict hold
store back
after 2m
expect running baking
