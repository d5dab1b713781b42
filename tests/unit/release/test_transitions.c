/*
 * transitions: the table as a whole. Every pair of place and event has one row or none, no row
 * leads out of an end, missing evidence never leads forward, and the printed table is what was
 * agreed on.
 */
#include "fixture.h"

#include "../suite.h"
#include "base/buf.h"

#define GOLDEN "tests/data/release/transitions.txt"
#define MIGRATION "migrations/0001_releases.up.sql"

static bool place_exists(int state, int step)
{
	return state == RELEASE_RUNNING ? step != STEP_NONE : step == STEP_NONE;
}

static size_t rows_of(int state, int step, int event)
{
	size_t n = 0;

	for (size_t i = 0; i < release_ntransitions; i++) {
		const struct transition *row = &release_transitions[i];

		n += (int)row->state == state && (int)row->step == step && (int)row->event == event;
	}
	return n;
}

START_TEST(every_place_and_event_has_one_row_or_none)
{
	size_t seen = 0;

	for (int state = 0; state < RELEASE_STATE_COUNT; state++) {
		for (int step = 0; step < STAGE_STEP_COUNT; step++) {
			for (int event = 0; event < EVENT_COUNT; event++) {
				size_t n = rows_of(state, step, event);

				ck_assert_msg(n <= 1, "%s/%s %s has %zu rows",
				              release_state_names[state], stage_step_names[step],
				              release_event_names[event], n);
				ck_assert_msg(n == 0 || place_exists(state, step),
				              "%s/%s is no place", release_state_names[state],
				              stage_step_names[step]);
				seen += n;
			}
		}
	}
	ck_assert_uint_eq(seen, release_ntransitions);
}
END_TEST

START_TEST(every_row_leads_to_a_place_and_says_why)
{
	for (size_t i = 0; i < release_ntransitions; i++) {
		const struct transition *row = &release_transitions[i];

		ck_assert(place_exists((int)row->to, (int)row->to_step));
		ck_assert(row->why && strlen(row->why) > 5);
		ck_assert_ptr_eq(release_transition(row->state, row->step, row->event), row);
	}
}
END_TEST

START_TEST(every_event_but_creation_has_a_row)
{
	for (int event = 0; event < EVENT_CREATE; event++) {
		size_t n = 0;

		for (size_t i = 0; i < release_ntransitions; i++)
			n += (int)release_transitions[i].event == event;
		ck_assert_msg(n > 0, "%s has no row", release_event_names[event]);
	}
}
END_TEST

START_TEST(ends_have_no_exit)
{
	static const enum release_state ends[] = {RELEASE_ROLLED_BACK, RELEASE_RESOLVED,
	                                          RELEASE_CANCELLED};

	for (size_t i = 0; i < release_ntransitions; i++) {
		const struct transition *row = &release_transitions[i];

		for (size_t e = 0; e < ARRAY_LEN(ends); e++) {
			if (row->state != ends[e])
				continue;
			ck_assert_int_eq((int)row->to, (int)ends[e]);
			ck_assert(row->event == EVENT_NOTE || row->event == EVENT_CHECK ||
			          row->event == EVENT_INCIDENT_RECORD);
			ck_assert_uint_eq(row->effects, FX_RECORD);
		}
	}
}
END_TEST

START_TEST(missing_evidence_never_leads_forward)
{
	for (size_t i = 0; i < release_ntransitions; i++) {
		const struct transition *row = &release_transitions[i];
		bool stays = row->state == row->to && row->step == row->to_step;

		if (row->event == EVENT_NO_EVIDENCE || row->event == EVENT_EVIDENCE_OVERDUE ||
		    row->event == EVENT_STABILISE_BLIND)
			ck_assert(stays && !(row->effects & (FX_ENTER_STAGE | FX_ROLLBACK)));
		if (row->event == EVENT_EVIDENCE_ROLLBACK)
			ck_assert_int_eq((int)row->to, RELEASE_ROLLING_BACK);
	}
}
END_TEST

START_TEST(after_a_rollback_was_decided_no_row_advances)
{
	for (size_t i = 0; i < release_ntransitions; i++) {
		const struct transition *row = &release_transitions[i];

		if (row->state == RELEASE_ROLLING_BACK || row->state == RELEASE_STABILISING ||
		    row->state == RELEASE_FAILED || row->state == RELEASE_ROLLED_BACK) {
			ck_assert(row->to != RELEASE_RUNNING && row->to != RELEASE_PAUSED &&
			          row->to != RELEASE_COMPLETED);
			ck_assert(!(row->effects & (FX_ENTER_STAGE | FX_START_STAGE | FX_RESEND)));
		}
	}
}
END_TEST

START_TEST(forward_needs_the_lease_and_the_thaw_and_back_needs_neither)
{
	for (size_t i = 0; i < release_ntransitions; i++) {
		const struct transition *row = &release_transitions[i];
		bool back = row->to == RELEASE_PAUSED || row->to == RELEASE_ROLLING_BACK ||
		            row->to == RELEASE_CANCELLED || (row->effects & FX_ADD_HOLD);

		if ((row->effects & FX_ENTER_STAGE) || (row->effects & FX_FINISH))
			ck_assert((row->effects & FX_LEASE) && (row->effects & FX_THAW));
		if (row->effects & (FX_START_STAGE | FX_RESEND))
			ck_assert(row->effects & FX_THAW);
		if (back && row->event != EVENT_HOLD_EXPIRED && row->event != EVENT_ASK_OVER &&
		    row->event != EVENT_EVIDENCE_BACK && row->event != EVENT_DRIFT_OVER)
			ck_assert_msg(!(row->effects & (FX_LEASE | FX_THAW)), "%s",
			              release_event_names[row->event]);
	}
}
END_TEST

