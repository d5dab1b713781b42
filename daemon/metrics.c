/* metrics - prints the table in the text format. */
#include "metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/units.h"
#include "log.h"
#include "version.h"

enum metric_type { METRIC_COUNTER = 0, METRIC_GAUGE, METRIC_TYPE_COUNT };
static const char *const type_names[] = {"counter", "gauge"};
_Static_assert(ARRAY_LEN(type_names) == METRIC_TYPE_COUNT, "one name per type");

static const struct {
	const char *name;
	enum metric_type type;
	const char *doc;
} rows[] = {
#define X(id, name, type, doc) {name, METRIC_##type, doc},
        METRICS_LIST(X)
#undef X
};
_Static_assert(ARRAY_LEN(rows) == METRIC_COUNT, "one row per metric");

static double resident_bytes(void)
{
	char text[128] = "";
	FILE *f = fopen("/proc/self/statm", "re");
	struct str s;
	size_t space;
	int64_t pages = 0;
	long page_bytes = sysconf(_SC_PAGESIZE);
	struct err err;

	if (f == NULL)
		return 0;
	if (fgets(text, sizeof(text), f) == NULL)
		text[0] = '\0';
	(void)fclose(f);
	/* "size resident shared ..." in pages */
	s = str_of(text);
	for (space = 0; space < s.n && s.p[space] != ' '; space++)
		;
	s = str_slice(s, space < s.n ? space + 1 : s.n, s.n);
	for (space = 0; space < s.n && s.p[space] != ' '; space++)
		;
	if (!int_parse(str_slice(s, 0, space), &pages, &err))
		return 0;
	return (double)pages * (double)page_bytes;
}

static double open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	double n = 0;

	if (dir == NULL)
		return 0;
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (entry->d_name[0] != '.')
			n++;
	}
	(void)closedir(dir);
	return n > 0 ? n - 1 : 0; /* the directory's own */
}

static double timeval_seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void metrics_read_process(struct metrics *m)
{
	struct rusage usage;
	uint64_t errors = log_error_count();

	if (getrusage(RUSAGE_SELF, &usage) == 0)
		metric_set(m, METRIC_CPU_SECONDS,
		           timeval_seconds(usage.ru_utime) + timeval_seconds(usage.ru_stime));
	metric_set(m, METRIC_RESIDENT_MEMORY, resident_bytes());
	metric_set(m, METRIC_OPEN_FDS, open_descriptors());
	metric_set(m, METRIC_LOG_ERRORS, (double)errors);
}

/* The name without the labels that some rows have; such rows stand together. */
static int family_bytes(size_t row)
{
	return (int)strcspn(rows[row].name, "{");
}

static bool begins_family(size_t row)
{
	int n = family_bytes(row);

	return row == 0 || n != family_bytes(row - 1) ||
	       memcmp(rows[row].name, rows[row - 1].name, (size_t)n) != 0;
}

void metrics_print(struct metrics *m, struct buf *out)
{
	metrics_read_process(m);
	buf_add_text(out, "# HELP headgate_build_info The program that answers.\n"
	                  "# TYPE headgate_build_info gauge\n"
	                  "headgate_build_info{version=\"" HEADGATE_VERSION "\"} 1\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char value[UNITS_TEXT_MAX];

		number_format(m->values[i], value);
		if (begins_family(i))
			buf_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", family_bytes(i),
			           rows[i].name, rows[i].doc, family_bytes(i), rows[i].name,
			           type_names[rows[i].type]);
		buf_printf(out, "%s %s\n", rows[i].name, value);
	}
}
