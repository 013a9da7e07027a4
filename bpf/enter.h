/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * enter: which version judges the frame, and which port sent it.
 */
#ifndef SLUICE_BPF_ENTER_H
#define SLUICE_BPF_ENTER_H

#include "bpf/count.h"
#include "bpf/frame.h"
#include "bpf/lookup.h"
#include "bpf/observe.h"

/* Begins with the running version; false when there is none. `root` is read here and nowhere else:
 * a packet sees one version. */
static __always_inline bool enter_version(struct packet *packet)
{
	const struct control *control = control_get();

	packet->length = frame_length(packet);
	packet->now = bpf_ktime_get_coarse_ns() >> FLOW_TICK_SHIFT;
	if (!control)
		return false;
	packet->root = table_at(*(const volatile __u32 *)&control->root);
	return packet->root && packet->root->version;
}

/* The frame came from a device that is no port of the running version. */
static __noinline bool refuse_device(struct packet *packet)
{
	packet->in_slot = 0;
	count_drop(packet, DROP_PORT_UNBOUND);
	observe_drop(packet, DROP_PORT_UNBOUND);
	return false;
}

/* Lets a frame in at a device. False: it is no port, and the frame is to be dropped. */
static __always_inline bool enter(struct packet *packet, __u32 ifindex)
{
	if (!enter_version(packet))
		return refuse_device(packet);
	packet->in_slot = slot_of_device(packet->root, ifindex);
	packet->in = port_at(packet->root, packet->in_slot);
	if (!packet->in)
		return refuse_device(packet);
	count_received(packet);
	return true;
}

#endif
