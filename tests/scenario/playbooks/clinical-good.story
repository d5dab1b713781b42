# From the Go/No-Go to the first weekly review: two days in the canary are not needed, one is; the ramp takes three days;
# nobody's word is left out.
play clinical.part
after 22h
expect running baking in canary
# 24 h is the least: now it may go on, when the people who must have agreed.
after 2h
expect running ready in canary
expect waiting "check reviewer_feedback (owner medical_lead) is open"
expect waiting "check ramp_decision (owner product_owner) is open"
expect waiting "approval medical_lead: 0 of 1"
olaf checks canary_watched
mia checks reviewer_feedback see "https://reviews/8"
pat checks ramp_decision
ben approves canary as medical_lead
expect denied
mia approves
expect running entering in ramp-25
expect message set_weight weight 25
ack
after 38h
expect running entering in ramp-50
expect message set_weight weight 50
ack
after 38h
expect running ready in ramp-50
expect waiting "check broad_rollout_released (owner product_owner) is open"
pat checks broad_rollout_released
mia approves
expect running entering in broad
ack
after 7d3h
expect running ready in broad
olaf checks weekly_review
expect completed
