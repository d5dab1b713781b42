# Refused for good it is known at once; when nothing is left the release has failed.
play careful.part
ann rolls back because users complain
ack
expect stabilising
refuse smoke
expect called
expect because "a smoke test of the way back fails"
after 1h
expect failed
expect because "it did not stabilise in time and no rollback option is left: a smoke test fails"
