# Rule V5: what an action has set reads differently now. It holds the release where it is; nothing pauses.
play baking.part
drift set_weight
expect running baking
expect held drift:set_weight
expect called
expect because "what an action has set reads differently now: set_weight"
expect waiting "hold drift:set_weight"
drift over
expect running baking
expect not held drift:set_weight
drift set_weight
expect called
after 20m
expect running ready in canary
expect not called                            # once per drift
drift over
expect not held drift:set_weight
expect because "reads as it should again"
after 15s
expect running entering in full
drift warm_cache
expect called
expect running entering
expect held drift:warm_cache
drift set_weight                             # another one instead
expect held drift:set_weight
expect not held drift:warm_cache
drift over
expect not held drift:set_weight
expect message set_weight weight 100
