# Rule H4: a person's hold removes itself; the release returns to where it was.
play canary.part
ann pauses for 20m because lunch
after 21m
expect running entering
expect message set_weight
expect decision lease
ack
after 2m
ann pauses for 20m because lunch again
bob pauses because my turn
after 25m
expect paused
expect not held person:ann
expect held person:bob
bob pauses for 10m
expect because "one more person"
after 15m
expect running baking
expect because "the last hold expired"
