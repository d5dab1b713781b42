play baking.part
ann pauses because lunch
drift set_weight
expect paused
expect held drift:set_weight
drift over
expect paused
expect not held drift:set_weight
ann resumes because back
freeze "no changes today"
after 20m
expect running ready
drift set_weight
expect running ready
expect held drift:set_weight
expect called
thaw
after 1m
expect running ready
ann promotes because now
expect refused "drift:set_weight"
drift over
expect because "reads as it should again"
after 1m
expect running entering in full
