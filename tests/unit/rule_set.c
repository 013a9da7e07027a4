/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The generator of rule sets (tests/harness/rule_set.h): what it draws is like what it says it is
 * like. With DATA=DIRECTORY the sets that the figures were counted in are counted again.
 */
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/rule_set_statistics.h"
#include "tests/harness/unit.h"

#define LIKE_KINDS 3

/* Counted in acl1_10k, fw1_10k and ipc1_10k of ClassBench; how far off a drawn set may be. */
static const struct {
	enum rule_set_statistic statistic;
	double counted[LIKE_KINDS];
	double tolerance;
} counted[] = {
	{ STATISTIC_SOURCE_ANY, { 0.003, 0.413, 0.077 }, 0.03 },
	{ STATISTIC_SOURCE_WIDE, { 0.004, 0.227, 0.053 }, 0.03 },
	{ STATISTIC_SOURCE_BLOCK, { 0.159, 0.110, 0.605 }, 0.03 },
	{ STATISTIC_SOURCE_HOST, { 0.834, 0.250, 0.265 }, 0.03 },
	{ STATISTIC_SOURCE_DISTINCT, { 0.407, 0.364, 0.160 }, 0.06 },
	{ STATISTIC_SOURCE_NESTED, { 0.425, 0, 0 }, 0.35 },
	{ STATISTIC_SOURCE_REGIONS, { 0.030, 0.961, 0.122 }, 0.10 },
	{ STATISTIC_SOURCE_NETS, { 0.060, 0.865, 0.192 }, 0.25 },
	{ STATISTIC_SOURCE_PORTS_ANY, { 1, 0.765, 0.810 }, 0.03 },
	{ STATISTIC_SOURCE_PORTS_HIGH, { 0, 0.081, 0.003 }, 0.03 },
	{ STATISTIC_SOURCE_PORTS_ONE, { 0, 0.153, 0.169 }, 0.03 },
	{ STATISTIC_DESTINATION_ANY, { 0.005, 0.184, 0.061 }, 0.03 },
	{ STATISTIC_DESTINATION_WIDE, { 0.023, 0.105, 0.031 }, 0.03 },
	{ STATISTIC_DESTINATION_BLOCK, { 0.216, 0.047, 0.530 }, 0.03 },
	{ STATISTIC_DESTINATION_HOST, { 0.756, 0.664, 0.379 }, 0.03 },
	{ STATISTIC_DESTINATION_DISTINCT, { 0.072, 0.711, 0.299 }, 0.06 },
	{ STATISTIC_DESTINATION_NESTED, { 0.092, 0, 0.914 }, 0.10 },
	{ STATISTIC_DESTINATION_REGIONS, { 0.477, 0.999, 0.114 }, 0.15 },
	{ STATISTIC_DESTINATION_NETS, { 0.481, 0.970, 0.212 }, 0.15 },
	{ STATISTIC_DESTINATION_PORTS_ANY, { 0.281, 0.288, 0.555 }, 0.03 },
	{ STATISTIC_DESTINATION_PORTS_HIGH, { 0, 0.082, 0.060 }, 0.03 },
	{ STATISTIC_DESTINATION_PORTS_ONE, { 0.604, 0.629, 0.360 }, 0.03 },
	{ STATISTIC_BOTH_HOSTS, { 0.675, 0.053, 0.151 }, 0.03 },
	{ STATISTIC_PAIRS, { 0.756, 0.971, 0.844 }, 0.06 },
	{ STATISTIC_DUPLICATES, { 0.008, 0.002, 0.001 }, 0.06 },
	{ STATISTIC_TCP, { 0.873, 0.570, 0.275 }, 0.03 },
	{ STATISTIC_UDP, { 0.013, 0.334, 0.381 }, 0.03 },
	{ STATISTIC_ICMP, { 0.030, 0.036, 0.011 }, 0.03 },
	{ STATISTIC_ANY_PROTOCOL, { 0.083, 0.011, 0.328 }, 0.03 },
};

static void compare_with_counted(const struct rule_set *set, int kind, double slack)
{
	struct rule_set_statistics statistics;
	unsigned int off = 0;

	rule_set_count(set, &statistics);
	for (size_t i = 0; i < sizeof(counted) / sizeof(*counted); i++) {
		double found = statistics.share[counted[i].statistic];

		if (fabs(found - counted[i].counted[kind]) <= counted[i].tolerance * slack + 0.001)
			continue;
		print_message("%s, %s: %.3f, not %.3f\n", rule_set_names[kind],
			      rule_set_statistic_names[counted[i].statistic], found,
			      counted[i].counted[kind]);
		off++;
	}
	assert_int_equal(off, 0);
}

static void ten_thousand_rules_count_like_published_ones(void **state)
{
	(void)state;
	for (int kind = 0; kind < LIKE_KINDS; kind++)
		for (uint64_t seed = 1; seed < 4; seed++) {
			struct rule_set set;

			rule_set_draw(&set, (enum rule_set_kind)kind, false, 10000, seed);
			compare_with_counted(&set, kind, 1);
			rule_set_free(&set);
		}
}

