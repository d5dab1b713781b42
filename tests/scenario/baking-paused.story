# Rules H3, B1: a person's pause keeps the bake, it does not grow meanwhile, and resume is never automatic.
play baking.part
after 6m
ann pauses because the call centre is busy
expect paused
expect waiting "hold person:ann: the call centre is busy"
after 1m
bob pauses because me too
ann pauses
expect repeat
expect legal resume rollback approve reject waive check note pause
expect not legal start promote cancel retry resolve
rita approves full
quin checks smoke
rita waives errors in full because broken
ann acks
expect refused "nothing to acknowledge"
ann notes because still busy
mia rejects full because not now
expect paused
ann resumes because calm again
expect paused
expect because "others stay"
after 5h
expect paused
expect called
mia approves full because fine
expect running baking
after 30s
expect not waiting "baking: 0s"
ann pauses
after 4m
ann resumes because done
expect running baking
expect decision forgets
