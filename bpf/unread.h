/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What becomes of flows that were steered to a port where nobody reads them any more. Packets of a
 * known flow are not routed, so the switch does not ask whether a socket is there; the far end
 * finds out, frame by frame. It takes the flow's verdict back: the next packet is judged again, and
 * goes where the steer rule sends flows that nobody would read (bpf/steer.h).
 */
#ifndef SLUICE_BPF_UNREAD_H
#define SLUICE_BPF_UNREAD_H

#include "bpf/flow.h"
#include "bpf/lookup.h"
#include "bpf/parse.h"

/* Whether a frame that the port was sent is for another one's address. */
static __always_inline bool is_steered(const struct packet *packet, const struct vnet *vnet,
				       const struct port *port)
{
	return endpoint_find(vnet, &packet->tuple.destination) !=
	       (ENDPOINT_PORT << ENDPOINT_KIND_SHIFT | port->slot);
}

/* Takes back that packets of this direction may pass. Should the entry be another flow's by now, that
 * one's next packet is judged once more. */
static __always_inline void withdraw_verdict(const struct packet *packet, struct flow *flow)
{
	union flow_standing direction = { .acl_allowed = 1 << near_end(packet) };

	__sync_fetch_and_and(&flow->standing, ~direction.word);
}

/* xdp: a frame that the port was sent and that no socket took. */
static __noinline void doubt_steering(struct xdp_md *xdp, const struct port *port)
{
	const struct vnet *vnet = table_at(port->vnet);
	struct packet packet = { .xdp = xdp, .hook = HOOK_XDP };
	struct flow *flow;

	if (!vnet || !vnet->steer)
		return;
	packet.length = frame_length(&packet);
	packet.now = bpf_ktime_get_coarse_ns() >> FLOW_TICK_SHIFT;
	if (parse(&packet) || !is_steered(&packet, vnet, port))
		return;
	forget(&packet);
	flow = flow_found(find_under((struct packet_facts *)&packet.tuple, &packet.tuple,
				     packet.icmp_identifier, vnet->vni));
	if (flow && flow->slot[far_end(&packet)] == port->slot)
		withdraw_verdict(&packet, flow);
}

#endif
