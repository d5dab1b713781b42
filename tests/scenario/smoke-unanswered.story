# One that is never answered is missing evidence: people are called, nothing is redeployed.
play careful.part
ann rolls back restored because users complain
ack
lose smoke
after 62s
expect called
expect waiting "gets no answer: green time does not count yet"
after 1h
expect stabilising
expect option kill_switch
expect called
expect because "the deadline passed without evidence"
ack smoke
after 11m
expect rolled_back
