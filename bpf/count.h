/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counting. A trace that only asks counts nothing.
 */
#ifndef SLUICE_BPF_COUNT_H
#define SLUICE_BPF_COUNT_H

#include "bpf/packet.h"
#include "maps/counters.h"

static __always_inline void count_received(const struct packet *packet)
{
	__u32 slot = packet->in_slot;
	struct port_counters *counters;

	if (packet->read_only)
		return;
	counters = bpf_map_lookup_elem(&port_counters, &slot);
	if (!counters)
		return;
	counters->rx_packets++;
	counters->rx_bytes += packet->length;
}

/* A frame of this length was handed to the device of a slot. */
static __always_inline void count_sent(const struct packet *packet, __u32 slot, __u32 length)
{
	struct port_counters *counters;

	if (packet->read_only)
		return;
	counters = bpf_map_lookup_elem(&port_counters, &slot);
	if (!counters)
		return;
	counters->tx_packets++;
	counters->tx_bytes += length;
}

static __always_inline void count_drop(const struct packet *packet, __u32 reason)
{
	__u32 slot = packet->in_slot;
	struct port_counters *counters;

	if (packet->read_only || reason >= DROP_REASON_COUNT)
		return;
	counters = bpf_map_lookup_elem(&port_counters, &slot);
	if (counters)
		counters->drops[reason]++;
}

/* This packet's verdict was decided by the rule; 0 is no rule. */
static __always_inline void count_rule(const struct packet *packet, __u32 rule)
{
	struct rule_counters *counters;

	if (!rule || packet->read_only)
		return;
	counters = bpf_map_lookup_elem(&rule_counters, &rule);
	if (!counters)
		return;
	counters->packets++;
	counters->bytes += packet->length;
}

/* Counts the packet for the NSGs' rules: it is in no flow's entry, from which they would get it. */
static __noinline int count_apart(const struct packet *packet)
{
	for (int i = 0; i < FLOW_RULES; i++)
		count_rule(packet, packet->rule[i]);
	return 0;
}

/* The rule let a new flow in. */
static __always_inline void count_rule_flow(const struct packet *packet, __u32 rule)
{
	struct rule_counters *counters;

	if (!rule || packet->read_only)
		return;
	counters = bpf_map_lookup_elem(&rule_counters, &rule);
	if (counters)
		counters->flows++;
}

#endif
