# The first stage has messages: started by hand.
play smoke.part
expect because "started by a person"
ack
after 15m
expect running entering in full
