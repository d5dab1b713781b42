# Rules A8, R4: the deadline without evidence is escalated, and a person may take it over.
play baking.part
ann rolls back
ack
silence
after 2h
expect stabilising
expect news "opened stabilise on_call"
after 16m
expect calling release_manager for stabilise
ann acks because the gates have no traffic at night
expect stabilising
expect addressed stabilise by ann
after 1h
expect not news
ann resolves 1.3.0 because looked at by hand
expect resolved
expect not calling
