# Rules A4, A8: a release that cannot start calls people, too.
policy unwritable-start.yaml
play cast.part
release stable none start +1m
after 2m
expect planned
expect calling on_call for action:enter
expect legal ack
after 15m
expect planned
expect calling release_manager for action:enter
ann acks
expect planned
expect held action:enter
expect addressed action:enter by ann
after 1h
expect not news
ann cancels because it was posted badly
expect news "ended action:enter release_manager"
