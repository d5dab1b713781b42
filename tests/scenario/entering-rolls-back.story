play canary.part
ann cancels because wrong version
expect refused "use rollback instead of cancel"
ann rolls back
expect rolling_back
expect waiting "the rollback has no reason yet: add it with a note"
expect decision supersedes
ann notes because wrong version
expect not waiting "no reason yet"
