# Rules A8, R3, R7: a rollback that nobody confirms calls people, counted from its decision; work for hands is another
# cause than slowness, and failing is another one again.
policy calling.yaml
play cast.part
release
play green.part
after 4m
expect running baking
ann rolls back because users complain
expect not news
after 1m
expect news "opened rollback on_call"
after 1m
expect news "raised rollback release_manager"
bob acks rollback
expect rolling_back
expect addressed rollback by bob
after 7m
expect not news
after 1m
expect option by_hand
expect news "ended rollback release_manager; opened rollback:by_hand on_call"
# Bob's word on the call that has just ended is not the word that the way back was gone by hand.
bob acks rollback
expect invalid "nothing asks under the name rollback"
expect rolling_back
bob acks rollback:by_hand because I am at it
expect rolling_back
after 10m
expect failed
expect news "ended rollback:by_hand on_call; opened failed on_call"
after 4m
expect news "raised failed release_manager; raised failed cto; raised failed cto"
after 1h
expect not news
bob acks failed because on the phone with the provider
expect failed
bob acks because it is switched off now
expect stabilising
expect news "ended failed cto"
