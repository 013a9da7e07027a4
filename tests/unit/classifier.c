/* SPDX-License-Identifier: BSD-2-Clause */
/* classifier_build(): what lies in the tables says what the list of rules says. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "loader/ranges.h"
#include "tests/harness/random.h"
#include "tests/harness/rule_set.h"
#include "tests/harness/walk.h"

#define LINES 4096
#define RULES 30
#define LIST  5

/* Rules with lists of their own to point to. */
struct rules {
	struct classifier_rule rule[RULES];
	struct address_range sources[RULES][LIST];
	struct address_range destinations[RULES][LIST];
	struct sluice_port_range source_ports[RULES][LIST];
	struct sluice_port_range destination_ports[RULES][LIST];
	size_t count;
};

/* Few addresses, on both sides of a half's border, so that most comparisons are close ones. */
static struct ip_address some_address(struct random *random)
{
	return number_to_address(((address_number)3 << 64) - 8 + random_below(random, 16));
}

static size_t draw_ranges(struct random *random, struct address_range *ranges, bool *any)
{
	size_t count = random_below(random, LIST + 1);

	*any = random_chance(random, 30);
	for (size_t i = 0; i < count; i++) {
		ranges[i].first = some_address(random);
		ranges[i].last = some_address(random);
	}
	return count;
}

static size_t draw_ports(struct random *random, struct sluice_port_range *ranges)
{
	size_t count = random_chance(random, 60) ? 0 : random_below(random, LIST + 1);

	for (size_t i = 0; i < count; i++) {
		ranges[i].first = (__u16)(65525 + random_below(random, 11));
		ranges[i].last = (__u16)(65525 + random_below(random, 11));
		if (random_chance(random, 30)) /* which protocols without ports must not match */
			ranges[i].first = 0;
	}
	return count;
}

static int some_protocol(struct random *random)
{
	static const int protocols[] = { IPPROTO_TCP,  IPPROTO_UDP, IPPROTO_ICMP,
					 IPPROTO_SCTP, IPPROTO_ESP, IPPROTO_ICMPV6 };

	return protocols[random_below(random, 6)];
}

static void draw_rules(struct random *random, struct rules *rules)
{
	rules->count = random_below(random, RULES + 1);
	for (size_t i = 0; i < rules->count; i++) {
		struct classifier_rule *rule = &rules->rule[i];

		*rule = (struct classifier_rule){
			.id = (__u32)i + 1,
			.order = 3 * (__u32)i,
			.access = random_below(random, 2),
			.protocol = random_chance(random, 40) ? SLUICE_ANY : some_protocol(random),
			.icmp_type = SLUICE_ANY,
			.icmp_code = SLUICE_ANY,
			.sources = rules->sources[i],
			.destinations = rules->destinations[i],
			.source_ports = rules->source_ports[i],
			.destination_ports = rules->destination_ports[i],
		};
		rule->source_count = draw_ranges(random, rules->sources[i], &rule->any_source);
		rule->destination_count =
			draw_ranges(random, rules->destinations[i], &rule->any_destination);
		rule->source_port_count = draw_ports(random, rules->source_ports[i]);
		rule->destination_port_count = draw_ports(random, rules->destination_ports[i]);
		if (rule->protocol == IPPROTO_ICMP && random_chance(random, 50)) {
			rule->icmp_type = (int)random_below(random, 3);
			rule->icmp_code = (int)random_below(random, 3) - 1;
		}
	}
}

static struct reference_tuple draw_tuple(struct random *random)
{
	struct reference_tuple tuple = {
		.source = some_address(random),
		.destination = some_address(random),
		.protocol = (unsigned int)some_protocol(random),
	};

	if (tuple.protocol == IPPROTO_ICMP || tuple.protocol == IPPROTO_ICMPV6) {
		tuple.icmp_type = random_below(random, 3);
		tuple.icmp_code = random_below(random, 2);
	} else if (tuple.protocol != IPPROTO_ESP) {
		tuple.source_port = 65525 + random_below(random, 11);
		tuple.destination_port = 65525 + random_below(random, 11);
	}
	return tuple;
}

/* --- first match, said plainly --- */

static bool listed(const struct address_range *ranges, size_t count, bool any,
		   const struct ip_address *address)
{
	for (size_t i = 0; i < count; i++)
		any |= memcmp(address, &ranges[i].first, 16) >= 0 &&
		       memcmp(address, &ranges[i].last, 16) <= 0;
	return any;
}

