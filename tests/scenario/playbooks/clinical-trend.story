# A rate that is well within its limits and rises by the hour stops the ramp; a bad night that is over is no trend.
play clinical-ramp.part
sample resolved_followup_rate 0.8
after 6h
sample resolved_followup_rate 0.9
after 6h
expect running in ramp-25
expect not held followup-trend
sample clarification_loop_rate 0.056
after 3h
sample clarification_loop_rate 0.062
after 3h
sample clarification_loop_rate 0.068
after 3h
sample clarification_loop_rate 0.074
after 3h
sample clarification_loop_rate 0.080
after 3h
sample clarification_loop_rate 0.086
after 3h
sample clarification_loop_rate 0.092
after 3h
sample clarification_loop_rate 0.098
after 3h
sample clarification_loop_rate 0.104
after 3h
expect paused in ramp-25
expect held clarification-trend
expect waiting "it would pass at 1 % per 1d or less"
expect not held clarification-loops
