/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * classify(): the first rule of a classifier that matches a tuple (maps/classifier.h). Only this
 * file knows how a classifier lies in `tables`.
 */
#ifndef SLUICE_BPF_CLASSIFY_H
#define SLUICE_BPF_CLASSIFY_H

#include "bpf/flow_key.h"
#include "maps/classifier.h"

struct verdict {
	__u32 rule;   /* id; 0: none matched */
	__u32 access; /* enum access */
};

/* The walk from line to line. rule_end is the line behind the rule whose tests are under way. */
struct classify_walk {
	const struct tuple *tuple;
	__u32 line;
	__u32 end;
	__u32 rule_end;
	struct verdict verdict; /* of the rule under way; of the classifier when `matched` */
	__u32 matched;
};

static __always_inline bool address_in(const struct ip_address *address, const __u64 *low,
				       const __u64 *high)
{
	__u64 first = bpf_be64_to_cpu(address->halves[0]);
	__u64 second = bpf_be64_to_cpu(address->halves[1]);

	return (first > low[0] || (first == low[0] && second >= low[1])) &&
	       (first < high[0] || (first == high[0] && second <= high[1]));
}

static __always_inline bool head_matches(const struct classifier_item *item,
					 const struct tuple *tuple)
{
	if (item->protocol != CLASSIFIER_ANY && item->protocol != tuple->protocol &&
	    !(item->protocol == PROTOCOL_ICMP && tuple->protocol == PROTOCOL_ICMPV6))
		return false;
	if (item->needs_ports && !tuple->has_ports)
		return false;
	if (item->icmp_type == CLASSIFIER_ANY && item->icmp_code == CLASSIFIER_ANY)
		return true;
	return is_icmp(tuple->protocol) &&
	       (item->icmp_type == CLASSIFIER_ANY || item->icmp_type == tuple->icmp_type) &&
	       (item->icmp_code == CLASSIFIER_ANY || item->icmp_code == tuple->icmp_code);
}

static __always_inline bool test_passes(const struct classifier_item *item,
					const struct tuple *tuple)
{
	__u16 port;

	switch (item->kind) {
	case ITEM_SOURCE:
		return address_in(&tuple->source, item->low, item->high);
	case ITEM_DESTINATION:
		return address_in(&tuple->destination, item->low, item->high);
	case ITEM_SOURCE_PORT:
		port = bpf_ntohs(tuple->source_port);
		break;
	case ITEM_DESTINATION_PORT:
		port = bpf_ntohs(tuple->destination_port);
		break;
	default:
		return false;
	}
	return port >= item->port_low && port <= item->port_high;
}

/* Visits one line. Returns 1 when the walk is over. */
static long classify_step(__u32 index, void *context)
{
	struct classify_walk *walk = context;
	const struct classifier_item *item = table_at(walk->line);
	bool fits;

	if (!item || walk->line >= walk->end)
		return 1;
	if (item->kind == ITEM_RULE) {
		walk->rule_end = walk->line + 1 + item->skip;
		walk->verdict.rule = item->rule;
		walk->verdict.access = item->access;
		fits = head_matches(item, walk->tuple);
		walk->matched = fits && !item->skip;
		walk->line = fits ? walk->line + 1 : walk->rule_end;
	} else if (test_passes(item, walk->tuple)) {
		walk->line += 1 + item->skip;
		walk->matched = walk->line == walk->rule_end;
	} else {
		walk->line = item->skip ? walk->line + 1 : walk->rule_end;
	}
	return walk->matched ? 1 : 0;
}

/*
 * access << 32 | rule. A global function: the verifier looks at it once, not at every call. It
 * knows no types of ours in what it is given, hence the check.
 */
__noinline __u64 classify_tuple(const struct tuple *tuple, __u32 line)
{
	struct classify_walk walk = { .tuple = tuple };
	const struct classifier *classifier = table_at(line);

	if (!tuple || !classifier)
		return 0;
	walk.line = line + 1;
	walk.end = line + 1 + classifier->item_count;
	bpf_loop(classifier->item_count, classify_step, &walk, 0);
	if (!walk.matched)
		return (__u64)classifier->miss_access << 32;
	return (__u64)walk.verdict.access << 32 | walk.verdict.rule;
}

/* Line 0 is no classifier: it allows. */
static __always_inline struct verdict classify(const struct tuple *tuple, __u32 line)
{
	struct verdict verdict = { .access = ACCESS_ALLOW };

	if (line) {
		__u64 answer = classify_tuple(tuple, line);

		verdict.rule = answer;
		verdict.access = answer >> 32;
	}
	return verdict;
}

#endif
