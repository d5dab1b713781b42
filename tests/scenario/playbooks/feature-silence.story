# Missing evidence at each stage: no baseline, nothing begins; no report, no suite, no metrics, and nothing goes on.
policy ../../../config/policies/feature-stages.yaml
play cast.part
step 1m
release service writer version 3.2.0 stable 3.1.0 poster eng author eng link pull_request link run_logs link dataset_meta param feature=searchLite param green_ledger=dec-20260301-007
play feature-numbers.part
after 3d
expect running in before
expect waiting "gate score-change"
expect called
scheduler pushes sampled 400
scheduler pushes average_score 4
scheduler pushes top_issue_rate 0.04
after 26h
expect running entering in internal
ack
quin checks suite_0
quin checks mini_bench
eng checks docs_updated_0
owner approves
after 3d
expect running in internal
expect bake 0s
expect waiting "no result suite was reported yet"
expect waiting "gate score-change"
play feature-report.part
play feature-report.part
play feature-report.part
silence pass_rate
play feature-report.part
expect running in internal
expect held evidence
expect waiting "gate quality"
