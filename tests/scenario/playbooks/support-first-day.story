# What the first day must see: a signal that is there counts, one that must be there and is missing holds.
play support.part
after 27h
eng checks deterministic_matching_verified
lea checks no_disclosure_reported
ack
after 27h
sue checks weekly_evaluation_stable
sue approves
ack
after 3h
expect running baking in first-24-hours
silence sends
after 2h
expect held evidence
expect waiting "gate sends"
sample sends 300
after 10m
expect not held evidence
sample dissatisfaction 0.3
after 12m
expect held ask:dissatisfaction
sample dissatisfaction 0.05
lea acks ask:dissatisfaction because it was one customer
after 10m
expect not held ask:dissatisfaction
sample sends 3000
after 20m
expect running baking in first-24-hours
expect held ask:sends
