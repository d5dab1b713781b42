policy shop.yaml
play cast.part
release
ann cancels because wrong branch
expect cancelled
