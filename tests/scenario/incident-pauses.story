# P1 pauses and calls people, P2 pauses, P3 is noted. A person resumes.
play baking.part
incident P3 "a typo"
expect running baking
expect because "an incident was reported: 1: P3 reported by ann: a typo"
expect not called
incident P2 "slow"
expect paused
expect held incident:2
expect not called
incident P1 "slower"
expect paused
expect held incident:3
expect called
expect calling on_call for incident:3
incident P2
expect held incident:4
incident P3
expect paused
ann resumes because it was the network
expect running baking
expect not held incident:2
expect bake 0s
incident P1
expect paused
incident P0
expect rolling_back
