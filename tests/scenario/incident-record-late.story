play careful.part
ann rolls back because users complain
ack
ack smoke
after 12m
expect rolled_back
expect waiting "the incident record is owed"
ann records "a bad flag" "3 % of claims failed" 1.3.0
expect rolled_back
expect not waiting "owed"
