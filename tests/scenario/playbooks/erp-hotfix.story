# A hotfix names the incident it mends; a quarter of an hour, then half an hour of watching. What the release it mends
# still owes does not hold it back.
reentry record post_mortem_planned
play erp-hotfix.part
after 15m
expect running baking in post-checks
after 31m
expect waiting "check defect_gone (owner qa) is open"
quin checks defect_gone
expect completed
