play canary.part
incident P3
expect running entering
incident P2
expect paused
expect decision parks
ann resumes because it is over
expect running entering
incident P1
expect paused
expect decision parks
expect called
ann resumes because it is over
incident P0
expect rolling_back
