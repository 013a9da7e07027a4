/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Telling `sluice observe` of drops and new flows (maps/event.h). While nobody observes, this
 * costs one load and a comparison.
 */
#ifndef SLUICE_BPF_OBSERVE_H
#define SLUICE_BPF_OBSERVE_H

#include "bpf/lookup.h"
#include "bpf/packet.h"
#include "maps/event.h"

#define NANOSECONDS_PER_SECOND 1000000000ULL

/* Takes one record's worth of this CPU's budget; NULL when it is used up. */
static __always_inline struct event_budget *take_budget(__u64 now, __u32 per_second)
{
	__u32 zero = 0;
	struct event_budget *budget = bpf_map_lookup_elem(&event_budgets, &zero);
	__u64 second = now / NANOSECONDS_PER_SECOND;

	if (!budget)
		return NULL;
	if (budget->second != second) {
		budget->second = second;
		budget->sent = 0;
	}
	if (budget->sent >= per_second) {
		budget->left_out++;
		return NULL;
	}
	budget->sent++;
	return budget;
}

static __noinline void observe(const struct packet *packet, enum event_kind kind,
				    __u32 reason)
{
	const struct control *control = control_get();
	struct event_budget *budget;
	struct event *event;
	__u64 now;

	if (!control || !control->observe_until || packet->tracing)
		return;
	now = bpf_ktime_get_coarse_ns();
	if (now >= control->observe_until)
		return;
	budget = take_budget(now, control->observe_per_second);
	if (!budget)
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		budget->left_out++;
		return;
	}
	event->time = now;
	event->source = packet->tuple.source;
	event->destination = packet->tuple.destination;
	event->source_port = packet->tuple.source_port;
	event->destination_port = packet->tuple.destination_port;
	event->version = packet->root ? packet->root->version : 0;
	event->rule = packet->decided_by;
	event->left_out = budget->left_out;
	event->length = packet->length;
	event->in_slot = packet->in_slot;
	event->out_slot = packet->out_slot;
	event->ethertype = packet->ethertype;
	event->kind = kind;
	event->reason = reason;
	event->protocol = packet->tuple.protocol;
	event->icmp_type = packet->tuple.icmp_type;
	event->icmp_code = packet->tuple.icmp_code;
	event->padding[0] = 0;
	budget->left_out = 0;
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void observe_drop(const struct packet *packet, __u32 reason)
{
	observe(packet, EVENT_DROP, reason);
}

/* For remember_flow, when it has made an entry. */
static __always_inline void observe_new_flow(const struct packet *packet)
{
	observe(packet, EVENT_NEW_FLOW, DROP_NONE);
}

#endif
