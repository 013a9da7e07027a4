/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Steering, a part of the stage route: chosen flows go to another port than the one that has their
 * destination, a network function (maps/vnet.h). It is asked when a flow begins and when it is
 * judged again; the flow keeps the answer as its other end, so that what follows pays nothing. Where
 * nobody reads any more, the far end asks for that (bpf/unread.h).
 */
#ifndef SLUICE_BPF_STEER_H
#define SLUICE_BPF_STEER_H

#include "bpf/classify.h"
#include "bpf/consumers.h"
#include "bpf/flow.h"

#define STEER_NOWHERE (~0U) /* nobody is there to read it, and the rule says drop */

/*
 * Nobody is left to read the flow at `to`: it goes on as the flow of whoever has its destination, a TCP
 * connection in its midst, too. Its beginning was seen, and that port tells its peer that it is over.
 * Fragments and ICMP errors can not begin it.
 */
static __always_inline void leave_consumer(struct packet *packet, __u32 to)
{
	const struct flow *flow = packet->flow;

	if (!flow || flow->slot[far_end(packet)] != to ||
	    packet->state != TRACE_STATE_ESTABLISHED || packet->fragment == TRACE_FRAGMENT_LATER)
		return;
	packet->flow = NULL;
	packet->state = TRACE_STATE_NEW;
}

/* Where a rule sends its flows now; slot: of the port that has the destination, 0: none. */
static __noinline __u32 steer_target(struct packet *packet, __u32 rule, __u32 slot)
{
	__u32 to = rule & STEER_SLOT;
	const struct port *target = port_at(packet->root, to);

	if (!target || to == packet->in_slot)
		return slot;
	if (target->delivery != DELIVERY_AF_XDP ||
	    (target->queues && count_consumers(to, target->queues) >= target->queues))
		return to;
	if (rule & STEER_DROPS)
		return STEER_NOWHERE;
	leave_consumer(packet, to);
	return slot;
}

/*
 * The slot a packet goes to. Replies go where they are addressed to, and a flow that began with
 * the port that has the address stays there.
 */
static __always_inline __u32 steer(struct packet *packet, __u32 line, __u32 slot)
{
	const struct flow *flow = packet->flow;
	const struct flow_detail *detail = flow ? flow_detail(flow) : NULL;
	struct tuple tuple;
	struct verdict verdict;

	if (flow && detail) {
		if ((flow->originator & 1) != near_end(packet) ||
		    flow->slot[far_end(packet)] == slot)
			return slot;
		flow_tuple(flow, detail, flow->originator & 1, &tuple);
	} else {
		tuple = packet->tuple;
	}
	verdict = classify(&tuple, line);
	return verdict.rule ? steer_target(packet, verdict.rule, slot) : slot;
}

#endif
