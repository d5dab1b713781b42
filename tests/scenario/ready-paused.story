play half.part
ann pauses
expect paused
after 5m
ann resumes because done
expect running ready in half
sample error_rate 0.02
after 1m
expect paused
expect bake 0s
ann pauses
sample error_rate 0.08
after 1m
expect rolling_back
