# The preflight stage waits until the baseline is captured, from measurements in which all other gates passed; then it
# stands for the whole release, over stages, restarts, resumes and the way back.
policy baseline.yaml
play numbers.part
sample lag 2000                              # what is captured now would be of a service in trouble
sample error_rate 0.5
after 20m
expect running baking in go
expect waiting "gate worse: insufficient: the baseline is being captured: 0s of 30m"
sample lag 0
sample error_rate 0.02
after 15m
expect waiting "the baseline is being captured: "
expect not called
takeover
after 25m
expect running entering in canary
ack
sample error_rate 0.0219
after 10m
expect verdict pass                          # 2.19 % is not above 2 % and 10 % of it
down 1m
after 40m
expect running entering in full
ack
ann pauses
after 10m
ann resumes because we want to see
sample error_rate 0.023
after 30s
expect waiting "above baseline + 10% (2.2 %): 2.3 % of 500 requests, baseline 2 % (unpaired)"
after 6m
expect rolling_back
expect because "worse"
ack
expect stabilising
sample error_rate 0.02
after 20m
expect rolled_back
