# "지난 3회 평균": the average of the last three decides. One bad report does not block, three do; exactly two points less
# are allowed, a little more are not; a little fewer than 30 % fewer issues are not enough.
play feature.part
play feature-report.part
play feature-report.part
quin checks suite_0
quin checks mini_bench
eng checks docs_updated_0
# One report of 3.8 among two of 4.1: the mean is what it was before, 4.
scheduler pushes average_score 3.8
scheduler pushes top_issue_rate 0.028
scheduler pushes sampled 400
scheduler pushes difficulty_divergence 0.01
scheduler pushes style_violations 0.05
scheduler pushes repetitions 0.01
scheduler reports suite passed
after 1h
expect not waiting "gate score-change"
expect not waiting "gate top-issue-change"
sample pass_rate 0.93
after 2h
expect not waiting "gate pass-rate-change"
sample pass_rate 0.9299
after 2h
expect waiting "gate pass-rate-change"
expect running in internal
expect not held pass-rate-change
sample pass_rate 0.95
sample vetoed 0.051
after 2h
expect waiting "gate vetoes-change"
sample vetoed 0.05
after 2h
expect not waiting "gate vetoes-change"
