# One bad night among good ones does not make the mean bad; a very bad one does.
policy nights.yaml
play cast.part
release
ack
after 1h
ann pushes wrong 0.2%
after 23h
ann pushes wrong 0.4%
after 24h
ann pushes wrong 3%
after 15s
expect rolling_back
expect because "mean of 3: 1.2 %"
