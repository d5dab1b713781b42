-- What awaits a callback is sent again when its time is over; a 2xx acknowledges it then.

DROP TABLE headgate.callback_key;
ALTER TABLE headgate.outbox
	DROP COLUMN callback_at,
	DROP COLUMN callback_text,
	DROP COLUMN callback_status,
	DROP COLUMN awaits_until,
	DROP COLUMN callback_ms;
