# Rule R4: the deadline without evidence calls people once and keeps watching; it never triggers a redeploy.
play baking.part
ann rolls back
ack
silence
after 2h
expect stabilising
expect because "deadline passed without evidence"
expect called
expect waiting "a person must look"
after 2h
expect stabilising
expect not called
play green.part
after 35m
expect rolled_back
