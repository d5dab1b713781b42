# Rule A1: a machine names the person whose change it is.
policy shop.yaml
play cast.part
release author none poster none
expect invalid "a machine must name the person"
release start tomorrow
expect invalid "start is"
release author bob poster rita start manual
rita approves go
expect denied "of their own"
rob approves go
