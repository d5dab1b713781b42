/*
 * commands - every subcommand's entry: gets its own arguments (argv[0] is its name), answers the
 * exit status.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

enum exit_status {
	EXIT_DONE = 0,
	EXIT_BAD = 1, /* the thing asked about is bad */
	EXIT_USAGE = 2,
	EXIT_UNREACHABLE = 3, /* could not reach what it needs */
	EXIT_DENIED = 4,
	EXIT_BUG = 70,
	EXIT_CONFIG = 78 /* a bad configuration at start */
};

int serve_command(int argc, char **argv);
int migrate_command(int argc, char **argv);
int check_command(int argc, char **argv);
int probe_command(int argc, char **argv);
int query_command(int argc, char **argv);
int receiver_test_command(int argc, char **argv);
int reference_command(int argc, char **argv);
int failpoints_command(int argc, char **argv);
int version_command(int argc, char **argv);

#endif
