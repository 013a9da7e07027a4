/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of addresses, against a plain walk over every address of a small world. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "loader/ranges.h"
#include "tests/harness/random.h"

/* The world: addresses base..base+63, at a place where both halves of the number change. */
#define WORLD 64
static const address_number base = ((address_number)7 << 64) - WORLD / 2;

static bool holds(const struct ranges *ranges, address_number number)
{
	for (size_t i = 0; i < ranges->count; i++)
		if (number >= address_to_number(&ranges->range[i].first) &&
		    number <= address_to_number(&ranges->range[i].last))
			return true;
	return false;
}

static bool is_normal(const struct ranges *ranges)
{
	for (size_t i = 1; i < ranges->count; i++)
		if (address_to_number(&ranges->range[i].first) <=
		    address_to_number(&ranges->range[i - 1].last) + 1)
			return false;
	return true;
}

static void add(struct ranges *ranges, address_number first, address_number last)
{
	struct address_range range = { number_to_address(first), number_to_address(last) };

	assert_int_equal(ranges_add(ranges, &range), 0);
}

static void normal_sets_hold_what_was_added_and_complements_the_rest(void **state)
{
	(void)state;
	for (unsigned int seed = 0; seed < 2000; seed++) {
		struct random random = { seed };
		struct ranges ranges = { 0 }, complement = { 0 };
		bool model[WORLD] = { 0 };

		for (unsigned int i = random_below(&random, 9); i > 0; i--) {
			unsigned int first = random_below(&random, WORLD);
			unsigned int last = first + random_below(&random, WORLD - first);

			add(&ranges, base + first, base + last);
			memset(&model[first], true, last - first + 1);
		}
		ranges_normalize(&ranges);
		assert_true(is_normal(&ranges));
		assert_int_equal(ranges_complement(&ranges, &complement), 0);
		assert_true(is_normal(&complement));
		for (unsigned int i = 0; i < WORLD; i++) {
			assert_int_equal(holds(&ranges, base + i), model[i]);
			assert_int_equal(holds(&complement, base + i), !model[i]);
		}
		ranges_free(&ranges);
		ranges_free(&complement);
	}
}

static void the_complement_reaches_both_ends_of_the_number_line(void **state)
{
	const address_number top = ~(address_number)0;
	struct ranges nothing = { 0 }, all = { 0 }, ends = { 0 }, middle = { 0 };

	(void)state;
	assert_int_equal(ranges_complement(&nothing, &all), 0);
	assert_int_equal(all.count, 1);
	assert_true(holds(&all, 0) && holds(&all, top));
	assert_int_equal(ranges_complement(&all, &nothing), 0);
	assert_int_equal(nothing.count, 0);
	add(&ends, 0, 0);
	add(&ends, top, top);
	ranges_normalize(&ends);
	assert_int_equal(ends.count, 2);
	assert_int_equal(ranges_complement(&ends, &middle), 0);
	assert_int_equal(middle.count, 1);
	assert_true(address_to_number(&middle.range[0].first) == 1);
	assert_true(address_to_number(&middle.range[0].last) == top - 1);
	add(&all, 5, 6);
	add(&all, top, top);
	ranges_normalize(&all);
	assert_int_equal(all.count, 1);
	ranges_free(&all);
	ranges_free(&ends);
	ranges_free(&middle);
}

static void what_is_written_as_ipv6_holds_no_ipv4(void **state)
{
	const address_number ipv4 = (address_number)0xffff << 32;
	struct address_range all = { number_to_address(0), number_to_address(~(address_number)0) };
	struct address_range one = { number_to_address(ipv4 + 5), number_to_address(ipv4 + 9) };
	struct ranges ranges = { 0 };

	(void)state;
	assert_int_equal(ranges_add_written(&ranges, &all), 0);
	assert_int_equal(ranges.count, 2);
	assert_false(holds(&ranges, ipv4));
	assert_false(holds(&ranges, ipv4 + 0xffffffff));
	assert_true(holds(&ranges, ipv4 - 1));
	assert_true(holds(&ranges, ipv4 + ((address_number)1 << 32)));
	assert_int_equal(ranges_add_written(&ranges, &one), 0);
	assert_true(holds(&ranges, ipv4 + 5));
	ranges_free(&ranges);
}

static void prefixes_end_where_their_length_says(void **state)
{
	const struct {
		__u8 address[16];
		unsigned char length;
		bool ipv6;
		address_number size; /* addresses in it, 0: all there are */
	} cases[] = {
		{ { [10] = 0xff, 0xff, 10, 1, 0, 0 }, 16, false, 1 << 16 },
		{ { [10] = 0xff, 0xff, 10, 1, 2, 3 }, 32, false, 1 },
		{ { [10] = 0xff, 0xff, 0, 0, 0, 0 }, 0, false, (address_number)1 << 32 },
		{ { 0xfd }, 8, true, (address_number)1 << 120 },
		{ { 0xfd, [15] = 1 }, 128, true, 1 },
		{ { 0 }, 0, true, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sluice_prefix prefix = { .length = cases[i].length, .ipv6 = cases[i].ipv6 };
		struct address_range range;

		memcpy(prefix.address.bytes, cases[i].address, 16);
		range = prefix_range(&prefix);
		assert_memory_equal(&range.first, &prefix.address, 16);
		assert_true(address_to_number(&range.last) - address_to_number(&range.first) ==
			    cases[i].size - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normal_sets_hold_what_was_added_and_complements_the_rest),
		cmocka_unit_test(the_complement_reaches_both_ends_of_the_number_line),
		cmocka_unit_test(what_is_written_as_ipv6_holds_no_ipv4),
		cmocka_unit_test(prefixes_end_where_their_length_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
