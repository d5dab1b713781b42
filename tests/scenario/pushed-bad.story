# One bad measurement is one vote, however often it is looked at; the second one rolls back.
policy batch.yaml
play cast.part
machine batch for dora ci
release
ack
after 1m
batch pushes cases 400
batch pushes wrong 1
after 11m
# Exactly at the limit is not above it.
expect running entering in full
ack
after 1m
batch pushes cases 400
batch pushes wrong 1.1
after 15s
expect paused
expect held quality
after 2h
expect paused
# Saying the same of the same instant again is no second measurement.
batch pushes cases 400 of 1h
batch pushes cases 400 of 1h
expect repeat
batch pushes wrong 2
after 15s
expect rolling_back
expect because "2 of 2 votes above 1 %"
batch pushes wrong 0.2
refuse
expect failed
batch pushes wrong 0.2
after 1m
ann retries
ack
expect stabilising
after 20m
expect stabilising
batch pushes wrong 0.2
batch pushes cases 400
after 11m
expect rolled_back
batch pushes wrong 0.2
expect refused "measurement is not possible while the release is rolled_back"
