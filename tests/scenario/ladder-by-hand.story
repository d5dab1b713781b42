# Rule R7: people are called, ack acknowledges.
play baking.part
ann rolls back by by_hand because the deployer is down
expect rolling_back
expect called
ann acks because done by hand
expect stabilising
