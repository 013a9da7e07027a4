/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pair: by which of its two devices a port is reached (maps/devices.h).
 */
#ifndef SLUICE_BPF_PAIR_H
#define SLUICE_BPF_PAIR_H

#include "bpf/packet.h"
#include "maps/devices.h"

/* Whether `map` has a device of the namespace in a slot. The kernel drops what is sent to a device from
 * the moment it is no longer among them, but empties its element only after it took our program off, some
 * milliseconds later. */
static __always_inline bool device_is_there(void *map, __u32 slot, void *context)
{
	const struct bpf_devmap_val *device = bpf_map_lookup_elem(map, &slot);
	__u32 mtu = 0;

	return device && bpf_check_mtu(context, device->ifindex, &mtu, 0, 0) >= 0;
}

/* Whether the receiving port's guest sent by its VF last, where it hears, too (maps/devices.h). */
static __always_inline bool sends_by_vf(const struct packet *packet)
{
	__u32 slot = packet->out_slot;
	const volatile __u32 *vlan = bpf_map_lookup_elem(&sending_vfs, &slot);

	return vlan && *vlan == packet->out->vlan;
}

/* The element of `map` by which the receiving port is reached: that of the first device, or, when it has
 * two, of the one to be taken now. */
static __always_inline __u32 device_slot(const struct packet *packet, void *map, void *context)
{
	__u32 slot = packet->out_slot, second = slot + SLUICE_MAX_PORTS;

	if (!packet->out || !packet->out->second)
		return slot;
	if (packet->out->delivery == DELIVERY_VF)
		return sends_by_vf(packet) && device_is_there(map, second, context) ? second : slot;
	return device_is_there(map, slot, context) ? slot : second;
}

static __always_inline bool is_by_vf(const struct packet *packet, __u32 slot)
{
	return packet->out && packet->out->delivery == DELIVERY_VF && slot != packet->out_slot;
}

/* Says its guest by which way it hears? What the policy refuses does not, as it may be anything; what tells
 * neighbors of a move, as a bond does, comes to no answer. */
static __always_inline bool tells_way(int outcome)
{
	return !outcome || outcome == LEAVE_ANSWERED || outcome == DROP_ARP_UNANSWERED ||
	       outcome == DROP_ND_UNANSWERED;
}

/* Notes the way by which the sending port's guest sent the frame. */
static __always_inline void note_way(const struct packet *packet, int outcome, bool function)
{
	__u32 slot = packet->in_slot, vlan;
	volatile __u32 *last;

	if (!packet->in || packet->in->delivery != DELIVERY_VF || !tells_way(outcome))
		return;
	vlan = function ? packet->in->vlan : 0;
	last = bpf_map_lookup_elem(&sending_vfs, &slot);
	/* Written only when it changes: every CPU reads it. */
	if (last && *last != vlan)
		*last = vlan;
}

#endif
