play smoke.part
ann cancels because wrong branch
expect cancelled
expect decision supersedes
