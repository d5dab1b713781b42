# However many incidents hold the release already: for one that is critical people are called.
play baking.part
every 1s for 65s incident P2 "slow"
expect paused
expect held incident:64
expect not held incident:65
expect not called
incident P1 "down"
expect paused
expect because "a critical incident was reported; no more holds fit: "
expect called
expect calling on_call for incident:66
ann acks
ann resumes because it was the network
expect running baking
expect addressed incident:66 by ann
