/*
 * auth - the tokens in force, their permissions, and the file they come from.
 *
 * When the file turns bad or vanishes, the tokens read last stay in force and it is logged: nobody
 * should be unable to roll back because of a typing error.
 */
#include "api/auth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <sys/stat.h>

#include "api/token.h"
#include "api/token_file.h"
#include "app.h"
#include "base/map.h"
#include "config.h"
#include "log.h"
#include "loop/loop.h"

#define LOOK_MS 2000 /* a revoked token must stop working within 5 s */

const char *const permission_names[] = {"view",      "submit", "operate", "approve", "waive",
                                        "emergency", "audit",  "admin",   NULL};
_Static_assert(ARRAY_LEN(permission_names) == PERMISSION_COUNT + 1, "every permission has a name");

#define P(name) (1U << PERMISSION_##name)

/* Used where the configuration says nothing about a role of that name. */
static const struct {
	const char *name;
	unsigned permissions;
} built_in[] = {
        {"viewer", P(VIEW)},
        {"author", P(VIEW) | P(SUBMIT)},
        {"operator", P(VIEW) | P(SUBMIT) | P(OPERATE)},
        {"approver", P(VIEW) | P(APPROVE) | P(WAIVE)},
        {"emergency", P(VIEW) | P(OPERATE) | P(EMERGENCY)},
        {"auditor", P(VIEW) | P(AUDIT)},
        {"admin", P(VIEW) | P(ADMIN)},
};

struct known {
	char hash[TOKEN_HASH_HEX + 1];
	struct wall expires;
	struct principal principal;
};

struct set { /* what one reading of the file gave */
	struct known *known;
	size_t n;
	struct map *by_kid;
};

struct tokens {
	struct app *app;
	char *path;
	struct set set;
	struct stat seen; /* of the file when it was last looked at; st_ino 0: none */
	struct loop_timer timer;
};

static unsigned permissions_of_names(char *const *names, size_t n)
{
	unsigned permissions = 0;

	for (size_t i = 0; i < n; i++) {
		for (unsigned p = 0; p < PERMISSION_COUNT; p++) {
			if (strcmp(names[i], permission_names[p]) == 0)
				permissions |= 1U << p;
		}
	}
	return permissions;
}

