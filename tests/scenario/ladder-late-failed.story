play baking.part
ann rolls back
after 20m
expect failed
ack kill_switch
expect stabilising
expect because "acknowledged late"
