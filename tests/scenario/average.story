# A mean is there after three measurements of this exposure; until then nothing bakes and nobody is called for it. One
# bad window does not move it far, three do; a restart loses no measurement.
policy average.yaml
play numbers.part
ack
expect running baking in canary
after 10m
expect waiting "gate mean: insufficient: 1 of 3 measurements"
expect not called
down 1m
after 6m                                     # the process that took over has no samples at first
expect waiting "gate mean: insufficient: 2 of 3 measurements"
expect bake 0s
sample error_rate 0.02
after 6m
expect not waiting "gate mean"               # 0.2, 0.2 and 2 %
expect verdict pass
sample error_rate 0.002
after 35m
expect running entering in full
ack
sample error_rate 0.02
after 5m
expect waiting "gate mean: insufficient: "   # what the canary gave says nothing about this stage
after 16m
expect paused
expect because "a gate paused the release: mean"
expect waiting "mean of 3: 2 % of 1,500 requests"
ann resumes because I do not believe it
expect refused "gate mean still breaches"
ann rolls back because it is true
ack
expect stabilising
after 14m
expect bake 0s                               # nor the bad version about the good one
sample error_rate 0.002
after 40m
expect rolled_back