static bool port_listed(const struct sluice_port_range *ranges, size_t count, unsigned int port,
			bool has_ports)
{
	bool any = !count;

	for (size_t i = 0; i < count; i++)
		any |= has_ports && port >= ranges[i].first && port <= ranges[i].last;
	return any;
}

static bool rule_matches(const struct classifier_rule *rule, const struct reference_tuple *tuple)
{
	bool has_ports = tuple->protocol == IPPROTO_TCP || tuple->protocol == IPPROTO_UDP ||
			 tuple->protocol == IPPROTO_SCTP;

	return (rule->protocol == SLUICE_ANY || rule->protocol == (int)tuple->protocol ||
		(rule->protocol == IPPROTO_ICMP && tuple->protocol == IPPROTO_ICMPV6)) &&
	       (rule->icmp_type == SLUICE_ANY || rule->icmp_type == (int)tuple->icmp_type) &&
	       (rule->icmp_code == SLUICE_ANY || rule->icmp_code == (int)tuple->icmp_code) &&
	       listed(rule->sources, rule->source_count, rule->any_source, &tuple->source) &&
	       listed(rule->destinations, rule->destination_count, rule->any_destination,
		      &tuple->destination) &&
	       port_listed(rule->source_ports, rule->source_port_count, tuple->source_port,
			   has_ports) &&
	       port_listed(rule->destination_ports, rule->destination_port_count,
			   tuple->destination_port, has_ports);
}

static void random_lists_decide_as_first_match_does(void **state)
{
	static struct table_line lines[LINES];
	static struct rules rules;
	unsigned int matched = 0;

	(void)state;
	for (unsigned int seed = 0; seed < 500; seed++) {
		struct random random = { seed };
		struct tables tables = { .lines = lines, .count = LINES };
		enum access miss = random_below(&random, 2);
		__u32 line;

		memset(&lines[0], 0, sizeof(lines[0]));
		draw_rules(&random, &rules);
		assert_int_equal(
			classifier_build(&tables, rules.rule, rules.count, miss, &line, NULL), 0);
		for (int i = 0; i < 100; i++) {
			struct reference_tuple tuple = draw_tuple(&random);
			struct walk_verdict verdict;
			size_t first = 0;

			while (first < rules.count && !rule_matches(&rules.rule[first], &tuple))
				first++;
			walk_classify(lines, line, &tuple, &verdict);
			matched += first < rules.count;
			assert_int_equal(verdict.rule, first < rules.count ? first + 1 : 0);
			assert_int_equal(verdict.access,
					 first < rules.count ? rules.rule[first].access : miss);
		}
		tables_end(&tables);
	}
	assert_true(matched > 10000); /* the comparison is not one of misses */
}

/* The rules as base and overlay: every third is added later, where its order says. */
static void rules_added_to_a_base_decide_in_their_order(void **state)
{
	static struct table_line lines[LINES];
	static struct rules rules;
	static struct classifier_rule base[RULES], overlay[RULES];
	unsigned int added_decides = 0;

	(void)state;
	for (unsigned int seed = 1000; seed < 1300; seed++) {
		struct random random = { seed };
		struct tables tables = { .lines = lines, .count = LINES };
		__u32 line, extended;
		size_t bases = 0, overlays = 0;

		memset(&lines[0], 0, sizeof(lines[0]));
		draw_rules(&random, &rules);
		for (size_t i = 0; i < rules.count; i++)
			if (i % 3 == 2)
				overlay[overlays++] = rules.rule[i];
			else
				base[bases++] = rules.rule[i];
		assert_int_equal(classifier_build(&tables, base, bases, ACCESS_DENY, &line, NULL),
				 0);
		assert_int_equal(
			classifier_extend(&tables, line, overlay, overlays, &extended, NULL), 0);
		for (int i = 0; i < 100; i++) {
			struct reference_tuple tuple = draw_tuple(&random);
			struct walk_verdict verdict;
			size_t decider = 0;

			while (decider < rules.count && !rule_matches(&rules.rule[decider], &tuple))
				decider++;
			walk_classify(lines, extended, &tuple, &verdict);
			assert_int_equal(verdict.rule, decider < rules.count ? decider + 1 : 0);
			added_decides += decider < rules.count && decider % 3 == 2;
		}
		tables_end(&tables);
	}
	assert_true(added_decides > 1000);
}

