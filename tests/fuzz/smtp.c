/* What a mail server says: cut anywhere it means the same. */
#include "loop/smtp.h"
#include "fuzz.h"

static char *recipients[] = {(char[]){"a@x"}, (char[]){"b@x"}, (char[]){"c@x"}};

static bool talk(struct smtp *s, struct str heard, bool is_cut)
{
	const struct smtp_mail mail = {.from = "gate@x",
	                               .to = recipients,
	                               .nto = 1 + heard.n % ARRAY_LEN(recipients),
	                               .text = STR("Subject: x\r\n\r\n.dot\r\nend"),
	                               .is_impatient = heard.n % 2 == 0};
	struct fuzz_dice dice = fuzz_dice(heard, 1);
	struct err err;
	bool ok = smtp_begin(s, &mail, &err);

	/* One reply per piece of a real dialogue; the second time it trickles in. */
	for (size_t at = 0, n; ok && at < heard.n && s->at != SMTP_OVER; at += n) {
		const char *end = memchr(heard.p + at, '\n', heard.n - at);

		n = end != NULL ? (size_t)(end - heard.p) - at + 1 : heard.n - at;
		if (is_cut)
			n = fuzz_cut(&dice, n);
		ok = smtp_heard(s, heard.p + at, n, &err);
	}
	return ok;
}

int fuzz_one(const uint8_t *bytes, size_t n)
{
	static struct smtp whole, cut;
	struct str heard = fuzz_text(bytes, n);
	bool good = talk(&whole, heard, false);

	fuzz_demand(good == talk(&cut, heard, true), "good and bad");
	if (good) {
		fuzz_demand(whole.at == cut.at && whole.status == cut.status &&
		                    whole.recipient == cut.recipient &&
		                    strcmp(whole.text, cut.text) == 0,
		            "\"%s\" and \"%s\"", whole.text, cut.text);
		fuzz_demand(whole.at != SMTP_OVER || whole.status >= 200, "over without a status");
	}
	smtp_fini(&whole);
	smtp_fini(&cut);
	return 0;
}
