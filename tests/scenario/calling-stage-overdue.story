# Rules A8, B2: a stage that takes too long calls people until it is left, paused or not.
play baking.part
silence
after 2h
expect news "opened evidence on_call"
expect news "opened overdue on_call"
ann acks evidence
ann pauses because the dashboards are dark
expect calling on_call for overdue
after 15m
expect calling release_manager for overdue
expect addressed evidence by ann
play green.part
after 2m
expect news "ended evidence"
ann resumes because they are back
after 20m
expect running entering in full
expect not calling
