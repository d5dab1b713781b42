policy shop.yaml
play cast.part
release
ann pauses
expect paused
ann rolls back because wrong branch
expect cancelled
