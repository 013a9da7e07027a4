/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule sets made against classifiers; see rule_set.h. Each takes what one family of structures
 * lives on (few tuples, flat prefixes, cuts that separate, lists that are short) and denies it.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/rule_set.h"

#define TOP        0xffffffffU
#define PORTS      65536
#define TAG_LENGTH 4000
/* Entries in all lists of their own that a set has on one side. */
#define OWN_ENTRIES 400000

/* The part of `whole` that step `i` of `count` begins at. */
static uint32_t part(uint64_t whole, size_t i, size_t count)
{
	return (uint32_t)(whole * i / count);
}

/* --- tuple space explosion --- */

struct tuple_rule {
	unsigned int length[4]; /* of both addresses' and both ports' masks */
};

static int compare_tuple_rule(const void *a, const void *b)
{
	const struct tuple_rule *left = a, *right = b;
	unsigned int x = 0, y = 0;

	for (int i = 0; i < 4; i++) {
		x += left->length[i];
		y += right->length[i];
	}
	return x != y ? (x < y ? 1 : -1) : memcmp(left, right, sizeof(*left));
}

static void set_ports(struct rule_set *set, struct classifier_rule *rule, bool source,
		      unsigned int first, unsigned int last)
{
	if (source)
		rule_set_source_ports(set, rule, first, last);
	else
		rule_set_destination_ports(set, rule, first, last);
}

/* All 33 x 33 pairs of address masks, and the 17 x 17 of port masks beside them, longest first, so
 * that none hides many others. */
static void draw_tuples(struct rule_set *set, struct random *random)
{
	struct tuple_rule *tuples = calloc(set->count + 1, sizeof(*tuples));

	if (!tuples)
		abort();
	for (size_t i = 0; i < set->count; i++)
		tuples[i] =
			(struct tuple_rule){ { (unsigned int)(i % 33), (unsigned int)(i / 33 % 33),
					       (unsigned int)((i / 1089 + i) % 17),
					       (unsigned int)((i / 1089 / 17 + i / 7) % 17) } };
	qsort(tuples, set->count, sizeof(*tuples), compare_tuple_rule);
	for (size_t i = 0; i < set->count; i++) {
		struct classifier_rule *rule = &set->rule[i];
		unsigned int *length = tuples[i].length;

		rule_set_source(set, rule,
				rule_set_prefix(set, (uint32_t)random_next(random), length[0]));
		rule_set_destination(
			set, rule, rule_set_prefix(set, (uint32_t)random_next(random), length[1]));
		for (int side = 0; side < 2; side++) {
			unsigned int width = 1U << (16 - length[2 + side]);
			unsigned int first = random_below(random, PORTS / width) * width;

			if (width < PORTS)
				set_ports(set, rule, side == 0, first, first + width - 1);
		}
		rule->protocol = i % 2 ? IPPROTO_TCP : IPPROTO_UDP;
	}
	free(tuples);
}

/* --- one range inside the next --- */

/* The innermost first: each rule decides the ring between it and the one before. */
static struct address_range ring(const struct rule_set *set, size_t i)
{
	uint32_t reach = part(0x70000000, i + 1, set->count);

	return rule_set_range(set, 0x80000000U - reach, 0x80000000U + reach);
}

static void draw_nested(struct rule_set *set, bool source, bool destination, bool ports)
{
	for (size_t i = 0; i < set->count; i++) {
		struct classifier_rule *rule = &set->rule[i];
		unsigned int reach = part(PORTS / 2 - 1, i + 1, set->count);

		if (source)
			rule_set_source(set, rule, ring(set, i));
		if (destination)
			rule_set_destination(set, rule, ring(set, i));
		if (ports) {
			rule->protocol = IPPROTO_TCP;
			rule_set_source_ports(set, rule, PORTS / 2 - reach, PORTS / 2 + reach);
			rule_set_destination_ports(set, rule, PORTS / 2 - reach, PORTS / 2 + reach);
		}
	}
}

/* --- stripes that cross --- */

