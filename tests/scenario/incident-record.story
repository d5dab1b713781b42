# Rule A6: what a rollback leaves to be written down, from its decision until after its end.
play careful.part
ann records "a bad flag" "3 % of claims failed" 1.3.0
expect refused "not possible while the release is running"
ann rolls back because users complain
expect waiting "the incident record is owed: the next release of shop in prod waits"
expect legal incident
ann records "a bad flag" - 1.3.0
expect invalid "impact is missing"
ann records "a bad flag" "  " 1.3.0
expect invalid "impact is missing"
ann records "a bad flag" "3 % of claims failed" 1.3.0
expect because "the incident was recorded: root cause, impact, restore point"
expect not waiting "incident record"
ann records "a bad flag" "3 % of claims failed" 1.3.0
expect repeat
ack
expect stabilising
ann records - "4 % of claims failed" -
expect stabilising
refuse smoke
after 1h
expect failed
ci-bot records "a flag without a default" - -
expect failed
ann resolves 1.3.0 because set right by hand
expect resolved
ann records - - "1.3.0 and the backup of 3 o'clock"
expect resolved
