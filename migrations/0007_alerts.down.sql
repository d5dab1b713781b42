-- Alertmanagers tell what fires again, at the latest after their repeat_interval.

DROP TABLE headgate.alert;