/* Only in make check-data. */
static void published_sets_count_as_recorded(void **state)
{
	static const char *const names[LIKE_KINDS] = { "acl1_10k", "fw1_10k", "ipc1_10k" };

	(void)state;
	for (int kind = 0; kind < LIKE_KINDS; kind++) {
		struct rule_set set;
		char path[4096];
		FILE *stream;

		snprintf(path, sizeof(path), "%s/classbench/%s", getenv("DATA"), names[kind]);
		stream = fopen(path, "r");
		if (!stream)
			fail_msg("%s can not be read", path);
		assert_int_equal(rule_set_read(&set, stream), 0);
		fclose(stream);
		assert_true(set.count > 9000);
		compare_with_counted(&set, kind, 0);
		rule_set_free(&set);
	}
}

static size_t different_ranges(const struct rule_set *set, bool source)
{
	struct ranges ranges = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++) {
		const struct classifier_rule *rule = &set->rule[i];

		if (source ? !rule->any_source : !rule->any_destination)
			assert_int_equal(
				ranges_add(&ranges, source ? rule->sources : rule->destinations),
				0);
	}
	for (size_t i = 0; i < ranges.count; i++) {
		size_t k = 0;

		while (k < i && memcmp(&ranges.range[k], &ranges.range[i], sizeof(*ranges.range)))
			k++;
		count += k == i;
	}
	ranges_free(&ranges);
	return count;
}

static void a_set_has_the_same_structure_in_both_families(void **state)
{
	(void)state;
	for (int kind = 0; kind < LIKE_KINDS; kind++) {
		struct rule_set set[2];

		for (int ipv6 = 0; ipv6 < 2; ipv6++)
			rule_set_draw(&set[ipv6], (enum rule_set_kind)kind, ipv6, 1000, 7);
		for (int side = 0; side < 2; side++)
			assert_int_equal(different_ranges(&set[0], side),
					 different_ranges(&set[1], side));
		for (size_t i = 0; i < set[1].count; i++) {
			const struct classifier_rule *four = &set[0].rule[i];
			const struct classifier_rule *six = &set[1].rule[i];

			assert_int_equal(four->any_source, six->any_source);
			assert_int_equal(four->protocol, six->protocol);
			if (six->any_source)
				continue;
			assert_true(reference_is_ipv4(&four->sources->first));
			assert_false(reference_is_ipv4(&six->sources->first));
			assert_int_equal(six->sources->first.bytes[0] >> 5, 1); /* 2000::/3 */
		}
		rule_set_free(&set[0]);
		rule_set_free(&set[1]);
	}
}

static void prefixes_of_both_families_nest_alike(void **state)
{
	struct rule_set set[2] = { { .ipv6 = false }, { .ipv6 = true } };
	struct random random = { 3 };

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint32_t place = (uint32_t)random_next(&random);
		uint32_t other =
			place ^ (uint32_t)(random_next(&random) >> random_below(&random, 64));
		unsigned int length[2] = { random_below(&random, 33), random_below(&random, 33) };
		bool inside[2], before[2];

		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			struct address_range a = rule_set_prefix(&set[ipv6], place, length[0]);
			struct address_range b = rule_set_prefix(&set[ipv6], other, length[1]);

			inside[ipv6] = memcmp(&b.first, &a.first, 16) >= 0 &&
				       memcmp(&b.last, &a.last, 16) <= 0;
			before[ipv6] = memcmp(&a.last, &b.first, 16) < 0;
		}
		assert_int_equal(inside[0], inside[1]);
		assert_int_equal(before[0], before[1]);
	}
}

static void a_seed_gives_the_same_set_and_another_a_different_one(void **state)
{
	(void)state;
	for (int kind = 0; kind < RULE_SET_KIND_COUNT; kind++) {
		char *text[3];
		size_t length[3];

		for (int i = 0; i < 3; i++) {
			FILE *stream = open_memstream(&text[i], &length[i]);
			struct rule_set set;

			rule_set_draw(&set, (enum rule_set_kind)kind, false, 200, i < 2 ? 5 : 6);
			rule_set_write(&set, RULE_SET_AS_ACL, stream);
			fclose(stream);
			assert_int_equal(set.count, 200);
			rule_set_free(&set);
		}
		assert_string_equal(text[0], text[1]);
		assert_string_not_equal(text[0], text[2]);
		for (int i = 0; i < 3; i++)
			free(text[i]);
	}
}

static void sets_of_any_size_can_be_drawn(void **state)
{
	(void)state;
	for (int kind = 0; kind < RULE_SET_KIND_COUNT; kind++)
		for (size_t count = 0; count < 20; count++) {
			struct rule_set set;

			rule_set_draw(&set, (enum rule_set_kind)kind, false, count, count);
			assert_int_equal(set.count, count);
			rule_set_free(&set);
		}
}

