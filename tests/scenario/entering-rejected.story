# Rule A2: a rejection pauses; an approve of the same role, and nothing else, clears it.
play canary.part
mia rejects full because the texts are not checked
expect paused
expect held rejected:medical_lead
expect decision parks
ann resumes because hm
expect refused "only an approve by role medical_lead clears that"
mia approves full because now they are
expect running entering
expect because "sent anew"
expect message set_weight weight 10
mia approves full
expect repeat
