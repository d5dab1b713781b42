# Rule A6: what the next release owes is filled through the old one, however it ended.
play baking.part
ann rolls back
after 20m
expect failed
ann resolves 1.3.1 because hotfixed by hand
quin checks incident_note
quin checks root_cause see http://wiki/1
ann notes because filled
