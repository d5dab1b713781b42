play half.part
sample error_rate 0.08
after 1m
expect rolling_back