static void a_list_that_does_not_fit_is_refused_whole(void **state)
{
	static struct table_line lines[64];
	struct tables tables = { .lines = lines, .count = 13 };
	struct address_range ranges[40] = { 0 };
	struct classifier_rule rules[10];
	struct sluice_error error = { 0 };
	__u32 line = 77;

	(void)state;
	for (size_t i = 0; i < 40; i++)
		ranges[i].first = ranges[i].last =
			number_to_address(((address_number)0xffff << 32) + 2 * i);
	for (size_t i = 0; i < 10; i++)
		rules[i] = (struct classifier_rule){ .id = (__u32)i + 1,
						     .order = (__u32)i,
						     .protocol = SLUICE_ANY,
						     .icmp_type = SLUICE_ANY,
						     .icmp_code = SLUICE_ANY,
						     .sources = &ranges[i],
						     .source_count = 30,
						     .any_destination = true };
	assert_int_equal(classifier_build(&tables, rules, 10, ACCESS_DENY, &line, &error), -ENOSPC);
	assert_int_equal(line, 77);
	assert_int_equal(tables.used, 0);
	assert_non_null(strstr(error.message, "no room"));
	assert_int_equal(classifier_build(&tables, rules, 1, ACCESS_DENY, &line, &error), -ENOSPC);
	tables_end(&tables);
	lines[0] = (struct table_line){ 0 };
	tables = (struct tables){ .lines = lines, .count = 13 };
	rules[0].source_count = 1;
	assert_int_equal(classifier_build(&tables, rules, 1, ACCESS_DENY, &line, &error), 0);
	assert_int_equal(line, 1);
	assert_in_range(tables.used, 6, 12);
	tables_end(&tables);
}

/* Sets like those in use and such as are made against classifiers. Steps: a verdict of the worst of
 * them looks at no more lines than there would be in a plain list of boxes. */
static void every_kind_of_rule_set_decides_as_first_match_does(void **state)
{
	enum {
		HEADERS = 300,
		COUNT = 300,
		TABLE = 1 << 20
	};
	static struct reference_tuple headers[HEADERS];
	static size_t match[HEADERS];
	struct table_line *lines = calloc(TABLE, sizeof(*lines));

	(void)state;
	assert_non_null(lines);
	for (int i = 0; i < 2 * RULE_SET_KIND_COUNT; i++) {
		struct tables tables = { .lines = lines, .count = TABLE };
		struct random random = { (uint64_t)i };
		struct rule_set set;
		__u32 line;

		if (i / 2 == RULES_LONG_LISTS) /* seconds; tests/bpf asks it */
			continue;
		lines[0] = (struct table_line){ 0 };
		rule_set_draw(&set, i / 2, i % 2, COUNT, 11);
		rule_set_headers(&set, &random, headers, HEADERS);
		rule_set_match(&set, headers, HEADERS, match);
		assert_int_equal(
			classifier_build(&tables, set.rule, set.count, ACCESS_DENY, &line, NULL),
			0);
		for (int j = 0; j < HEADERS; j++) {
			struct walk_verdict verdict;

			walk_classify(lines, line, &headers[j], &verdict);
			assert_int_equal(verdict.rule,
					 match[j] < set.count ? set.rule[match[j]].id : 0);
			assert_in_range(verdict.steps, 0, COUNT / 2 + 30);
		}
		tables_end(&tables);
		rule_set_free(&set);
	}
	free(lines);
}

/* Lays the rules of sets one behind the other, and asks about headers of each: as first match does, and
 * never so many lines as vectors and their boxes may have. */
