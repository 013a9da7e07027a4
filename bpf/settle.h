/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Settling: what packets have counted in an entry's line goes into its totals and into the counters of
 * the rules that allowed them (maps/flow.h says when).
 *
 * Each direction's count is taken out of the line by an exchange, so that nobody settles it twice and
 * no packet counted meanwhile is lost.
 */
#ifndef SLUICE_BPF_SETTLE_H
#define SLUICE_BPF_SETTLE_H

#include "bpf/count.h"
#include "bpf/flow_table.h"

/* What was taken out of a line, and which rules it is due to. */
struct due {
	__u64 packets;
	__u64 bytes;
	__u32 rule[FLOW_RULES];
};

static __always_inline void settle_rules(const struct due *due)
{
	for (int i = 0; i < FLOW_RULES && due->packets; i++) {
		__u32 rule = due->rule[i];
		struct rule_counters *counters = bpf_map_lookup_elem(&rule_counters, &rule);

		if (!rule || !counters)
			continue;
		counters->packets += due->packets;
		counters->bytes += due->bytes;
	}
}

/* Takes out what the packets of one direction counted. */
static __always_inline __u64 take_counted(struct flow *flow, int direction, struct due *due)
{
	__u64 counted = __sync_lock_test_and_set(&flow->counted[direction], 0);

	due->packets += counted >> FLOW_COUNT_SHIFT;
	due->bytes += counted & FLOW_COUNT_BYTES;
	return counted;
}

static __noinline void flow_settle(struct flow *flow)
{
	struct flow_detail *detail = flow_detail(flow);
	struct due due = {};

	if (!detail)
		return;
	__builtin_memcpy(due.rule, detail->rule, sizeof(due.rule));
	__sync_fetch_and_add(&detail->settling, 1);
	for (int direction = 0; direction < 2; direction++) {
		__u64 counted = take_counted(flow, direction, &due);

		__sync_fetch_and_add(&detail->packets[direction], counted >> FLOW_COUNT_SHIFT);
		__sync_fetch_and_add(&detail->bytes[direction], counted & FLOW_COUNT_BYTES);
	}
	__sync_fetch_and_add(&detail->settling, 0xffff);
	settle_rules(&due);
}

/* --- sluice_settle: some buckets of the table --- */

static long settle_bucket(__u32 index, void *context)
{
	__u32 at = *(const __u32 *)context + index;
	struct flow_bucket *bucket = bpf_map_lookup_elem(&flows, &at);

	if (!bucket)
		return 1;
	for (int i = 0; i < FLOWS_PER_BUCKET; i++) {
		struct flow *flow = &bucket->way[i];

		if (READ_ONCE(flow->counted[0]) | READ_ONCE(flow->counted[1]))
			flow_settle(flow);
	}
	return 0;
}

/* Settles SETTLE_BUCKETS buckets from the first on. */
static __always_inline void settle_flows(__u32 first)
{
	bpf_loop(SETTLE_BUCKETS, settle_bucket, &first, 0);
}

#endif
