# A trend needs eight measurements of the stage; weeks of them fit, restarts included, and what rises by the hour pauses
# long before it is above anything else.
policy trend.yaml
play numbers.part
ack
after 30m
expect running baking in canary
expect waiting "gate creeping: insufficient: "
expect not called
after 3h
expect running entering in full
ack
after 10m
sample error_rate 0.003
after 10m
sample error_rate 0.004
after 10m
sample error_rate 0.005
after 10m
sample error_rate 0.006
after 10m
expect paused
expect held creeping
expect waiting "above 0.1 % per 1h: "
rita waives creeping because it is the end of the month
rita resumes because it is waived
after 10d
takeover
after 15d
expect running baking in full