static void expect_first_match_of_both(enum rule_set_kind before, enum rule_set_kind after,
				       bool ipv6)
{
	enum {
		HEADERS = 300,
		COUNT = 2000,
		TABLE = 1 << 20
	};
	static struct reference_tuple headers[2 * HEADERS];
	static size_t match[2][2 * HEADERS];
	static struct classifier_rule rules[2 * COUNT];
	struct table_line *lines = calloc(TABLE, sizeof(*lines));
	struct tables tables = { .lines = lines, .count = TABLE };
	const struct classifier_view *view;
	enum rule_set_kind kinds[2] = { before, after };
	struct rule_set set[2];
	bool vectors = false;
	__u32 line;

	assert_non_null(lines);
	for (int i = 0; i < 2; i++) {
		struct random random = { (uint64_t)i };

		rule_set_draw(&set[i], kinds[i], ipv6, COUNT, 7);
		rule_set_headers(&set[i], &random, headers + i * HEADERS, HEADERS);
		for (size_t j = 0; j < COUNT; j++) {
			struct classifier_rule *rule = &rules[i * COUNT + j];

			*rule = set[i].rule[j];
			rule->order = rule->id = (__u32)(i * COUNT + j) + 1;
		}
	}
	for (int i = 0; i < 2; i++)
		rule_set_match(&set[i], headers, 2 * HEADERS, match[i]);
	assert_int_equal(classifier_build(&tables, rules, 2 * COUNT, ACCESS_DENY, &line, NULL), 0);
	view = (const void *)&lines[line + 1 + (ipv6 ? FAMILY_IPV6 : FAMILY_IPV4)];
	for (__u32 i = 0; i < view->part_count; i++)
		vectors |= view->part[i].root & PART_VECTORS;
	assert_true(vectors);
	for (int i = 0; i < 2 * HEADERS; i++) {
		size_t first = match[0][i] < COUNT ? match[0][i] : COUNT + match[1][i];
		struct walk_verdict verdict;

		walk_classify(lines, line, &headers[i], &verdict);
		assert_int_equal(verdict.rule, first < 2 * COUNT ? first + 1 : 0);
		assert_in_range(verdict.steps, 0, 2 * (VECTOR_WORDS + CLASSIFIER_CANDIDATES));
	}
	tables_end(&tables);
	for (int i = 0; i < 2; i++)
		rule_set_free(&set[i]);
	free(lines);
}

static void rules_that_cross_are_bit_vectors_and_decide_as_first_match_does(void **state)
{
	(void)state;
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		expect_first_match_of_both(RULES_NESTED_ALL, RULES_COVERED, ipv6);
		expect_first_match_of_both(RULES_ACL, RULES_PORT_LISTS, ipv6);
		expect_first_match_of_both(RULES_PORT_LISTS, RULES_FW, ipv6);
		expect_first_match_of_both(RULES_NESTED_ALL, RULES_IPC, ipv6);
	}
}

static void rules_behind_one_that_matches_everything_take_no_room(void **state)
{
	static struct classifier_rule rules[5000];
	static struct table_line lines[LINES];
	struct tables tables = { .lines = lines, .count = LINES };
	struct reference_tuple tuple = { .protocol = IPPROTO_TCP };
	struct walk_verdict verdict;
	__u32 line;

	(void)state;
	for (size_t i = 0; i < 5000; i++)
		rules[i] = (struct classifier_rule){ .id = (__u32)i + 1,
						     .order = (__u32)i,
						     .protocol = SLUICE_ANY,
						     .icmp_type = SLUICE_ANY,
						     .icmp_code = SLUICE_ANY,
						     .any_source = true,
						     .any_destination = true };
	lines[0] = (struct table_line){ 0 };
	assert_int_equal(classifier_build(&tables, rules, 5000, ACCESS_DENY, &line, NULL), 0);
	walk_classify(lines, line, &tuple, &verdict);
	assert_int_equal(verdict.rule, 1);
	tables_end(&tables);
}

static void an_empty_list_of_sources_matches_nothing(void **state)
{
	static struct table_line lines[64];
	struct tables tables = { .lines = lines, .count = 64 };
	struct classifier_rule rules[] = {
		{ .id = 1,
		  .access = ACCESS_ALLOW,
		  .protocol = SLUICE_ANY,
		  .icmp_type = SLUICE_ANY,
		  .icmp_code = SLUICE_ANY,
		  .any_destination = true },
		{ .id = 2,
		  .access = ACCESS_ALLOW,
		  .protocol = SLUICE_ANY,
		  .icmp_type = SLUICE_ANY,
		  .icmp_code = SLUICE_ANY,
		  .any_source = true,
		  .any_destination = true },
	};
	struct reference_tuple tuple = { .protocol = IPPROTO_TCP };
	struct walk_verdict verdict;
	__u32 line;

	(void)state;
	assert_int_equal(classifier_build(&tables, rules, 2, ACCESS_DENY, &line, NULL), 0);
	walk_classify(lines, line, &tuple, &verdict);
	assert_int_equal(verdict.rule, 2);
	tables_end(&tables);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_lists_decide_as_first_match_does),
		cmocka_unit_test(rules_added_to_a_base_decide_in_their_order),
		cmocka_unit_test(a_list_that_does_not_fit_is_refused_whole),
		cmocka_unit_test(every_kind_of_rule_set_decides_as_first_match_does),
		cmocka_unit_test(rules_that_cross_are_bit_vectors_and_decide_as_first_match_does),
		cmocka_unit_test(rules_behind_one_that_matches_everything_take_no_room),
		cmocka_unit_test(an_empty_list_of_sources_matches_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
