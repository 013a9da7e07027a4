/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counters: per CPU, 64 bits, monotone for the life of a slot or rule id. Programs add, readers
 * sum over CPUs; nobody resets one but the writer that hands its index to somebody new, before
 * the version that uses it is published.
 */
#ifndef SLUICE_MAPS_COUNTERS_H
#define SLUICE_MAPS_COUNTERS_H

#include "base.h"
#include "drop_reasons.h"

/* Element: a port's slot. Drops of frames from no port count in slot 0. rx: from the port into
 * the switch, every frame the port sent; tx: frames handed to the port's device. */
struct port_counters {
	__u64 rx_packets;
	__u64 rx_bytes;
	__u64 tx_packets;
	__u64 tx_bytes;
	__u64 unread; /* of those, frames to an AF_XDP port whose queue nobody read */
	__u64 drops[DROP_REASON_COUNT]; /* frames the port sent that were dropped, by reason */
};

/* Element: a rule id. Packets and bytes of every packet whose verdict the rule decided at its
 * level, on the first packet of a flow and on all that follow; flows: how many it let in. */
struct rule_counters {
	__u64 packets;
	__u64 bytes;
	__u64 flows;
};

#ifdef __bpf__
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLUICE_MAX_PORTS);
	__type(key, __u32);
	__type(value, struct port_counters);
} port_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLUICE_MAX_RULES);
	__type(key, __u32);
	__type(value, struct rule_counters);
} rule_counters SEC(".maps");
#endif

#endif
