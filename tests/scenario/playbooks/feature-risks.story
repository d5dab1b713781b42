# The risk register: each feature's own signal. A slows down: the stage stops; the others ask somebody to look.
play feature.part
play feature-report.part
sample tags_per_item 2.5
after 25m
expect held ask:risk-c-tagging
sample tags_per_item 2
pm acks ask:risk-c-tagging because the limit is two
after 25m
expect not held ask:risk-c-tagging
sample vetoed 0.25
after 25m
expect held ask:risk-b-vetoes
sample vetoed 0.05
scheduler pushes repetitions 0.06
scheduler pushes style_violations 0.3
after 25m
expect held ask:risk-d-tuning
expect held ask:risk-e-style
expect running in internal
