/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sluice_carried: what a NIC carried of a flow (maps/offload.h) counts as if its packets had been here.
 */
#ifndef SLUICE_BPF_CARRIED_H
#define SLUICE_BPF_CARRIED_H

#include "bpf/enter.h"
#include "bpf/settle.h"
#include "maps/offload.h"

enum carried_outcome {
	CARRIED_COUNTED,
	CARRIED_UNREAD, /* the request can not be read */
	CARRIED_GONE,   /* the entry is another flow's, or nobody's */
};

static __always_inline void count_carried_at_port(__u32 slot, __u64 packets, __u64 bytes, bool sent)
{
	struct port_counters *counters = bpf_map_lookup_elem(&port_counters, &slot);

	if (!counters)
		return;
	if (sent) {
		counters->tx_packets += packets;
		counters->tx_bytes += bytes;
	} else {
		counters->rx_packets += packets;
		counters->rx_bytes += bytes;
	}
}

static __always_inline void count_carried(struct flow *flow, struct flow_detail *detail,
					  const struct carried *carried)
{
	struct due due = {.packets = carried->packets, .bytes = carried->bytes};
	__u32 direction = carried->direction & 1;

	barrier_var(direction);
	__builtin_memcpy(due.rule, detail->rule, sizeof(due.rule));
	__sync_fetch_and_add(&detail->settling, 1);
	__sync_fetch_and_add(&detail->packets[direction & 1], carried->packets);
	__sync_fetch_and_add(&detail->bytes[direction & 1], carried->bytes);
	__sync_fetch_and_add(&detail->settling, 0xffff);
	settle_rules(&due);
	count_carried_at_port(flow->slot[direction & 1], carried->packets, carried->bytes, false);
	count_carried_at_port(flow->slot[~direction & 1], carried->packets, carried->bytes, true);
}

/* The numbers of a connection are not followed while others carry it, nor are those believed that were
 * known before: the next segment that comes here says new ones. */
static __always_inline void follow_numbers(struct flow *flow, bool carried)
{
	flow->tcp_acks = carried ? FLOW_NUMBERS_UNKNOWN : 0;
}

static __always_inline enum carried_outcome note_carried(struct __sk_buff *skb)
{
	struct flow_bucket *bucket;
	struct flow_detail *detail;
	struct carried carried;
	struct flow *flow;
	__u32 index, seen;

	if (bpf_skb_load_bytes(skb, 0, &carried, sizeof(carried)))
		return CARRIED_UNREAD;
	index = carried.place / FLOWS_PER_BUCKET;
	bucket = bpf_map_lookup_elem(&flows, &index);
	if (!bucket)
		return CARRIED_UNREAD;
	flow = flow_way(bucket, carried.place);
	detail = flow_detail(flow);
	if (!detail || READ_ONCE(flow->claim) != carried.claim)
		return CARRIED_GONE;
	if (carried.packets)
		count_carried(flow, detail, &carried);
	seen = tick_now() - carried.idle;
	if (carried.packets && (__s32)(seen - flow->last_seen) > 0)
		WRITE_ONCE(flow->last_seen, seen);
	follow_numbers(flow, carried.goes_on);
	return CARRIED_COUNTED;
}

#endif
