/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * events: drops and new flows as they happen, for `sluice observe`.
 *
 * Programs write only while control.observe_until lies ahead, and at most
 * control.observe_per_second records per CPU and second; what that or a full ring leaves out is
 * counted in event_budget.left_out and told in the next record.
 */
#ifndef SLUICE_MAPS_EVENT_H
#define SLUICE_MAPS_EVENT_H

#include "base.h"

enum event_kind {
	EVENT_DROP = 1,
	EVENT_NEW_FLOW = 2,
};

struct event {
	__u64 time;              /* bpf_ktime_get_coarse_ns() */
	struct ip_address source; /* zero when the frame has none */
	struct ip_address destination;
	__be16 source_port;
	__be16 destination_port;
	__u32 version;
	__u32 rule;              /* rule id that decided; 0: none */
	__u32 left_out;          /* records this CPU left out since its last record */
	__u32 length;            /* of the frame */
	__u16 in_slot;           /* sending port; 0: none */
	__u16 out_slot;          /* receiving port; 0: none */
	__be16 ethertype;
	__u8 kind;               /* enum event_kind */
	__u8 reason;             /* enum drop_reason */
	__u8 protocol;
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 padding[1];
};

_Static_assert(sizeof(struct event) == 72, "no hidden padding");

struct event_budget {
	__u64 second;   /* the second `sent` counts in */
	__u32 sent;
	__u32 left_out;
};

#ifdef __bpf__
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event_budget);
} event_budgets SEC(".maps");
#endif

#endif
