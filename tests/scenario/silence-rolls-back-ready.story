policy silent-back.yaml
play cast.part
release
play green.part
after 15m
expect running ready
silence
after 4m
expect rolling_back
