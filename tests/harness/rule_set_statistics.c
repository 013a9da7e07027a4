/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts in rule sets; see rule_set_statistics.h. */
#include "tests/harness/rule_set_statistics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

const char *const rule_set_statistic_names[RULE_SET_STATISTIC_COUNT] = {
#define RULE_SET_STATISTIC_NAME(identifier, name) [STATISTIC_##identifier] = name,
	RULE_SET_STATISTICS(RULE_SET_STATISTIC_NAME)
#undef RULE_SET_STATISTIC_NAME
};

/* A rule in numbers; compares as bytes. */
struct counted {
	uint32_t place[2];
	uint32_t length[2];
	uint32_t ports[2]; /* first << 16 | last */
	int protocol;
};

static void count_side(bool any, const struct address_range *range, uint32_t *place,
		       uint32_t *length)
{
	uint32_t last;

	*place = *length = 0;
	if (any)
		return;
	*place = ntohl(range->first.words[3]);
	last = ntohl(range->last.words[3]);
	*length = last == *place ? 32 : (uint32_t)__builtin_clz(*place ^ last);
}

static uint32_t count_ports(const struct sluice_port_range *ports, size_t count)
{
	return count ? (uint32_t)ports->first << 16 | ports->last : 65535;
}

static int compare_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct counted));
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorts, and keeps one of each. */
static size_t distinct(uint64_t *numbers, size_t count)
{
	size_t kept = 0;

	qsort(numbers, count, sizeof(*numbers), compare_numbers);
	for (size_t i = 0; i < count; i++)
		if (!kept || numbers[i] != numbers[kept - 1])
			numbers[kept++] = numbers[i];
	return kept;
}

/* Place and length in one number, ordered as the prefixes begin, the shorter first. */
static uint64_t prefix_number(uint32_t place, uint32_t length)
{
	return (uint64_t)place << 8 | length;
}

static size_t nested(const uint64_t *prefixes, size_t count)
{
	uint64_t covered = 0; /* the first address behind every block so far */
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t place = prefixes[i] >> 8, length = prefixes[i] & 0xff;

		if (length < 9)
			continue;
		if (place < covered)
			found++;
		else
			covered = place + (1ULL << (32 - length));
	}
	return found;
}

static size_t different_parts(const uint64_t *prefixes, size_t count, unsigned int length,
			      uint64_t *parts)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if ((prefixes[i] & 0xff) >= length)
			parts[kept++] = prefixes[i] >> 8 >> (32 - length);
	return distinct(parts, kept);
}

static void count_prefixes(const struct counted *rules, size_t count, int side, double *share)
{
	uint64_t *prefixes = calloc(count + 1, sizeof(*prefixes));
	uint64_t *parts = calloc(count + 1, sizeof(*parts));
	size_t different;

	if (!prefixes || !parts)
		abort();
	for (size_t i = 0; i < count; i++) {
		uint32_t length = rules[i].length[side];

		prefixes[i] = prefix_number(rules[i].place[side], length);
		share[length == 0   ? 0
		      : length < 9  ? 1
		      : length < 30 ? 2
				    : 3] += 1.0 / (double)count;
	}
	different = distinct(prefixes, count);
	share[4] = (double)different / (double)count;
	share[5] = (double)nested(prefixes, different) / (double)different;
	share[6] = (double)different_parts(prefixes, different, 16, parts) / (double)different;
	share[7] = (double)different_parts(prefixes, different, 24, parts) / (double)different;
	for (size_t i = 0; i < count; i++) {
		uint32_t first = rules[i].ports[side] >> 16, last = rules[i].ports[side] & 0xffff;

		share[8] += (first == 0 && last == 65535) / (double)count;
		share[9] += (first == 1024 && last == 65535) / (double)count;
		share[10] += (first == last) / (double)count;
	}
	free(prefixes);
	free(parts);
}

