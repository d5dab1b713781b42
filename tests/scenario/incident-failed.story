play half.part
incident P0
expect rolling_back
refuse
expect failed
incident P1
expect failed
expect called
incident P3
expect failed