/* Every other way of its own needs the lease, so that a late owner's write changes nothing. */
START_TEST(own_events_hold_back_without_lease_and_go_on_with_it)
{
	for (size_t i = 0; i < release_ntransitions; i++) {
		const struct transition *row = &release_transitions[i];
		bool own = row->event >= EVENT_START_DUE;
		bool calm =
		        row->effects & (FX_ADD_HOLD | FX_ROLLBACK | FX_CALL_PEOPLE | FX_STABILISE);

		if (own && !calm)
			ck_assert_msg(row->effects & FX_LEASE, "%s",
			              release_event_names[row->event]);
	}
}
END_TEST

/* A decided rollback is never lost: its messages end with it and with nothing else. */
START_TEST(messages_of_the_way_back_are_closed_where_it_ends_and_nowhere_else)
{
	for (size_t i = 0; i < release_ntransitions; i++) {
		const struct transition *row = &release_transitions[i];
		bool ends = (row->to == RELEASE_RESOLVED || row->to == RELEASE_ROLLED_BACK) &&
		            row->state != row->to;

		ck_assert_int_eq((row->effects & FX_CLOSE) != 0, ends);
	}
}
END_TEST

/* lib/release/calls.c names the cause: after the hold, after the state, or by the event. */
START_TEST(whatever_calls_people_has_a_cause_that_ends)
{
	static const enum release_event named[] = {EVENT_ENTER_UNCONFIRMED, EVENT_OVERDUE,
	                                           EVENT_EVIDENCE_OVERDUE, EVENT_ESCALATE,
	                                           EVENT_INCIDENT_CALL_FULL};

	for (size_t i = 0; i < release_ntransitions; i++) {
		const struct transition *row = &release_transitions[i];
		bool is_back = row->to == RELEASE_ROLLING_BACK || row->to == RELEASE_STABILISING ||
		               row->to == RELEASE_FAILED;
		bool has_cause = is_back || (row->effects & FX_ADD_HOLD);

		for (size_t k = 0; k < ARRAY_LEN(named); k++)
			has_cause |= row->event == named[k];
		ck_assert_msg(!(row->effects & FX_CALL_PEOPLE) || has_cause,
		              "%s from %s calls people, for how long?",
		              release_event_names[row->event], release_state_names[row->state]);
	}
}
END_TEST

static char *read_whole(const char *path)
{
	FILE *file = fopen(path, "r");
	struct buf text;
	char piece[4096];
	size_t n = 0;

	ck_assert_msg(file != NULL, "cannot open %s: run from the top of the tree", path);
	buf_init(&text, 1 << 20);
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
		buf_add(&text, piece, n);
	(void)fclose(file);
	return buf_take_text(&text);
}

START_TEST(the_printed_table_is_the_golden_file)
{
	char *golden = read_whole(GOLDEN);
	struct buf printed;

	buf_init(&printed, 1 << 20);
	release_print_transitions(&printed);
	for (const char *was = golden, *is = buf_str(&printed).p; *was || *is;) {
		size_t n = strcspn(was, "\n");
		size_t m = strcspn(is, "\n");

		ck_assert_msg(
		        n == m && strncmp(was, is, n) == 0,
		        "the table changed: \"%.*s\" was \"%.*s\"; if that is meant, write what "
		        "`test_transitions print` says to %s and the edges to a migration",
		        (int)m, is, (int)n, was, GOLDEN);
		was += n + (was[n] != '\0');
		is += m + (is[m] != '\0');
	}
	buf_fini(&printed);
	free(golden);
}
END_TEST

START_TEST(the_database_allows_the_edges_of_the_table_and_no_others)
{
	char *sql = read_whole(MIGRATION);

	for (int from = 0; from < RELEASE_STATE_COUNT; from++) {
		for (int to = 0; to < RELEASE_STATE_COUNT; to++) {
			char pair[80];
			bool seeded = false;

			(void)snprintf(pair, sizeof(pair), "('%s', '%s')",
			               release_state_names[from], release_state_names[to]);
			seeded = strstr(sql, pair) != NULL;
			ck_assert_msg(
			        seeded == release_edge((enum release_state)from,
			                               (enum release_state)to),
			        "%s: the table says %d, the database %d", pair,
			        release_edge((enum release_state)from, (enum release_state)to),
			        seeded);
		}
	}
	free(sql);
}
END_TEST

static int print(void)
{
	struct buf printed;

	buf_init(&printed, 1 << 20);
	release_print_transitions(&printed);
	(void)fputs(buf_str(&printed).p, stdout);
	buf_fini(&printed);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	Suite *s = suite_create("transitions");
	TCase *t = tcase_create("table");

	if (argc > 1 && strcmp(argv[1], "print") == 0)
		return print();
	tcase_add_test(t, every_place_and_event_has_one_row_or_none);
	tcase_add_test(t, every_row_leads_to_a_place_and_says_why);
	tcase_add_test(t, every_event_but_creation_has_a_row);
	tcase_add_test(t, ends_have_no_exit);
	tcase_add_test(t, missing_evidence_never_leads_forward);
	tcase_add_test(t, after_a_rollback_was_decided_no_row_advances);
	tcase_add_test(t, forward_needs_the_lease_and_the_thaw_and_back_needs_neither);
	tcase_add_test(t, own_events_hold_back_without_lease_and_go_on_with_it);
	tcase_add_test(t, messages_of_the_way_back_are_closed_where_it_ends_and_nowhere_else);
	tcase_add_test(t, whatever_calls_people_has_a_cause_that_ends);
	tcase_add_test(t, the_printed_table_is_the_golden_file);
	tcase_add_test(t, the_database_allows_the_edges_of_the_table_and_no_others);
	suite_add_tcase(s, t);
	return suite_run(s);
}
