/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's classifier decides as first match does, said plainly: on sets like those of
 * routers and firewalls at their full size, and on sets made against classifiers.
 *
 * verdicts [KIND RULES SEED [ipv6]]: that set alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/harness/unit.h"
#include "tests/harness/verdicts.h"

#define LINES   SLUICE_DEFAULT_TABLE_LINES
#define HEADERS 2048
#define SIZE    100000

/* Rules whose lists are long are asked about fewer headers: first match takes its time for them. */
static size_t headers_of(enum rule_set_kind kind)
{
	return kind == RULES_MANY_TAGS || kind == RULES_LONG_LISTS || kind == RULES_PORT_LISTS
		       ? HEADERS / 8
		       : HEADERS;
}

static struct verdicts verdicts;
static struct reference_tuple headers[HEADERS];
static size_t match[HEADERS];

static __u32 lay(const struct rule_set *set, enum access miss)
{
	struct sluice_error error = { 0 };
	__u32 line = 0;

	verdicts_clear(&verdicts);
	if (classifier_build(&verdicts.tables, set->rule, set->count, miss, &line, &error))
		fail_msg("%s of %zu rules, IPv%d, seed %llu: %s", rule_set_names[set->kind],
			 set->count, set->ipv6 ? 6 : 4, (unsigned long long)set->seed,
			 error.message);
	assert_true(line);
	return line;
}

