/* SPDX-License-Identifier: BSD-2-Clause */
/* Headers to ask a rule set about, and the answers by first match; see rule_set.h. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/rule_set.h"

static bool has_ports(unsigned int protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

static bool is_icmp(unsigned int protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

/* --- drawing --- */

/* low, high, or something between. */
static address_number inside(address_number low, address_number high, struct random *random)
{
	address_number anywhere;

	switch (random_below(random, 4)) {
	case 0:
		return low;
	case 1:
		return high;
	default:
		anywhere = (address_number)random_next(random) << 64 | random_next(random);
		return high - low + 1 ? low + anywhere % (high - low + 1) : anywhere;
	}
}

static address_number any_address(const struct rule_set *set, struct random *random)
{
	return rule_set_address(set, (uint32_t)random_next(random), 32);
}

static address_number listed_address(const struct rule_set *set, bool any,
				     const struct address_range *ranges, size_t count,
				     struct random *random)
{
	const struct address_range *range;

	if (any || !count)
		return any_address(set, random);
	range = &ranges[random_below(random, (unsigned int)count)];
	return inside(address_to_number(&range->first), address_to_number(&range->last), random);
}

static unsigned int listed_port(const struct sluice_port_range *ranges, size_t count,
				struct random *random)
{
	const struct sluice_port_range *range;

	if (!count)
		return random_below(random, 65536);
	range = &ranges[random_below(random, (unsigned int)count)];
	return (unsigned int)inside(range->first, range->last, random);
}

static unsigned int some_protocol(const struct rule_set *set, bool ports, struct random *random)
{
	unsigned int drawn = random_below(random, 100);

	if (drawn < 60)
		return IPPROTO_TCP;
	if (drawn < 85 || ports)
		return drawn < 97 ? IPPROTO_UDP : IPPROTO_SCTP;
	if (drawn < 95)
		return set->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	return random_below(random, 256);
}

/* What a header of its protocol can not have is zero. */
static void settle(struct reference_tuple *tuple)
{
	if (!has_ports(tuple->protocol))
		tuple->source_port = tuple->destination_port = 0;
	if (!is_icmp(tuple->protocol))
		tuple->icmp_type = tuple->icmp_code = 0;
}

static void draw_anywhere(const struct rule_set *set, struct random *random,
			  struct reference_tuple *tuple)
{
	*tuple = (struct reference_tuple){
		.source = number_to_address(any_address(set, random)),
		.destination = number_to_address(any_address(set, random)),
		.protocol = some_protocol(set, false, random),
		.source_port = random_below(random, 65536),
		.destination_port = random_below(random, 65536),
		.icmp_type = random_below(random, 256),
		.icmp_code = random_below(random, 256),
	};
	settle(tuple);
}

/* One step aside in one field: by rights the header is just outside then. */
static void nudge(struct reference_tuple *tuple, address_number *source,
		  address_number *destination, struct random *random)
{
	unsigned int step = random_chance(random, 50) ? 1 : 0xffff;

	switch (random_below(random, 4)) {
	case 0:
		*source += step == 1 ? 1 : (address_number)-1;
		break;
	case 1:
		*destination += step == 1 ? 1 : (address_number)-1;
		break;
	case 2:
		tuple->source_port = (tuple->source_port + step) & 0xffff;
		break;
	default:
		tuple->destination_port = (tuple->destination_port + step) & 0xffff;
	}
}

/* An address that is still one of the set's family. */
static address_number kept_in_family(const struct rule_set *set, address_number address)
{
	return set->ipv6 ? address : (address_number)0xffff << 32 | (uint32_t)address;
}

static void draw_at_rule(const struct rule_set *set, const struct classifier_rule *rule,
			 struct random *random, struct reference_tuple *tuple)
{
	address_number source =
		listed_address(set, rule->any_source, rule->sources, rule->source_count, random);
	address_number destination = listed_address(set, rule->any_destination, rule->destinations,
						    rule->destination_count, random);
	bool ports = rule->source_port_count || rule->destination_port_count;

	*tuple = (struct reference_tuple){
		.protocol = rule->protocol == SLUICE_ANY ? some_protocol(set, ports, random)
							 : (unsigned int)rule->protocol,
		.source_port = listed_port(rule->source_ports, rule->source_port_count, random),
		.destination_port =
			listed_port(rule->destination_ports, rule->destination_port_count, random),
		.icmp_type = rule->icmp_type == SLUICE_ANY ? random_below(random, 256)
							   : (unsigned int)rule->icmp_type,
		.icmp_code = rule->icmp_code == SLUICE_ANY ? random_below(random, 256)
							   : (unsigned int)rule->icmp_code,
	};
	if (set->ipv6 && tuple->protocol == IPPROTO_ICMP)
		tuple->protocol = IPPROTO_ICMPV6;
	if (random_chance(random, 15))
		nudge(tuple, &source, &destination, random);
	tuple->source = number_to_address(kept_in_family(set, source));
	tuple->destination = number_to_address(kept_in_family(set, destination));
	settle(tuple);
}

void rule_set_headers(const struct rule_set *set, struct random *random,
		      struct reference_tuple *headers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t late = set->count / 10 + 1;
		size_t rule = random_below(random, (unsigned int)set->count);

		if (!set->count || random_chance(random, 10)) {
			draw_anywhere(set, random, &headers[i]);
			continue;
		}
		if (random_chance(random, 50) && late < set->count)
			rule = set->count - 1 - rule % late;
		draw_at_rule(set, &set->rule[rule], random, &headers[i]);
	}
}

