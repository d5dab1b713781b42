-- What was reported is in the audit chain "system" as well.

DROP TABLE headgate.incident;
