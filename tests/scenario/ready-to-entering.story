# A stage that sends messages, entered from ready.
play baking.part
freeze "night"
after 20m
expect running ready in canary
ann pauses for 5m
after 10m
expect running ready in canary
thaw
expect running entering in full
