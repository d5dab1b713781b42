policy silent-enter.yaml
play cast.part
release
expect running entering
silence
after 4m
expect rolling_back
expect because "no evidence"
