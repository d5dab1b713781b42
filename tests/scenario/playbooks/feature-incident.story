# "48시간 without an incident": any incident begins them anew, and time nobody could have reported one in does not count.
play feature.part
play feature-report.part
play feature-report.part
incident P3 "a style that is off"
play feature-report.part
quin checks suite_0
quin checks mini_bench
eng checks docs_updated_0
owner approves
expect running in internal
expect waiting "gate quiet"
play feature-report.part
after 1h
expect not waiting "gate quiet"
play feature-report.part
expect running in dogfood