/* What a rule of the document says beside what the set says. */
static void compare_rule(const struct sluice_rule *read, const struct classifier_rule *rule,
			 const struct sluice_config *config)
{
	const struct sluice_selector *sources = read->sources;
	size_t count = read->source_count;

	assert_int_equal(read->access, rule->access);
	assert_int_equal(read->protocol, rule->protocol);
	assert_int_equal(read->icmp_type, rule->icmp_type);
	assert_int_equal(read->icmp_code, rule->icmp_code);
	assert_int_equal(read->source_port_count, rule->source_port_count);
	assert_int_equal(read->destination_port_count, rule->destination_port_count);
	for (size_t i = 0; i < config->tag_count && count == 1; i++)
		if (sources[0].name && !strcmp(config->tags[i].name, sources[0].name)) {
			count = config->tags[i].prefix_count;
			sources = config->tags[i].prefixes;
			break;
		}
	assert_int_equal(count, rule->any_source ? 0 : rule->source_count);
	for (size_t i = 0; i < count; i++) {
		assert_memory_equal(&sources[i].first, &rule->sources[i].first, 16);
		assert_memory_equal(&sources[i].last, &rule->sources[i].last, 16);
	}
}

static void every_kind_is_a_valid_document_that_says_the_same(void **state)
{
	(void)state;
	for (int kind = 0; kind < RULE_SET_KIND_COUNT; kind++)
		/* 256,000 prefixes are enough once. */
		for (int variant = 0; variant < (kind == RULES_MANY_TAGS ? 1 : 4); variant++) {
			bool nsg = variant & 1, ipv6 = variant & 2;
			const struct sluice_rule *rules;
			struct sluice_config *config;
			struct rule_set set;

			rule_set_draw(&set, (enum rule_set_kind)kind, ipv6, 60, 1);
			config = rule_set_config(&set, nsg ? RULE_SET_AS_NSG : RULE_SET_AS_ACL);
			assert_non_null(config);
			assert_int_equal(nsg ? config->nsgs[0].rule_count
					     : config->acls[0].rule_count,
					 set.count);
			rules = nsg ? config->nsgs[0].rules : config->acls[0].rules;
			for (size_t i = 0; i < set.count; i++)
				compare_rule(&rules[i], &set.rule[i], config);
			sluice_config_free(config);
			rule_set_free(&set);
		}
}

#define HEADERS 1000

static void headers_meet_rules_early_and_late_and_miss(void **state)
{
	static struct reference_tuple headers[HEADERS];
	static size_t match[HEADERS];

	(void)state;
	for (int kind = 0; kind < RULE_SET_KIND_COUNT; kind++) {
		struct random random = { 11 };
		unsigned int late = 0, different = 0;
		struct rule_set set;
		char *seen;

		rule_set_draw(&set, (enum rule_set_kind)kind, kind & 1, 1000, 2);
		rule_set_headers(&set, &random, headers, HEADERS);
		rule_set_match(&set, headers, HEADERS, match);
		seen = calloc(set.count + 1, 1);
		for (int i = 0; i < HEADERS; i++) {
			size_t first = 0;

			while (i % 16 == 0 && first < set.count &&
			       !rule_set_rule_matches(&set.rule[first], &headers[i]))
				first++;
			assert_true(i % 16 || match[i] == first);
			late += match[i] >= set.count * 9 / 10;
			different += !seen[match[i]]++;
		}
		free(seen);
		print_message("%-20s %u of %d late, %u different answers\n", rule_set_names[kind],
			      late, HEADERS, different);
		assert_true(late > HEADERS / 50 || kind == RULES_BOXES);
		assert_true(different > 100);
		rule_set_free(&set);
	}
}

static void a_trace_says_the_same_again_and_again(void **state)
{
	static struct reference_tuple headers[HEADERS];
	struct random random = { 1 };
	struct rule_set set;
	int same = 0;

	(void)state;
	rule_set_draw(&set, RULES_FW, false, 1000, 1);
	rule_set_trace(&set, &random, headers, HEADERS);
	for (int i = 1; i < HEADERS; i++)
		same += !memcmp(&headers[i], &headers[i - 1], sizeof(headers[i]));
	assert_in_range(same, HEADERS / 4, HEADERS * 3 / 4);
	rule_set_free(&set);
}

int main(void)
{
	const struct CMUnitTest published[] = {
		cmocka_unit_test(published_sets_count_as_recorded),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_rules_count_like_published_ones),
		cmocka_unit_test(a_set_has_the_same_structure_in_both_families),
		cmocka_unit_test(prefixes_of_both_families_nest_alike),
		cmocka_unit_test(a_seed_gives_the_same_set_and_another_a_different_one),
		cmocka_unit_test(sets_of_any_size_can_be_drawn),
		cmocka_unit_test(every_kind_is_a_valid_document_that_says_the_same),
		cmocka_unit_test(headers_meet_rules_early_and_late_and_miss),
		cmocka_unit_test(a_trace_says_the_same_again_and_again),
	};

	if (getenv("DATA"))
		return cmocka_run_group_tests(published, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
