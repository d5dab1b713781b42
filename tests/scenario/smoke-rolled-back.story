play smoke.part
ann rolls back
expect cancelled
expect not message