/* Where two fields are named by different rules, each stripe of one crosses all of the other.
 * Stripes take up half of their field together, so that many headers are in none. */
static void draw_stripes(struct rule_set *set, unsigned int fields, struct random *random)
{
	for (size_t i = 0; i < set->count; i++) {
		struct classifier_rule *rule = &set->rule[i];
		uint32_t width = part((uint64_t)TOP * fields, 1, 2 * set->count + fields);
		uint32_t first = (uint32_t)random_next(random) % (TOP - width);

		switch (i % fields) {
		case 0:
			rule_set_source(set, rule, rule_set_range(set, first, first + width));
			break;
		case 1:
			rule_set_destination(set, rule, rule_set_range(set, first, first + width));
			break;
		default:
			set_ports(set, rule, i % fields == 3, first >> 16, (first + width) >> 16);
		}
	}
}

/* --- boxes --- */

static void two_of(uint64_t whole, struct random *random, uint32_t *low, uint32_t *high)
{
	uint32_t a = (uint32_t)(random_next(random) % whole);
	uint32_t b = (uint32_t)(random_next(random) % whole);

	*low = a < b ? a : b;
	*high = a < b ? b : a;
}

static void draw_boxes(struct rule_set *set, struct random *random)
{
	for (size_t i = 0; i < set->count; i++) {
		struct classifier_rule *rule = &set->rule[i];
		uint32_t low, high;

		two_of(1ULL << 32, random, &low, &high);
		rule_set_source(set, rule, rule_set_range(set, low, high));
		two_of(1ULL << 32, random, &low, &high);
		rule_set_destination(set, rule, rule_set_range(set, low, high));
		two_of(PORTS, random, &low, &high);
		rule_set_source_ports(set, rule, low, high);
		two_of(PORTS, random, &low, &high);
		rule_set_destination_ports(set, rule, low, high);
		rule->protocol = random_chance(random, 50) ? SLUICE_ANY : IPPROTO_TCP;
	}
}

/* Every rule holds the middle in three fields and ends just before it in the fourth; the last rule
 * takes what is left. */
static void draw_covered(struct rule_set *set, struct random *random)
{
	const uint32_t middle = 0x80000000U;

	for (size_t i = 0; i + 1 < set->count; i++) {
		struct classifier_rule *rule = &set->rule[i];
		uint32_t low[4], high[4];

		for (unsigned int field = 0; field < 4; field++) {
			low[field] = (uint32_t)random_next(random) % middle;
			high[field] = middle + (uint32_t)random_next(random) % middle;
		}
		high[i % 4] = middle - 0x10000 - part(0x40000000, i, set->count);
		if (low[i % 4] > high[i % 4])
			low[i % 4] = high[i % 4] / 2;
		rule_set_source(set, rule, rule_set_range(set, low[0], high[0]));
		rule_set_destination(set, rule, rule_set_range(set, low[1], high[1]));
		rule_set_source_ports(set, rule, low[2] >> 16, high[2] >> 16);
		rule_set_destination_ports(set, rule, low[3] >> 16, high[3] >> 16);
	}
}

/* --- lists --- */

/* A normal list of about `length` prefixes. */
static size_t draw_list(struct rule_set *set, size_t length, const struct address_range **list,
			struct random *random)
{
	struct ranges ranges = { 0 };
	struct address_range *kept;
	size_t count;

	for (size_t i = 0; i < length; i++) {
		struct address_range range = rule_set_prefix(set, (uint32_t)random_next(random),
							     20 + random_below(random, 13));

		if (ranges_add(&ranges, &range))
			abort();
	}
	ranges_normalize(&ranges);
	count = ranges.count;
	kept = rule_set_take(set, count * sizeof(*kept));
	memcpy(kept, ranges.range, count * sizeof(*kept));
	ranges_free(&ranges);
	*list = kept;
	return count;
}

