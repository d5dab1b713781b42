# Numbers of a batch: what was measured before this exposure proves nothing about it.
policy batch.yaml
play cast.part
machine batch for dora ci
release start manual
batch pushes wrong 0.5
expect because "measurements were pushed (dora): wrong 0.5 %"
batch pushes cases 400
ann starts
batch pushes wrong 0.5
after 1m
ack
after 1m
expect running baking in canary
expect waiting "of before this exposure"
ci-bot pushes wrong 0.1
expect invalid "must name the person"
ann pushes error_rate 1
expect invalid "the policy has no KPI error_rate that is pushed"
ann pushes wrong -1
expect invalid "never below 0"
# Too few cases are no evidence, however good they look.
batch pushes wrong 0.5
batch pushes cases 99
after 11m
expect running baking in canary
expect waiting "99 of 100 cases"
batch pushes cases 100
after 11m
expect running entering in full
