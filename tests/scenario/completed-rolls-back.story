# Rule R6: within the window a person may still roll back, headgate does not.
play half.part
quin checks smoke
rita approves
ann promotes because go
after 15m
expect completed
sample error_rate 0.5
health fails
after 1h
expect completed
newer active
ann rolls back
expect refused "a newer release of shop in prod has started"
newer none
ann rolls back because late complaints
expect rolling_back
expect message weight_zero
ack
expect stabilising
