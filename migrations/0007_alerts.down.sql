-- Alertmanagers tell what fires again, at the latest after their repeat_interval.

DROP FUNCTION headgate.alert_tell(text, jsonb, jsonb, bigint);
DROP TABLE headgate.alert;
