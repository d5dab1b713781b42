# What was pushed once is one measurement, however often it is looked at; and it is kept until enough nights are there.
policy nights.yaml
play cast.part
release
ack
after 1h
ann pushes wrong 0.2%
after 23h
expect waiting "1 of 3 measurements"
ann pushes wrong 0.4%
after 24h
expect waiting "2 of 3 measurements"
expect running baking in canary
ann pushes wrong 0.3%
after 11m
expect completed
