/* SPDX-License-Identifier: BSD-2-Clause */
/* What all kinds of rule sets are made of; see rule_set.h. */
#include "tests/harness/rule_set.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK (1U << 20)
/* Between two rules others can be added. */
#define ORDER_GAP 1024

struct rule_set_memory {
	struct rule_set_memory *next;
	size_t used;
	size_t room;
	unsigned char bytes[] __attribute__((aligned(16)));
};

const char *const rule_set_names[RULE_SET_KIND_COUNT] = {
#define RULE_SET_NAME(identifier, name, most, what) [RULES_##identifier] = name,
	RULE_SET_KINDS(RULE_SET_NAME)
#undef RULE_SET_NAME
};

static const size_t most_rules[RULE_SET_KIND_COUNT] = {
#define RULE_SET_MOST(identifier, name, most, what) [RULES_##identifier] = most,
	RULE_SET_KINDS(RULE_SET_MOST)
#undef RULE_SET_MOST
};

enum rule_set_kind rule_set_kind_named(const char *name)
{
	int kind = 0;

	while (kind < RULE_SET_KIND_COUNT && strcmp(rule_set_names[kind], name))
		kind++;
	return (enum rule_set_kind)kind;
}

size_t rule_set_size(enum rule_set_kind kind, size_t count)
{
	return most_rules[kind] && count > most_rules[kind] ? most_rules[kind] : count;
}

size_t rule_set_laid_size(enum rule_set_kind kind)
{
	switch (kind) {
	case RULES_NESTED_ALL:
	case RULES_COVERED:
	case RULES_BOXES:
		return 4000; /* six times as many fit, but are long in compiling and asking */
	case RULES_PORT_LISTS:
		return 400; /* all fit, but cost more */
	default:
		return rule_set_size(kind, 10000);
	}
}

void *rule_set_take(struct rule_set *set, size_t bytes)
{
	struct rule_set_memory *memory = set->memory;

	bytes = (bytes + 15) & ~(size_t)15;
	if (!memory || bytes > memory->room - memory->used) {
		size_t room = bytes > BLOCK ? bytes : BLOCK;

		memory = calloc(1, sizeof(*memory) + room);
		if (!memory) {
			fprintf(stderr, "no memory for a set of rules\n");
			abort();
		}
		memory->room = room;
		memory->next = set->memory;
		set->memory = memory;
	}
	memory->used += bytes;
	return memory->bytes + memory->used - bytes;
}

void rule_set_free(struct rule_set *set)
{
	while (set->memory) {
		struct rule_set_memory *next = set->memory->next;

		free(set->memory);
		set->memory = next;
	}
	*set = (struct rule_set){ 0 };
}

/* --- addresses --- */

/* The length of an IPv6 prefix that stands for an IPv4 prefix of the length of its index: /16 is
 * like a /32, /24 like a /48, the hosts' bits are the last ones. */
static const unsigned char spread_length[33] = { 0,  4,  5,  6,  7,  8,  9,  10, 11,  13,  16,
						 19, 21, 24, 27, 29, 32, 34, 36, 38,  40,  42,
						 44, 46, 48, 50, 52, 56, 60, 64, 112, 126, 128 };

/* Bits that stand between the bits of a place: always the same behind the same bits. */
static address_number filling(uint32_t before, unsigned int length)
{
	struct random random = { (uint64_t)before << 8 | length };

	return (address_number)random_next(&random) << 64 | random_next(&random);
}

static address_number spread(uint32_t place, unsigned int length)
{
	address_number address = 0;

	for (unsigned int i = 0; i < length; i++) {
		uint32_t before = i ? place >> (32 - i) << (32 - i) : 0;
		unsigned int bits = spread_length[i + 1] - spread_length[i];
		address_number fill = i ? filling(before, i) : 2; /* 2000::/3 */

		fill = (fill & ~(address_number)1) | (place >> (31 - i) & 1);
		fill &= ((address_number)1 << bits) - 1;
		address |= fill << (128 - spread_length[i + 1]);
	}
	return address;
}

address_number rule_set_address(const struct rule_set *set, uint32_t place, unsigned int length)
{
	if (set->ipv6)
		return spread(place, length);
	return (address_number)0xffff << 32 |
	       (length ? place >> (32 - length) << (32 - length) : 0);
}

struct address_range rule_set_prefix(const struct rule_set *set, uint32_t place,
				     unsigned int length)
{
	unsigned int bits = set->ipv6 ? spread_length[length] : 96 + length;
	address_number low = rule_set_address(set, place, length);
	address_number hosts = bits ? ((address_number)1 << (128 - bits)) - 1 : ~(address_number)0;

	return (struct address_range){ number_to_address(low), number_to_address(low | hosts) };
}

struct address_range rule_set_range(const struct rule_set *set, uint32_t first, uint32_t last)
{
	return (struct address_range){ number_to_address(rule_set_address(set, first, 32)),
				       number_to_address(rule_set_address(set, last, 32)) };
}

/* --- fields of a rule --- */

static const struct address_range *keep_range(struct rule_set *set, struct address_range range)
{
	struct address_range *kept = rule_set_take(set, sizeof(*kept));

	*kept = range;
	return kept;
}

void rule_set_source(struct rule_set *set, struct classifier_rule *rule, struct address_range range)
{
	rule->any_source = false;
	rule->sources = keep_range(set, range);
	rule->source_count = 1;
}

void rule_set_destination(struct rule_set *set, struct classifier_rule *rule,
			  struct address_range range)
{
	rule->any_destination = false;
	rule->destinations = keep_range(set, range);
	rule->destination_count = 1;
}

static const struct sluice_port_range *keep_ports(struct rule_set *set, unsigned int first,
						  unsigned int last)
{
	struct sluice_port_range *kept = rule_set_take(set, sizeof(*kept));

	*kept = (struct sluice_port_range){ (__u16)first, (__u16)last };
	return kept;
}

void rule_set_source_ports(struct rule_set *set, struct classifier_rule *rule, unsigned int first,
			   unsigned int last)
{
	rule->source_ports = keep_ports(set, first, last);
	rule->source_port_count = 1;
}

void rule_set_destination_ports(struct rule_set *set, struct classifier_rule *rule,
				unsigned int first, unsigned int last)
{
	rule->destination_ports = keep_ports(set, first, last);
	rule->destination_port_count = 1;
}

void rule_set_draw(struct rule_set *set, enum rule_set_kind kind, bool ipv6, size_t count,
		   uint64_t seed)
{
	struct random random = { seed ^ (uint64_t)kind << 56 };

	*set = (struct rule_set){
		.kind = kind, .ipv6 = ipv6, .seed = seed, .count = rule_set_size(kind, count)
	};
	set->rule = rule_set_take(set, (set->count + 1) * sizeof(*set->rule));
	for (size_t i = 0; i < set->count; i++)
		set->rule[i] = (struct classifier_rule){
			.access = random_below(&random, 2),
			.protocol = SLUICE_ANY,
			.icmp_type = SLUICE_ANY,
			.icmp_code = SLUICE_ANY,
			.any_source = true,
			.any_destination = true,
		};
	if (kind < RULES_FIRST_HOSTILE)
		rule_set_draw_like(set, &random);
	else
		rule_set_draw_hostile(set, &random);
	for (size_t i = 0; i < set->count; i++) {
		set->rule[i].id = (__u32)i + 1;
		set->rule[i].order = ((__u32)i + 1) * ORDER_GAP;
	}
}