static void count_pairs(struct counted *rules, size_t count, double *share)
{
	size_t pairs = 0, duplicates = 0;

	qsort(rules, count, sizeof(*rules), compare_bytes);
	for (size_t i = 0; i < count; i++) {
		pairs += !i ||
			 memcmp(&rules[i], &rules[i - 1], offsetof(struct counted, ports)) != 0;
		duplicates += i && !memcmp(&rules[i], &rules[i - 1], sizeof(*rules));
		share[STATISTIC_BOTH_HOSTS] +=
			(rules[i].length[0] >= 30 && rules[i].length[1] >= 30) / (double)count;
	}
	share[STATISTIC_PAIRS] = (double)pairs / (double)count;
	share[STATISTIC_DUPLICATES] = (double)duplicates / (double)count;
}

void rule_set_count(const struct rule_set *set, struct rule_set_statistics *statistics)
{
	struct counted *rules = calloc(set->count + 1, sizeof(*rules));
	double *share = statistics->share;
	double one = 1.0 / (double)set->count;

	if (!rules)
		abort();
	*statistics = (struct rule_set_statistics){ 0 };
	for (size_t i = 0; i < set->count; i++) {
		const struct classifier_rule *rule = &set->rule[i];

		count_side(rule->any_source, rule->sources, &rules[i].place[0],
			   &rules[i].length[0]);
		count_side(rule->any_destination, rule->destinations, &rules[i].place[1],
			   &rules[i].length[1]);
		rules[i].ports[0] = count_ports(rule->source_ports, rule->source_port_count);
		rules[i].ports[1] =
			count_ports(rule->destination_ports, rule->destination_port_count);
		rules[i].protocol = rule->protocol;
		share[STATISTIC_TCP] += rule->protocol == IPPROTO_TCP ? one : 0;
		share[STATISTIC_UDP] += rule->protocol == IPPROTO_UDP ? one : 0;
		share[STATISTIC_ICMP] += rule->protocol == IPPROTO_ICMP ? one : 0;
		share[STATISTIC_ANY_PROTOCOL] += rule->protocol == SLUICE_ANY ? one : 0;
	}
	count_prefixes(rules, set->count, 0, &share[STATISTIC_SOURCE_ANY]);
	count_prefixes(rules, set->count, 1, &share[STATISTIC_DESTINATION_ANY]);
	count_pairs(rules, set->count, share);
	free(rules);
}

/* --- sets of others --- */

static int read_rule(struct rule_set *set, struct classifier_rule *rule, const char *line)
{
	char source[16], destination[16];
	unsigned int length[2], ports[4], protocol, mask;
	struct in_addr address[2];

	if (sscanf(line, "@%15[0-9.]/%u %15[0-9.]/%u %u : %u %u : %u %x/%x", source, &length[0],
		   destination, &length[1], &ports[0], &ports[1], &ports[2], &ports[3], &protocol,
		   &mask) != 10 ||
	    inet_pton(AF_INET, source, &address[0]) != 1 ||
	    inet_pton(AF_INET, destination, &address[1]) != 1 || length[0] > 32 || length[1] > 32)
		return -EINVAL;
	*rule = (struct classifier_rule){
		.protocol = mask ? (int)protocol : SLUICE_ANY,
		.icmp_type = SLUICE_ANY,
		.icmp_code = SLUICE_ANY,
		.any_source = !length[0],
		.any_destination = !length[1],
	};
	if (length[0])
		rule_set_source(set, rule,
				rule_set_prefix(set, ntohl(address[0].s_addr), length[0]));
	if (length[1])
		rule_set_destination(set, rule,
				     rule_set_prefix(set, ntohl(address[1].s_addr), length[1]));
	if (ports[0] || ports[1] != 65535)
		rule_set_source_ports(set, rule, ports[0], ports[1]);
	if (ports[2] || ports[3] != 65535)
		rule_set_destination_ports(set, rule, ports[2], ports[3]);
	return 0;
}

int rule_set_read(struct rule_set *set, FILE *stream)
{
	const size_t most = SLUICE_MAX_RULES;
	char line[256];
	int result = 0;

	*set = (struct rule_set){ .kind = RULES_ACL };
	set->rule = rule_set_take(set, most * sizeof(*set->rule));
	while (!result && set->count < most && fgets(line, sizeof(line), stream)) {
		if (line[0] != '@')
			continue;
		result = read_rule(set, &set->rule[set->count], line);
		set->count++;
		set->rule[set->count - 1].id = (__u32)set->count;
	}
	return result;
}
