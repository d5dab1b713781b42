# Rule B2.
play baking.part
silence
after 3h
expect running baking
expect called
play green.part
after 20m
expect running entering in full