bool role_permissions(const struct config *config, const char *role, unsigned *out)
{
	for (size_t i = 0; i < config->nroles; i++) {
		const struct config_role *r = &config->roles[i];

		if (strcmp(r->name, role) == 0) {
			*out = permissions_of_names(r->permissions, r->npermissions);
			return true;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(built_in); i++) {
		if (strcmp(built_in[i].name, role) == 0) {
			*out = built_in[i].permissions;
			return true;
		}
	}
	return false;
}

static void principal_clear(struct principal *p)
{
	for (size_t i = 0; i < p->nroles; i++)
		free(p->roles[i]);
	free(p->roles);
	free(p->subject);
	*p = (struct principal){.subject = NULL};
}

static bool principal_fill(struct principal *out, const char *subject, bool machine,
                           char *const *roles, size_t nroles)
{
	out->machine = machine;
	out->subject = text_dup(subject);
	out->roles = calloc(nroles > 0 ? nroles : 1, sizeof(*out->roles));
	if (!out->subject || !out->roles)
		return false;
	for (; out->nroles < nroles; out->nroles++) {
		out->roles[out->nroles] = text_dup(roles[out->nroles]);
		if (!out->roles[out->nroles])
			return false;
	}
	return true;
}

struct principal *principal_copy(const struct principal *p)
{
	struct principal *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return NULL;
	if (!principal_fill(copy, p->subject, p->machine, p->roles, p->nroles))
		principal_free(&copy);
	else
		copy->permissions = p->permissions;
	return copy;
}

void principal_free(struct principal **p)
{
	if (!*p)
		return;
	principal_clear(*p);
	free(*p);
	*p = NULL;
}

/* --- reading the file --- */

static void set_clear(struct set *set)
{
	for (size_t i = 0; i < set->n; i++)
		principal_clear(&set->known[i].principal);
	free(set->known);
	map_free(&set->by_kid);
	*set = (struct set){.known = NULL};
}

static bool learn(struct tokens *t, const struct token_entry *entry, struct known *out,
                  struct err *err)
{
	memcpy(out->hash, entry->hash, TOKEN_HASH_HEX + 1);
	out->expires = entry->expires;
	if (!principal_fill(&out->principal, entry->subject, entry->machine, entry->roles,
	                    entry->nroles))
		return err_set(err, ERR_NOMEM, "no memory for the tokens");
	for (size_t i = 0; i < entry->nroles; i++) {
		unsigned permissions;

		if (role_permissions(t->app->config, entry->roles[i], &permissions))
			out->principal.permissions |= permissions;
		else
			log_line(LOG_WARN, "token_role_unknown", "kid=%s role=%s", entry->kid,
			         log_quote(entry->roles[i]));
	}
	return true;
}

static bool set_build(struct tokens *t, const struct token_list *list, struct set *out,
                      struct err *err)
{
	*out = (struct set){.by_kid = map_new(t->app->seed)};
	out->known = calloc(list->n > 0 ? list->n : 1, sizeof(*out->known));
	if (!out->known || !out->by_kid)
		return err_set(err, ERR_NOMEM, "no memory for the tokens");
	for (size_t i = 0; i < list->n; i++) {
		const struct token_entry *entry = &list->entries[i];
		struct str kid = str_of(entry->kid);

		out->n = i + 1;
		if (!learn(t, entry, &out->known[i], err))
			return false;
		if (map_get(out->by_kid, kid))
			return err_set(err, ERR_INVALID, "kid %s is there twice", entry->kid);
		if (!map_put(out->by_kid, kid, &out->known[i], err))
			return false;
	}
	return true;
}

static bool read_set(struct tokens *t, struct set *out, struct err *err)
{
	struct problems problems;
	struct token_list list;
	bool ok;

	problems_init(&problems);
	ok = token_file_read(t->path, &list, &problems, err);
	problems_fini(&problems);
	if (!ok)
		return false;
	ok = set_build(t, &list, out, err);
	if (!ok)
		set_clear(out);
	token_list_free(&list);
	return ok;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mode == b->st_mode && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Whether the file is another than when it was last looked at; what is seen now is remembered. */
static bool has_changed(struct tokens *t)
{
	struct stat now;

	if (stat(t->path, &now) != 0)
		memset(&now, 0, sizeof(now));
	if (is_same_file(&now, &t->seen))
		return false;
	t->seen = now;
	return true;
}

static void look(void *ctx)
{
	struct tokens *t = ctx;
	struct set set;
	struct err err;

	loop_timer_start(&t->timer, LOOK_MS);
	if (!has_changed(t))
		return;
	if (!read_set(t, &set, &err)) {
		log_err(LOG_ERROR, "tokens_kept", &err, "path=%s n=%zu", log_quote(t->path),
		        t->set.n);
		return;
	}
	set_clear(&t->set);
	t->set = set;
	log_line(LOG_INFO, "tokens_read", "path=%s n=%zu", log_quote(t->path), set.n);
}

struct tokens *tokens_new(struct app *app, const char *path, struct err *err)
{
	struct tokens *t = calloc(1, sizeof(*t));

	if (!t || !(t->path = text_dup(path))) {
		err_set(err, ERR_NOMEM, "no memory for the tokens");
		free(t);
		return NULL;
	}
	t->app = app;
	loop_timer_init(&t->timer, app->loop, look, t);
	(void)has_changed(t);
	if (!read_set(t, &t->set, err)) {
		if (err->code != ERR_NOT_FOUND) {
			tokens_free(&t);
			return NULL;
		}
		log_line(LOG_WARN, "tokens_missing",
		         "path=%s hint=\"make one with headgate token new\"", log_quote(path));
	}
	loop_timer_start(&t->timer, LOOK_MS);
	return t;
}

void tokens_free(struct tokens **t)
{
	struct tokens *gone = *t;

	if (!gone)
		return;
	loop_timer_stop(&gone->timer);
	set_clear(&gone->set);
	free(gone->path);
	free(gone);
	*t = NULL;
}

/* --- asking --- */

const struct principal *tokens_check(struct tokens *t, const char *authorization, struct wall now)
{
	static const char nobody[] =
	        "0000000000000000000000000000000000000000000000000000000000000000";
	struct str text = str_of(authorization);
	const struct known *known;
	struct token token;
	bool right;

	if (text.n < 7 || strncasecmp(text.p, "Bearer ", 7) != 0 ||
	    !token_read(str_trim(str_slice(text, 7, text.n)), &token))
		return NULL;
	known = t->set.by_kid ? map_get(t->set.by_kid, str_of(token.kid)) : NULL;
	/* As long for a kid that nobody has. */
	right = CRYPTO_memcmp(token.hash, known ? known->hash : nobody, TOKEN_HASH_HEX) == 0;
	OPENSSL_cleanse(&token, sizeof(token));
	if (!known || !right || (known->expires.ms != 0 && known->expires.ms <= now.ms))
		return NULL;
	return &known->principal;
}
