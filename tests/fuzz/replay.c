/*
 * replay FILE|DIRECTORY... - runs a fuzz target over stored inputs. Prints "N passed, 0 failed"; a
 * broken property aborts, an input that takes longer than REPLAY_SECONDS ends the program.
 */
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#define REPLAY_MAX_BYTES (4u * 1024 * 1024)
#define REPLAY_SECONDS 60

static size_t nreplayed;

static void replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *all = malloc(REPLAY_MAX_BYTES), *exact;
	size_t n;

	fuzz_demand(file != NULL && all != NULL, "%s cannot be read", path);
	n = fread(all, 1, REPLAY_MAX_BYTES, file);
	/* A block of just that size: the sanitizer sees a read beyond its end. */
	exact = realloc(all, n > 0 ? n : 1);
	fuzz_demand(exact != NULL, "no memory");
	fprintf(stderr, "%s\n", path);
	alarm(REPLAY_SECONDS);
	(void)fuzz_one(exact, n);
	alarm(0);
	free(exact);
	fclose(file);
	nreplayed++;
}

static void replay(const char *path)
{
	struct stat st;
	struct dirent **entries;
	int n;

	if (stat(path, &st) != 0)
		return; /* no such input yet */
	if (!S_ISDIR(st.st_mode)) {
		replay_file(path);
		return;
	}
	n = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char inner[4096];

		snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			replay(inner);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%zu passed, 0 failed\n", nreplayed);
	return 0;
}
