/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines: none is taken that somebody may be reading, and none is lost for good. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "loader/tables.h"
#include "tests/harness/random.h"

#define LINES      400
#define MOST_PARTS 6

static void the_first_version_gets_all_lines_but_line_zero(void **state)
{
	struct table_line lines[LINES] = { 0 };
	struct tables tables = { .lines = lines, .count = LINES };

	(void)state;
	assert_int_equal(tables_begin(&tables, 0, NULL), 0);
	assert_int_equal(tables_take(&tables, LINES - 1), 1);
	assert_int_equal(tables_take(&tables, 1), 0);
	tables_end(&tables);
}

static void taken_lines_are_zeroed_and_no_more_than_there_are(void **state)
{
	struct table_line lines[LINES];
	struct tables tables = { .lines = lines, .count = LINES };
	static const struct table_line zero;
	__u32 first, second;

	(void)state;
	memset(lines, 0xee, sizeof(lines));
	memset(&lines[0], 0, sizeof(lines[0]));
	assert_int_equal(tables_begin(&tables, 0, NULL), 0);
	first = tables_take(&tables, 3);
	second = tables_take(&tables, 5);
	assert_int_equal(second, first + 3);
	for (__u32 i = 0; i < 8; i++)
		assert_memory_equal(&lines[first + i], &zero, sizeof(zero));
	assert_int_equal(lines[second + 5].bytes[0], 0xee);
	assert_ptr_equal(tables_line(&tables, second), &lines[second]);
	assert_int_equal(tables_take(&tables, 0), 0);
	assert_int_equal(tables_take(&tables, ~0U), 0);
	assert_int_equal(tables_take(&tables, LINES), 0);
	assert_int_equal(tables.used, 8);
	tables_end(&tables);
}

static void what_follows_a_mark_is_listed_apart(void **state)
{
	struct table_line lines[LINES] = { 0 };
	struct tables tables = { .lines = lines, .count = LINES };
	size_t mark;

	(void)state;
	assert_int_equal(tables_begin(&tables, 0, NULL), 0);
	tables_take(&tables, 3);
	tables_take(&tables, 4);
	mark = tables_mark(&tables);
	assert_int_equal(mark, 1);
	tables_take(&tables, 5);
	assert_int_equal(tables_mark(&tables), 2);
	assert_int_equal(tables.taken.extent[0].first, 1);
	assert_int_equal(tables.taken.extent[0].count, 7);
	assert_int_equal(tables.taken.extent[mark].first, 8);
	assert_int_equal(tables.taken.extent[mark].count, 5);
	tables_end(&tables);
}

static void what_is_given_back_is_taken_again(void **state)
{
	struct table_line lines[LINES] = { 0 };
	struct tables tables = { .lines = lines, .count = LINES };
	size_t mark;

	(void)state;
	assert_int_equal(tables_begin(&tables, 0, NULL), 0);
	assert_int_equal(tables_take(&tables, 3), 1);
	mark = tables_mark(&tables);
	assert_int_equal(tables_take(&tables, 4), 4);
	assert_int_equal(tables_take(&tables, 5), 8);
	tables_give_back(&tables, 5);
	assert_int_equal(tables.taken.extent[mark].count, 2);
	assert_int_equal(tables_take(&tables, 1), 6);
	tables_give_back(&tables, 0);
	assert_int_equal(tables.taken.count, 0);
	assert_int_equal(tables_take(&tables, LINES - 1), 1);
	tables_end(&tables);
}

/* A version as the test lays it: a root and the list of extents, then parts, of which some are those
 * of the version before. Each part's lines hold its mark. */
struct version {
	__u32 root;
	size_t part_count;
	struct part {
		struct extent extent;
		__u8 mark;
	} part[MOST_PARTS];
};

static bool whole(const struct table_line *lines, const struct version *version)
{
	for (size_t i = 0; i < version->part_count; i++)
		for (__u32 at = 0; at < version->part[i].extent.count; at++)
			if (lines[version->part[i].extent.first + at].bytes[0] !=
			    version->part[i].mark)
				return false;
	return true;
}

/* Takes a part of size lines; false when there is no room. */
static bool add_part(struct tables *tables, struct version *version, __u32 size, __u8 mark)
{
	__u32 first = tables_take(tables, size);

	for (__u32 at = 0; first && at < size; at++)
		tables->lines[first + at].bytes[0] = mark;
	version->part[version->part_count] = (struct part){ { first, size }, mark };
	version->part_count += !!first;
	return first;
}

