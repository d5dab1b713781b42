# Follow-ups that settle less and less: the slope goes back long before the rate itself is below its limits.
play clinical-ramp.part
sample resolved_followup_rate 0.885
after 3h
sample resolved_followup_rate 0.870
after 3h
sample resolved_followup_rate 0.855
after 3h
sample resolved_followup_rate 0.840
after 3h
sample resolved_followup_rate 0.825
after 3h
sample resolved_followup_rate 0.810
after 3h
expect because "rollback by stable_configuration: followup-trend"
expect message set_weight weight 25
expect message hold_volume
expect message stable_configuration version 0.7
