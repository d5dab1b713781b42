# Tier 2 does not begin on matching nobody can rely on, nor within a day of an incident.
play support.part
sample match_rate 0.94
after 12m
expect paused in limited-automation
expect held matching
sample match_rate 0.95
after 12m
lea resumes because the index is whole again
incident P2 "a reply named another customer"
expect paused in limited-automation
after 10m
lea resumes because it was the same customer twice
eng checks deterministic_matching_verified
lea checks no_disclosure_reported
after 23h
expect running in limited-automation
expect waiting "gate no-incident"
eng waives no-incident because I say so
expect denied
after 27h
expect running entering in tier2-livechat
