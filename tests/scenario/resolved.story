# Rule R5: a person settles it and names the live version.
play half.part
ann rolls back
refuse
expect failed
ann resolves
expect invalid "needs a reason"
ann resolves because it runs again
expect invalid "say which version is live"
expect open 1
ann resolves 1.3.1 because hotfixed by hand
expect resolved
expect decision closes
expect open 0
ann resolves 1.3.1 because twice
expect repeat
ann notes because see 4714
ann rolls back
expect refused "rollback is not possible while the release is resolved"
expect legal note
