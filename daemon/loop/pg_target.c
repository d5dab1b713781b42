/* pg_target - the connection string, its defaults and the endpoints of one attempt. */
#include "loop/pg_target.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/macros.h"
#include "base/str.h"
#include "loop/resolve.h"

#define PARAMETERS_MAX 64
#define LIST_MAX_BYTES 8192

struct target_host {
	char *host; /* "" for libpq's default socket directory */
	char *hostaddr;
	char *port;
};
struct target_endpoint {
	size_t host;
	char address[RESOLVE_ADDRESS_TEXT]; /* "": as the host stands */
};
struct pg_target {
	PQconninfoOption *options; /* owned, as given */
	struct target_host hosts[PG_TARGET_MAX_HOSTS];
	size_t nhosts;
	struct target_endpoint endpoints[PG_TARGET_MAX_ENDPOINTS];
	size_t nendpoints;
};

/* What a connection has unless the operator says otherwise. A cut link shows within 8 s whether
 * idle (keepalives) or with a statement under way (tcp_user_timeout); a standby is never written
 * to; GSS would look up names and block. */
static const struct {
	const char *keyword, *value;
} defaults[] = {
        {"application_name", "headgate"}, {"client_encoding", "UTF8"},
        {"gssencmode", "disable"},        {"keepalives", "1"},
        {"keepalives_count", "3"},        {"keepalives_idle", "5"},
        {"keepalives_interval", "2"},     {"target_session_attrs", "read-write"},
        {"tcp_user_timeout", "8000"},
};

static const char *option_value(const PQconninfoOption *options, const char *keyword)
{
	for (const PQconninfoOption *o = options; o->keyword != NULL; o++) {
		if (strcmp(o->keyword, keyword) == 0)
			return o->val;
	}
	return NULL;
}

/* The n-th of a comma-separated list; NULL beyond its end. */
static char *list_item(const char *list, size_t n)
{
	const char *at = list;

	for (; n > 0; n--) {
		at = strchr(at, ',');
		if (at == NULL)
			return NULL;
		at++;
	}
	return str_dup((struct str){.p = at, .n = strcspn(at, ",")});
}

static size_t list_length(const char *list)
{
	size_t n = 1;

	for (; *list != '\0'; list++)
		n += *list == ',';
	return n;
}

static bool target_read_hosts(struct pg_target *t, const char *host, const char *hostaddr,
                              const char *port, struct err *err)
{
	const char *shape = hostaddr != NULL ? hostaddr : host;

	t->nhosts = shape != NULL ? list_length(shape) : 1;
	if (t->nhosts > PG_TARGET_MAX_HOSTS) {
		t->nhosts = 0;
		return err_set(err, ERR_INVALID, "database: at most %d hosts", PG_TARGET_MAX_HOSTS);
	}
	for (size_t i = 0; i < t->nhosts; i++) {
		t->hosts[i].host = host != NULL ? list_item(host, i) : NULL;
		t->hosts[i].hostaddr = hostaddr != NULL ? list_item(hostaddr, i) : NULL;
		/* One port serves all hosts. */
		t->hosts[i].port =
		        port != NULL ? list_item(port, list_length(port) > 1 ? i : 0) : NULL;
	}
	return true;
}

/* What neither the string nor a default names may still come from the environment (PGHOST) or a
 * service file; libpq would apply it after we looked. */
static bool target_read(struct pg_target *t, struct err *err)
{
	PQconninfoOption *environment = PQconndefaults();
	const char *host = option_value(t->options, "host");
	const char *hostaddr = option_value(t->options, "hostaddr");
	const char *port = option_value(t->options, "port");
	bool ok;

	if (option_value(t->options, "service") != NULL) {
		PQconninfoFree(environment);
		return err_set(err, ERR_INVALID,
		               "database: service= is not supported, write it out");
	}
	if (environment != NULL && host == NULL && hostaddr == NULL) {
		host = option_value(environment, "host");
		hostaddr = option_value(environment, "hostaddr");
	}
	if (environment != NULL && port == NULL)
		port = option_value(environment, "port");
	ok = target_read_hosts(t, host, hostaddr, port, err);
	PQconninfoFree(environment);
	return ok;
}

struct pg_target *pg_target_new(const char *conninfo, struct err *err)
{
	struct pg_target *t = calloc(1, sizeof(*t));
	char *why = NULL;

