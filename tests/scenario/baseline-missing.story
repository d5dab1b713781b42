# Too few events make no baseline: the preflight stage is not left, and people hear of it.
policy baseline.yaml
play numbers.part
sample lag 0
sample requests 50
after 2h
expect running baking in go
expect waiting "gate worse: insufficient: 50 of 100 requests"
expect held evidence
