# Rule A1: once per person per stage; a rejection voids what its role has approved.
play baking.part
mia approves full
expect not held rejected:medical_lead
rita approves full
rob rejects full because the numbers changed
expect paused
rita approves full because they are fine
expect running baking
rob approves full
after 20m
ack
after 1m
expect not waiting "approval release_manager"
quin checks smoke
after 35m
expect running baking in watch