static void use_list(const struct rule_set *set, struct classifier_rule *rule, bool source,
		     size_t list)
{
	if (source) {
		rule->any_source = false;
		rule->sources = set->list[list];
		rule->source_count = set->list_length[list];
	} else {
		rule->any_destination = false;
		rule->destinations = set->list[list];
		rule->destination_count = set->list_length[list];
	}
}

static void draw_tags(struct rule_set *set, size_t tags, struct random *random)
{
	for (size_t i = 0; i < tags; i++)
		set->list_length[i] = draw_list(set, TAG_LENGTH, &set->list[i], random);
	set->list_count = tags;
	for (size_t i = 0; i < set->count; i++) {
		struct classifier_rule *rule = &set->rule[i];
		unsigned int port = part(PORTS, i, set->count);

		use_list(set, rule, true, i % tags);
		if (tags > 1)
			use_list(set, rule, false, i / tags % tags);
		rule->protocol = i % 2 ? IPPROTO_TCP : IPPROTO_UDP;
		rule_set_destination_ports(set, rule, port, port);
	}
}

static void draw_long_lists(struct rule_set *set, struct random *random)
{
	size_t length = OWN_ENTRIES / (set->count + 1);

	length = length > TAG_LENGTH ? TAG_LENGTH : length;
	for (size_t i = 0; i < set->count; i++) {
		struct classifier_rule *rule = &set->rule[i];

		rule->any_source = rule->any_destination = false;
		rule->source_count = draw_list(set, length, &rule->sources, random);
		rule->destination_count = draw_list(set, length, &rule->destinations, random);
	}
}

static const struct sluice_port_range *draw_port_list(struct rule_set *set, size_t count,
						      struct random *random)
{
	struct sluice_port_range *list = rule_set_take(set, count * sizeof(*list));

	for (size_t i = 0; i < count; i++) {
		list[i].first = (__u16)random_below(random, PORTS);
		list[i].last = (__u16)(list[i].first + random_below(random, 64));
		if (list[i].last < list[i].first)
			list[i].last = 65535;
	}
	return list;
}

static void draw_port_lists(struct rule_set *set, struct random *random)
{
	for (size_t i = 0; i < set->count; i++) {
		struct classifier_rule *rule = &set->rule[i];

		rule->protocol = IPPROTO_TCP;
		rule->source_port_count = rule->destination_port_count = 30;
		rule->source_ports = draw_port_list(set, 30, random);
		rule->destination_ports = draw_port_list(set, 30, random);
	}
}

static void draw_icmp(struct rule_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		set->rule[i].protocol = IPPROTO_ICMP;
		set->rule[i].icmp_type = (int)(i % 256);
		set->rule[i].icmp_code = (int)(i / 256 % 256);
		if (i % 1000 == 999) /* every code of a type */
			set->rule[i].icmp_code = SLUICE_ANY;
	}
}

void rule_set_draw_hostile(struct rule_set *set, struct random *random)
{
	switch (set->kind) {
	case RULES_TUPLES:
		return draw_tuples(set, random);
	case RULES_NESTED_SOURCE:
		return draw_nested(set, true, false, false);
	case RULES_NESTED_DESTINATION:
		return draw_nested(set, false, true, false);
	case RULES_NESTED_PORTS:
		return draw_nested(set, false, false, true);
	case RULES_NESTED_ALL:
		return draw_nested(set, true, true, true);
	case RULES_STRIPES_2:
	case RULES_STRIPES_3:
	case RULES_STRIPES_4:
		return draw_stripes(set, 2 + (unsigned int)(set->kind - RULES_STRIPES_2), random);
	case RULES_BOXES:
		return draw_boxes(set, random);
	case RULES_COVERED:
		return draw_covered(set, random);
	case RULES_ONE_TAG:
		return draw_tags(set, 1, random);
	case RULES_MANY_TAGS:
		return draw_tags(set, RULE_LISTS_MAX, random);
	case RULES_LONG_LISTS:
		return draw_long_lists(set, random);
	case RULES_PORT_LISTS:
		return draw_port_lists(set, random);
	default:
		return draw_icmp(set);
	}
}
