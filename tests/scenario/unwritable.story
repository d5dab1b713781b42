# Messages that cannot be written hold the release and call people; they never bring it half way in.
policy unwritable-start.yaml
play cast.part
release stable none start +1m
after 2m
expect planned
expect held action:enter
expect because "${stable_version} has no value"
expect called
ann retries
expect planned
expect held action:enter
expect called
expect not message
