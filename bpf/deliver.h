/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * deliver: the frame leaves the program. Whatever is not delivered leaves through drop(): counted
 * against the port that sent it, by reason, and told to an observer.
 */
#ifndef SLUICE_BPF_DELIVER_H
#define SLUICE_BPF_DELIVER_H

#include "bpf/count.h"
#include "bpf/frame.h"
#include "bpf/lookup.h"
#include "bpf/observe.h"
#include "bpf/pair.h"
#include "bpf/shortcut.h"
#include "bpf/tunnel.h"

#define PACKET_TYPE_HOST 0 /* skb->pkt_type: for the host whose stack it now enters */

static __noinline void drop(struct packet *packet, int reason)
{
	if (packet->shortcut == SHORTCUT_TAKEN)
		unfold_shortcut(packet);
	count_drop(packet, reason);
	observe_drop(packet, reason);
}

/* An answer goes back by the device that the frame came in by. */
static __always_inline int return_frame(struct packet *packet, bool function)
{
	__u32 slot = packet->in_slot;

	count_sent(packet, slot, frame_length(packet));
	if (function) {
		if (!frame_push_vlan(packet, packet->in->vlan))
			return XDP_TX;
		drop(packet, DROP_REWRITE_FAILED);
		return XDP_DROP;
	}
	/* veth wakes the far end after XDP_TX only when that has an XDP program of its own, after
	 * a redirect always. */
	return bpf_redirect_map(&devices, slot, XDP_TX);
}

/* To a VF, by the NIC that it belongs to, which is told by the tag: what to return, or a drop reason
 * below zero. */
static __noinline int send_to_function(struct packet *packet)
{
	__u32 slot = packet->out_slot + SLUICE_MAX_PORTS;
	const struct bpf_devmap_val *device = bpf_map_lookup_elem(&devices, &slot);

	if (!device)
		return -DROP_DEVICE_GONE;
	if (!packet->out || frame_push_vlan(packet, packet->out->vlan))
		return -DROP_REWRITE_FAILED;
	if (device->ifindex == packet->xdp->ingress_ifindex)
		return XDP_TX;
	return bpf_redirect_map(&devices, slot, XDP_DROP) == XDP_REDIRECT ? XDP_REDIRECT :
									     -DROP_DEVICE_GONE;
}

/* What to return, or a drop reason below zero. */
static __always_inline int send_frame(struct packet *packet)
{
	__u32 slot = device_slot(packet, &devices, packet->xdp);

	if (is_by_vf(packet, slot))
		return send_to_function(packet);
	/* The flags say what to return when the slot has no device. */
	return bpf_redirect_map(&devices, slot, 0) ?: -DROP_DEVICE_GONE;
}

/* function: the frame came from a VF. */
static __always_inline int deliver_xdp(struct packet *packet, int outcome, bool function)
{
	int verdict;

	if (outcome == LEAVE_HOST)
		return XDP_PASS;
	note_way(packet, outcome, function);
	if (outcome == LEAVE_ANSWERED)
		return return_frame(packet, function);
	verdict = outcome ? -outcome : send_frame(packet);
	if (verdict < 0) {
		drop(packet, -verdict);
		return XDP_DROP;
	}
	count_sent(packet, packet->out_slot, packet->length);
	return verdict;
}

/* Hands the skb to the device of packet->out_slot, or says that it is gone. */
static __always_inline int redirect_skb(struct packet *packet, long *verdict)
{
	__u32 slot = device_slot(packet, &devices_tc, packet->skb);
	const struct bpf_devmap_val *device = bpf_map_lookup_elem(&devices_tc, &slot);

	if (!device || !packet->out)
		return DROP_DEVICE_GONE;
	if (is_by_vf(packet, slot) && frame_push_vlan(packet, packet->out->vlan))
		return DROP_REWRITE_FAILED;
	if (packet->out->delivery == DELIVERY_TUNNEL) {
		if (wrap(packet))
			return DROP_REWRITE_FAILED;
		*verdict = bpf_redirect_neigh(device->ifindex, NULL, 0, 0);
	} else if (packet->out->flags & PORT_REDIRECT_PEER) {
		/* The peer's stack takes the skb as it is, and its destination was not this
		 * side's MAC. */
		bpf_skb_change_type(packet->skb, PACKET_TYPE_HOST);
		*verdict = bpf_redirect_peer(device->ifindex, 0);
	} else {
		*verdict = bpf_redirect(device->ifindex, 0);
	}
	return 0;
}

static __always_inline int deliver_tc(struct packet *packet, int outcome)
{
	long verdict = TC_ACT_SHOT;

	if (outcome == LEAVE_HOST)
		return TC_ACT_UNSPEC;
	note_way(packet, outcome, false);
	/* The answer to a remote goes by its tunnel, like any packet. */
	if (outcome == LEAVE_ANSWERED && packet->in->delivery == DELIVERY_TUNNEL) {
		packet->out = packet->in;
		packet->out_slot = packet->in_slot;
		packet->length = frame_length(packet);
		outcome = 0;
	}
	if (outcome == LEAVE_ANSWERED) {
		count_sent(packet, packet->in_slot, frame_length(packet));
		return bpf_redirect(packet->skb->ifindex, 0);
	}
	outcome = outcome ?: redirect_skb(packet, &verdict);
	if (outcome) {
		drop(packet, outcome);
		return TC_ACT_SHOT;
	}
	count_sent(packet, packet->out_slot, packet->length);
	return verdict;
}

#endif