static void show(const struct reference_tuple *header)
{
	for (int side = 0; side < 2; side++)
		for (int i = 0; i < 16; i++)
			fprintf(stderr, "%02x%s",
				side ? header->destination.bytes[i] : header->source.bytes[i],
				i == 15 ? " " : "");
	fprintf(stderr, "protocol %u, ports %u %u, ICMP %u %u\n", header->protocol,
		header->source_port, header->destination_port, header->icmp_type,
		header->icmp_code);
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static size_t count_wrong(const struct rule_set *set, enum access miss, size_t count)
{
	size_t wrong = 0;

	for (size_t i = 0; i < count; i++) {
		const struct question *said = &verdicts.question[i];
		bool none = match[i] == set->count;
		__u32 rule = none ? 0 : set->rule[match[i]].id;
		enum access access = none ? miss : set->rule[match[i]].access;

		if (said->rule == rule && said->access == access)
			continue;
		if (!wrong++) {
			fprintf(stderr, "rule %u (access %u), not %u (access %u): ", said->rule,
				said->access, rule, access);
			show(&headers[i]);
		}
	}
	return wrong;
}

/* Asks one set; ten answers at least have to differ, or the comparison says little. */
static void expect_first_match(enum rule_set_kind kind, size_t rules, uint64_t seed, bool ipv6,
			       size_t count)
{
	enum access miss = seed & 1 ? ACCESS_DENY : ACCESS_ALLOW;
	struct random random = { seed };
	size_t wrong, different = 0;
	long begun;
	struct rule_set set;
	char *seen;
	__u32 line;

	rule_set_draw(&set, kind, ipv6, rules, seed);
	rule_set_headers(&set, &random, headers, count);
	rule_set_match(&set, headers, count, match);
	begun = milliseconds();
	line = lay(&set, miss);
	begun = milliseconds() - begun;
	verdicts_put(&verdicts, 0, headers, count);
	verdicts_ask(&verdicts, line, 0, count);
	wrong = count_wrong(&set, miss, count);
	seen = calloc(set.count + 1, 1);
	for (size_t i = 0; i < count; i++)
		different += !seen[match[i]]++;
	free(seen);
	print_message("%-18s IPv%d %6zu rules, %5ld ms, %7u lines, %5zu different answers\n",
		      rule_set_names[kind], ipv6 ? 6 : 4, set.count, begun, verdicts.tables.used,
		      different);
	if (wrong)
		fail_msg("%s of %zu rules, IPv%d, seed %llu: %zu of %zu verdicts are wrong",
			 rule_set_names[kind], set.count, ipv6 ? 6 : 4, (unsigned long long)seed,
			 wrong, count);
	assert_true(different >= 10 || different > set.count / 2);
	rule_set_free(&set);
}

static void a_hundred_thousand_rules_decide_as_first_match_does(void **state)
{
	(void)state;
	for (int kind = 0; kind < RULES_FIRST_HOSTILE; kind++)
		for (int ipv6 = 0; ipv6 < 2; ipv6++)
			expect_first_match((enum rule_set_kind)kind, SIZE, 1, ipv6, HEADERS);
}

static void few_rules_decide_as_first_match_does(void **state)
{
	static const size_t sizes[] = { 1, 2, 10, 100, 1000 };

	(void)state;
	for (int kind = 0; kind < RULE_SET_KIND_COUNT; kind++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			for (int ipv6 = 0; ipv6 < 2; ipv6++)
				if (sizes[i] <= rule_set_laid_size((enum rule_set_kind)kind))
					expect_first_match(
						(enum rule_set_kind)kind, sizes[i], i, ipv6,
						headers_of((enum rule_set_kind)kind) / 8);
}

static void hostile_rules_decide_as_first_match_does(void **state)
{
	(void)state;
	for (int kind = RULES_FIRST_HOSTILE; kind < RULE_SET_KIND_COUNT; kind++)
		for (int ipv6 = 0; ipv6 < 2; ipv6++)
			expect_first_match((enum rule_set_kind)kind,
					   rule_set_laid_size((enum rule_set_kind)kind), 2, ipv6,
					   headers_of((enum rule_set_kind)kind));
}

/* As many as have priorities. */
static void lists_of_ports_on_both_sides_fill_an_nsg(void **state)
{
	(void)state;
	for (int ipv6 = 0; ipv6 < 2; ipv6++)
		expect_first_match(RULES_PORT_LISTS, rule_set_size(RULES_PORT_LISTS, 10000), 3,
				   ipv6, headers_of(RULES_PORT_LISTS));
}

/* Every so many-th rule is left out of the base and laid over it. */
#define ADDED_STEP 50

static __u32 lay_in_two(const struct rule_set *set, enum access miss)
{
	struct classifier_rule *base = calloc(set->count, sizeof(*base));
	struct classifier_rule *added = calloc(set->count, sizeof(*added));
	size_t base_count = 0, added_count = 0;
	struct sluice_error error = { 0 };
	__u32 line = 0, extended = 0;

	assert_true(base && added);
	for (size_t i = 0; i < set->count; i++)
		if (i % ADDED_STEP)
			base[base_count++] = set->rule[i];
		else
			added[added_count++] = set->rule[i];
	verdicts_clear(&verdicts);
	if (classifier_build(&verdicts.tables, base, base_count, miss, &line, &error) ||
	    classifier_extend(&verdicts.tables, line, added, added_count, &extended, &error))
		fail_msg("%s: %s", rule_set_names[set->kind], error.message);
	free(base);
	free(added);
	return extended;
}

static void rules_laid_over_others_decide_as_first_match_does(void **state)
{
	(void)state;
	for (int kind = 0; kind < RULES_FIRST_HOSTILE; kind++)
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			struct random random = { 5 };
			size_t from_added = 0;
			struct rule_set set;
			__u32 line;

			rule_set_draw(&set, (enum rule_set_kind)kind, ipv6, 10000, 5);
			rule_set_headers(&set, &random, headers, HEADERS);
			rule_set_match(&set, headers, HEADERS, match);
			line = lay_in_two(&set, ACCESS_DENY);
			verdicts_put(&verdicts, 0, headers, HEADERS);
			verdicts_ask(&verdicts, line, 0, HEADERS);
			assert_int_equal(count_wrong(&set, ACCESS_DENY, HEADERS), 0);
			for (size_t i = 0; i < HEADERS; i++)
				from_added += match[i] < set.count && match[i] % ADDED_STEP == 0;
			assert_in_range(from_added, 10, HEADERS / 2);
			rule_set_free(&set);
		}
}

static struct {
	enum rule_set_kind kind;
	size_t rules;
	uint64_t seed;
	bool ipv6;
} named;

static void the_named_set_decides_as_first_match_does(void **state)
{
	(void)state;
	expect_first_match(named.kind, named.rules, named.seed, named.ipv6, HEADERS);
}

static int open_verdicts(void **state)
{
	(void)state;
	verdicts_open(&verdicts, LINES, HEADERS);
	return 0;
}

static int close_verdicts(void **state)
{
	(void)state;
	verdicts_close(&verdicts);
	return 0;
}

int main(int count, char **arguments)
{
	const struct CMUnitTest one[] = {
		cmocka_unit_test(the_named_set_decides_as_first_match_does),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_rules_decide_as_first_match_does),
		cmocka_unit_test(a_hundred_thousand_rules_decide_as_first_match_does),
		cmocka_unit_test(rules_laid_over_others_decide_as_first_match_does),
		cmocka_unit_test(hostile_rules_decide_as_first_match_does),
		cmocka_unit_test(lists_of_ports_on_both_sides_fill_an_nsg),
	};

	if (count == 1)
		return cmocka_run_group_tests(tests, open_verdicts, close_verdicts);
	named.kind = rule_set_kind_named(arguments[1]);
	if (count < 4 || named.kind == RULE_SET_KIND_COUNT) {
		fprintf(stderr, "usage: verdicts [KIND RULES SEED [ipv6]]\n");
		return 1;
	}
	named.rules = strtoul(arguments[2], NULL, 10);
	named.seed = strtoul(arguments[3], NULL, 10);
	named.ipv6 = count > 4;
	return cmocka_run_group_tests(one, open_verdicts, close_verdicts);
}
