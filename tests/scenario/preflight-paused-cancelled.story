policy shop.yaml
play cast.part
release
ann pauses
expect paused
ann cancels because wrong branch
expect cancelled
