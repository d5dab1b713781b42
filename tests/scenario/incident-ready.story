play half.part
incident P3
expect running ready
incident P2
expect paused
ann resumes because it is over
after 15m
expect running ready
incident P1
expect paused
ann resumes because it is over
after 15m
expect running ready
incident P0
expect rolling_back
expect because "a critical incident was reported: rolled back"
