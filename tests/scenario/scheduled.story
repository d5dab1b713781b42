# Rule H1: it starts by itself once its time has come, the pair is free, nothing is frozen, no re-entry is open.
policy silent.yaml
play cast.part
pair busy
reentry open incident_note
freeze "night"
release start +10m
expect announced                             # no notice to keep: at once
after 20m
expect planned
pair free
reentry closed
expect planned
thaw
expect running baking in half
expect decision lease
expect decision thaw