/* Lists the version's extents behind its root, and the two lines themselves. */
static bool add_root(struct tables *tables, struct version *version)
{
	struct extent *extents;
	struct root *root;

	version->root = tables_take(tables, 2);
	if (!version->root)
		return false;
	root = tables_line(tables, version->root);
	root->extents = version->root + 1;
	extents = tables_line(tables, root->extents);
	extents[root->extent_count++] = (struct extent){ version->root, 2 };
	for (size_t i = 0; i < version->part_count; i++)
		extents[root->extent_count++] = version->part[i].extent;
	return true;
}

static bool try_next(struct tables *tables, const struct version *before, struct random *random,
		     __u8 mark, struct version *next)
{
	bool laid = true;

	*next = (struct version){ 0 };
	for (size_t i = 0; i < before->part_count; i++)
		if (random_below(random, 4))
			next->part[next->part_count++] = before->part[i];
	do {
		if (next->part_count == MOST_PARTS)
			next->part_count--;
		laid = add_part(tables, next, 1 + random_below(random, 15), mark);
	} while (laid && random_below(random, 2));
	return laid && add_root(tables, next);
}

/* Lays the version after `before`: each of its parts is taken over or not, a few are new. */
static bool lay_next(struct tables *tables, const struct version *before, struct random *random,
		     __u8 mark, struct version *next)
{
	assert_int_equal(tables_begin(tables, before->root, NULL), 0);
	return try_next(tables, before, random, mark, next) ||
	       (tables_again(tables) && try_next(tables, before, random, mark, next));
}

/*
 * Versions that take parts over, each published after it was laid, or lost with its killed writer.
 * Readers may be at every version that was running since the last grace period; none of them may
 * be written over.
 */
static void no_version_is_laid_over_one_that_may_be_read(void **state)
{
	static struct table_line lines[LINES];
	struct tables tables = { .lines = lines, .count = LINES };
	static struct version read[LINES];
	unsigned int waits = 0, laid = 0;

	(void)state;
	for (unsigned int seed = 0; seed < 200; seed++) {
		struct random random = { seed };
		struct version running = { 0 }, next;
		unsigned int readers = 0;

		memset(lines, 0, sizeof(lines));
		for (unsigned int change = 1; change < 60; change++) {
			assert_true(lay_next(&tables, &running, &random, (__u8)change, &next));
			if (tables.waited) {
				waits++;
				readers = 0; /* they are through but for the running one's */
				if (running.root)
					read[readers++] = running;
			}
			for (unsigned int i = 0; i < readers; i++)
				assert_true(whole(lines, &read[i]));
			assert_true(whole(lines, &next));
			laid++;
			if (!random_below(&random, 4))
				continue; /* killed before it was published */
			running = next;
			read[readers++] = running;
		}
	}
	/* Once a turn: with versions of a dozen new lines in four hundred, far from every time. */
	assert_true(waits * 4 < laid);
	assert_true(waits > 200);
	tables_end(&tables);
}

static void killed_builds_lose_no_line_for_good(void **state)
{
	static struct table_line lines[LINES];
	struct tables tables = { .lines = lines, .count = LINES };
	struct version running = { 0 };

	(void)state;
	memset(lines, 0, sizeof(lines));
	assert_int_equal(tables_begin(&tables, 0, NULL), 0);
	assert_true(add_part(&tables, &running, 40, 7) && add_root(&tables, &running));
	for (int i = 0; i < 50; i++) { /* never published, each of all that is free */
		struct version lost = { 0 };

		assert_int_equal(tables_begin(&tables, running.root, NULL), 0);
		assert_true(add_part(&tables, &lost, LINES - 1 - 42, 9));
		assert_true(whole(lines, &running));
	}
	tables_end(&tables);
}

static void what_cannot_fit_beside_the_running_version_is_refused(void **state)
{
	static struct table_line lines[LINES];
	struct tables tables = { .lines = lines, .count = LINES };
	struct version running = { 0 }, next = { 0 };

	(void)state;
	memset(lines, 0, sizeof(lines));
	assert_int_equal(tables_begin(&tables, 0, NULL), 0);
	assert_true(add_part(&tables, &running, 240, 7) && add_root(&tables, &running));
	assert_int_equal(tables_begin(&tables, running.root, NULL), 0);
	assert_int_equal(tables_take(&tables, 200), 0);
	assert_int_equal(tables_begin(&tables, running.root, NULL), 0);
	assert_true(add_part(&tables, &next, 157, 8));
	assert_true(whole(lines, &running));
	tables_end(&tables);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_version_gets_all_lines_but_line_zero),
		cmocka_unit_test(taken_lines_are_zeroed_and_no_more_than_there_are),
		cmocka_unit_test(what_follows_a_mark_is_listed_apart),
		cmocka_unit_test(what_is_given_back_is_taken_again),
		cmocka_unit_test(no_version_is_laid_over_one_that_may_be_read),
		cmocka_unit_test(killed_builds_lose_no_line_for_good),
		cmocka_unit_test(what_cannot_fit_beside_the_running_version_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
