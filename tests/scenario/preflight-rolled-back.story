policy shop.yaml
play cast.part
release
ann rolls back because wrong branch
expect cancelled