	if (t == NULL) {
		err_set(err, ERR_NOMEM, "no memory for the connection");
		return NULL;
	}
	t->options = PQconninfoParse(conninfo, &why);
	if (t->options == NULL) {
		/* libpq's sentence may quote what follows a missing quote: a password. */
		err_set(err, ERR_INVALID, "database: the connection string cannot be read");
		PQfreemem(why);
		pg_target_free(&t);
		return NULL;
	}
	if (!target_read(t, err))
		pg_target_free(&t);
	return t;
}

void pg_target_free(struct pg_target **t)
{
	struct pg_target *dead = *t;

	if (dead == NULL)
		return;
	for (size_t i = 0; i < dead->nhosts; i++) {
		free(dead->hosts[i].host);
		free(dead->hosts[i].hostaddr);
		free(dead->hosts[i].port);
	}
	PQconninfoFree(dead->options);
	free(dead);
	*t = NULL;
}

size_t pg_target_hosts(const struct pg_target *t)
{
	return t->nhosts;
}

static bool text_is_empty(const char *text)
{
	return text == NULL || *text == '\0';
}

const char *pg_target_name(const struct pg_target *t, size_t host)
{
	const struct target_host *h = &t->hosts[host];

	if (!text_is_empty(h->hostaddr) || text_is_empty(h->host))
		return NULL;
	if (h->host[0] == '/' || h->host[0] == '@' || resolve_is_address(h->host))
		return NULL;
	return h->host;
}

void pg_target_clear(struct pg_target *t)
{
	t->nendpoints = 0;
}

void pg_target_add(struct pg_target *t, size_t host, const char *address)
{
	struct target_endpoint *e;
	struct str s = str_of(address);

	if (t->nendpoints == PG_TARGET_MAX_ENDPOINTS || s.n >= RESOLVE_ADDRESS_TEXT)
		return;
	e = &t->endpoints[t->nendpoints++];
	*e = (struct target_endpoint){.host = host};
	if (s.n > 0)
		memcpy(e->address, s.p, s.n);
}

size_t pg_target_endpoints(const struct pg_target *t)
{
	return t->nendpoints;
}

struct parameters {
	const char *keywords[PARAMETERS_MAX + 1];
	const char *values[PARAMETERS_MAX + 1];
	size_t n;
};

static void parameters_add(struct parameters *p, const char *keyword, const char *value)
{
	if (p->n < PARAMETERS_MAX) {
		p->keywords[p->n] = keyword;
		p->values[p->n++] = value;
	}
}

static void add_item(struct buf *list, size_t i, const char *text)
{
	if (i > 0)
		buf_add_char(list, ',');
	if (text != NULL)
		buf_add_text(list, text);
}

static bool is_endpoint_keyword(const char *keyword)
{
	return strcmp(keyword, "host") == 0 || strcmp(keyword, "hostaddr") == 0 ||
	       strcmp(keyword, "port") == 0;
}

static void parameters_collect(struct parameters *p, const struct pg_target *t)
{
	for (const PQconninfoOption *o = t->options; o->keyword != NULL; o++) {
		if (o->val != NULL && !is_endpoint_keyword(o->keyword))
			parameters_add(p, o->keyword, o->val);
	}
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
		if (option_value(t->options, defaults[i].keyword) == NULL)
			parameters_add(p, defaults[i].keyword, defaults[i].value);
	}
}

PGconn *pg_target_connect(const struct pg_target *t)
{
	struct parameters p = {.n = 0};
	struct buf host, hostaddr, port;
	struct err err;
	PGconn *conn = NULL;

	buf_init(&host, LIST_MAX_BYTES);
	buf_init(&hostaddr, LIST_MAX_BYTES);
	buf_init(&port, LIST_MAX_BYTES);
	for (size_t i = 0; i < t->nendpoints; i++) {
		const struct target_endpoint *e = &t->endpoints[i];
		const struct target_host *h = &t->hosts[e->host];

		add_item(&host, i, h->host);
		add_item(&hostaddr, i, e->address[0] != '\0' ? e->address : h->hostaddr);
		add_item(&port, i, h->port);
	}
	parameters_collect(&p, t);
	if (buf_ok(&host, &err) && buf_ok(&hostaddr, &err) && buf_ok(&port, &err)) {
		/* An empty value reads as absent. */
		parameters_add(&p, "host", host.bytes);
		parameters_add(&p, "hostaddr", hostaddr.bytes);
		parameters_add(&p, "port", port.bytes);
		conn = PQconnectStartParams(p.keywords, p.values, 0);
	}
	buf_fini(&host);
	buf_fini(&hostaddr);
	buf_fini(&port);
	return conn;
}
