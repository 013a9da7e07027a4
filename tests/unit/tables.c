/* SPDX-License-Identifier: BSD-2-Clause */
/* Extents: a version is never laid over lines that somebody may be reading. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "loader/tables.h"
#include "tests/harness/random.h"

#define LINES 200

struct extent {
	__u32 first;
	__u32 count;
};

static bool overlap(struct extent a, struct extent b)
{
	return a.first < b.first + b.count && b.first < a.first + a.count;
}

static void the_first_extent_gets_all_lines_but_line_zero(void **state)
{
	struct table_line lines[LINES] = { 0 };
	struct tables tables = { .lines = lines, .count = LINES };

	(void)state;
	assert_int_equal(tables_begin(&tables, 0, 0, false, NULL), 0);
	assert_int_equal(tables_take(&tables, LINES - 1), 1);
	assert_int_equal(tables_take(&tables, 1), 0);
}

static void taken_lines_are_zeroed_and_the_limit_holds(void **state)
{
	struct table_line lines[LINES];
	struct tables tables = { .lines = lines, .count = LINES };
	__u32 first, second;

	(void)state;
	memset(lines, 0xff, sizeof(lines));
	memset(&lines[0], 0, sizeof(lines[0]));
	assert_int_equal(tables_begin(&tables, 0, 0, false, NULL), 0);
	first = tables_take(&tables, 3);
	second = tables_take(&tables, 5);
	assert_int_equal(second, first + 3);
	for (__u32 i = first; i < second + 5; i++)
		for (int byte = 0; byte < SLUICE_CACHE_LINE; byte++)
			assert_int_equal(lines[i].bytes[byte], 0);
	assert_int_equal(lines[second + 5].bytes[0], 0xff);
	assert_int_equal(tables_take(&tables, 0), 0);
	assert_int_equal(tables_take(&tables, ~0U), 0);
	assert_int_equal(tables_take(&tables, LINES), 0);
	assert_int_equal(tables.used, 8);
}

static bool same_as_before(const struct table_line *lines, struct extent extent, __u8 mark)
{
	for (__u32 i = extent.first; i < extent.first + extent.count; i++)
		if (lines[i].bytes[0] != mark)
			return false;
	return true;
}

/* Lays an extent of a size as commit does: again from_start when it does not fit. */
static struct extent lay(struct tables *tables, struct extent running, __u32 size, bool *again)
{
	__u32 first;

	*again = false;
	assert_int_equal(tables_begin(tables, running.first, running.count, false, NULL), 0);
	first = tables_take(tables, size);
	if (!first) {
		*again = true;
		assert_int_equal(tables_begin(tables, running.first, running.count, true, NULL), 0);
		first = tables_take(tables, size);
	}
	return (struct extent){ first, first ? size : 0 };
}

/*
 * Versions of changing sizes, each published after it was laid. Readers may be at every version
 * that was running since the last grace period; none of them may be written over. The grace
 * period is seen by where line 0 says the ring begins.
 */
static void no_version_is_laid_over_one_that_may_be_read(void **state)
{
	static struct table_line lines[LINES];
	struct tables tables = { .lines = lines, .count = LINES };
	unsigned int waits = 0, laid = 0;

	(void)state;
	for (unsigned int seed = 0; seed < 20; seed++) {
		struct random random = { seed };
		struct extent read[LINES], running = { 0, 0 };
		unsigned int readers = 0;

		memset(lines, 0, sizeof(lines));
		for (unsigned int version = 1; version < 60; version++) {
			__u32 size = 1 + random_below(&random, 60);
			struct table_line note = lines[0];
			struct extent next;
			bool again;

			next = lay(&tables, running, size, &again);
			assert_int_not_equal(next.first, 0);
			assert_true(next.first + next.count <= LINES);
			laid++;
			if (version > 1 && memcmp(&note, &lines[0], sizeof(note))) {
				waits++;
				readers = 0; /* they are through; the running one is added below */
				if (running.count)
					read[readers++] = running;
			}
			for (unsigned int i = 0; i < readers; i++)
				assert_false(overlap(next, read[i]));
			running = next;
			read[readers++] = running;
		}
	}
	/* Once a turn: with extents of thirty lines in two hundred, far from every time. */
	assert_true(waits * 2 < laid);
}

static void a_killed_build_leaves_the_running_version_alone(void **state)
{
	static struct table_line lines[LINES];
	struct tables tables = { .lines = lines, .count = LINES };
	struct extent running = { 0, 0 };
	bool again;

	(void)state;
	memset(lines, 0, sizeof(lines));
	running = lay(&tables, running, 40, &again);
	for (__u32 i = 0; i < running.count; i++)
		lines[running.first + i].bytes[0] = 7;
	for (int i = 0; i < 50; i++) { /* never published */
		struct extent lost = lay(&tables, running, 50, &again);

		memset(&lines[lost.first], 9, lost.count * sizeof(lines[0]));
		assert_true(same_as_before(lines, running, 7));
	}
}

static void what_cannot_fit_beside_the_running_version_is_refused(void **state)
{
	static struct table_line lines[LINES];
	struct tables tables = { .lines = lines, .count = LINES };
	struct extent running = { 0, 0 };
	bool again;

	(void)state;
	memset(lines, 0, sizeof(lines));
	running = lay(&tables, running, 120, &again);
	assert_int_equal(lay(&tables, running, 100, &again).count, 0);
	assert_int_equal(lay(&tables, running, 79, &again).count, 79);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_extent_gets_all_lines_but_line_zero),
		cmocka_unit_test(taken_lines_are_zeroed_and_the_limit_holds),
		cmocka_unit_test(no_version_is_laid_over_one_that_may_be_read),
		cmocka_unit_test(a_killed_build_leaves_the_running_version_alone),
		cmocka_unit_test(what_cannot_fit_beside_the_running_version_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
