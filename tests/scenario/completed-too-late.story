play half.part
quin checks smoke
rita approves
ann promotes because go
after 15m
expect completed
after 24h
ann rolls back because late complaints
expect refused "the rollback window is over"
expect not legal rollback
