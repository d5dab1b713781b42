# Green for long enough, but what the way back has set reads otherwise: it is not over.
play half.part
ann rolls back because users complain
ack
expect stabilising
drift weight_zero
after 40m
expect stabilising
expect waiting "what action weight_zero has set reads differently now"
drift over
after 2m
expect rolled_back
