# Routing first, then automation: safe baseline, three templates, one channel of Tier 2, everybody, a day of watching.
play support.part
after 27h
expect running ready in limited-automation
# Tier 2 stays off until matching is verified, and nobody has reported a disclosure.
expect waiting "check deterministic_matching_verified (owner engineering) is open"
eng checks deterministic_matching_verified
lea checks no_disclosure_reported
expect running entering in tier2-livechat
expect message set_switches tier2 livechat
ack
after 27h
expect waiting "check weekly_evaluation_stable (owner support_ops) is open"
expect waiting "approval support_ops: 0 of 1"
sue checks weekly_evaluation_stable
sue approves because it helps
expect running entering in expansion
expect message set_switches tier2 all
ack
after 3h
expect running baking in first-24-hours
# "If available": signals of dissatisfaction may be missing, the send count may not.
silence dissatisfaction
after 27h
expect completed