void rule_set_trace(const struct rule_set *set, struct random *random,
		    struct reference_tuple *headers, size_t count)
{
	for (size_t i = 0; i < count;) {
		/* A tail like that of a Pareto distribution: most bursts are short. */
		size_t burst = 1 + 64 / (1 + random_below(random, 256));

		rule_set_headers(set, random, &headers[i], 1);
		for (size_t k = 1; k < burst && i + k < count; k++)
			headers[i + k] = headers[i];
		i += burst;
	}
}

/* --- first match --- */

static bool listed(const struct address_range *ranges, size_t count, bool any,
		   const struct ip_address *address)
{
	for (size_t i = 0; i < count && !any; i++)
		any = memcmp(address, &ranges[i].first, 16) >= 0 &&
		      memcmp(address, &ranges[i].last, 16) <= 0;
	return any;
}

static bool port_listed(const struct sluice_port_range *ranges, size_t count, unsigned int port)
{
	bool any = !count;

	for (size_t i = 0; i < count && !any; i++)
		any = port >= ranges[i].first && port <= ranges[i].last;
	return any;
}

bool rule_set_rule_matches(const struct classifier_rule *rule, const struct reference_tuple *tuple)
{
	if (rule->protocol != SLUICE_ANY && rule->protocol != (int)tuple->protocol &&
	    !(rule->protocol == IPPROTO_ICMP && tuple->protocol == IPPROTO_ICMPV6))
		return false;
	if ((rule->source_port_count || rule->destination_port_count) &&
	    !has_ports(tuple->protocol))
		return false;
	if ((rule->icmp_type != SLUICE_ANY || rule->icmp_code != SLUICE_ANY) &&
	    !is_icmp(tuple->protocol))
		return false;
	return (rule->icmp_type == SLUICE_ANY || rule->icmp_type == (int)tuple->icmp_type) &&
	       (rule->icmp_code == SLUICE_ANY || rule->icmp_code == (int)tuple->icmp_code) &&
	       port_listed(rule->source_ports, rule->source_port_count, tuple->source_port) &&
	       port_listed(rule->destination_ports, rule->destination_port_count,
			   tuple->destination_port) &&
	       listed(rule->sources, rule->source_count, rule->any_source, &tuple->source) &&
	       listed(rule->destinations, rule->destination_count, rule->any_destination,
		      &tuple->destination);
}

/* The outermost addresses of a rule, beside each other in memory: most rules are out of the question
 * by these alone, and a hundred thousand rules are asked about thousands of headers. */
struct bounds {
	address_number low[2];
	address_number high[2];
	unsigned int list[2]; /* which of the set's lists it is, or RULE_LISTS_MAX */
};

/* A header's addresses, and which of the set's lists they are in, looked up once for all rules. */
struct sides {
	address_number address[2];
	uint64_t in_list[2];
};

static unsigned int list_number(const struct rule_set *set, const struct address_range *ranges)
{
	for (unsigned int list = 0; list < set->list_count; list++)
		if (set->list[list] == ranges)
			return list;
	return RULE_LISTS_MAX;
}

static void bound(const struct rule_set *set, const struct classifier_rule *rule, int side,
		  struct bounds *bounds)
{
	const struct address_range *ranges = side ? rule->destinations : rule->sources;
	size_t count = side ? rule->destination_count : rule->source_count;
	bool any = side ? rule->any_destination : rule->any_source;

	bounds->list[side] = any ? RULE_LISTS_MAX : list_number(set, ranges);
	bounds->low[side] = any ? 0 : ~(address_number)0;
	bounds->high[side] = any ? ~(address_number)0 : 0;
	for (size_t i = 0; i < count && !any; i++) {
		address_number first = address_to_number(&ranges[i].first);
		address_number last = address_to_number(&ranges[i].last);

		bounds->low[side] = first < bounds->low[side] ? first : bounds->low[side];
		bounds->high[side] = last > bounds->high[side] ? last : bounds->high[side];
	}
}

static struct sides look_up_sides(const struct rule_set *set, const struct reference_tuple *header)
{
	struct sides sides = { { address_to_number(&header->source),
				 address_to_number(&header->destination) },
			       { 0, 0 } };

	for (size_t list = 0; list < set->list_count; list++)
		for (int side = 0; side < 2; side++)
			sides.in_list[side] |=
				(uint64_t)listed(set->list[list], set->list_length[list], false,
						 side ? &header->destination : &header->source)
				<< list;
	return sides;
}

static bool may_match(const struct bounds *bounds, const struct sides *sides)
{
	for (int side = 0; side < 2; side++) {
		if (sides->address[side] < bounds->low[side] ||
		    sides->address[side] > bounds->high[side])
			return false;
		if (bounds->list[side] < RULE_LISTS_MAX &&
		    !(sides->in_list[side] >> bounds->list[side] & 1))
			return false;
	}
	return true;
}

#define BOUNDS 256 /* rules that are gone through with all headers before the next ones */

void rule_set_match(const struct rule_set *set, const struct reference_tuple *headers, size_t count,
		    size_t *match)
{
	struct sides *sides = calloc(count + 1, sizeof(*sides));
	struct bounds bounds[BOUNDS];

	if (!sides)
		abort();
	for (size_t i = 0; i < count; i++) {
		match[i] = set->count;
		sides[i] = look_up_sides(set, &headers[i]);
	}
	for (size_t from = 0; from < set->count; from += BOUNDS) {
		size_t rules = set->count - from < BOUNDS ? set->count - from : BOUNDS;

		for (size_t k = 0; k < rules; k++)
			for (int side = 0; side < 2; side++)
				bound(set, &set->rule[from + k], side, &bounds[k]);
		for (size_t i = 0; i < count; i++)
			for (size_t k = 0; k < rules && match[i] == set->count; k++)
				if (may_match(&bounds[k], &sides[i]) &&
				    rule_set_rule_matches(&set->rule[from + k], &headers[i]))
					match[i] = from + k;
	}
	free(sides);
}
