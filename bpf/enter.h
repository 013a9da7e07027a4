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

/* What is known before parse stays, the rest of the facts begins as zero. Packets that take the
 * short way (bpf/shortcut.h) do without. */
static __always_inline void know_nothing(struct packet *packet)
{
	__u32 length = packet->length, now = packet->now;
	__u16 in_slot = packet->in_slot;
	__u8 shortcut = packet->shortcut, direction = packet->direction;

	packet->out = NULL;
	packet->flow = NULL;
	__builtin_memset(&packet->tuple, 0, sizeof(struct packet_facts));
	packet->length = length;
	packet->now = now;
	packet->in_slot = in_slot;
	packet->shortcut = shortcut;
	packet->direction = direction;
}

/* The time in ticks. */
static __always_inline __u32 tick_now(void)
{
	__u32 zero = 0;
	struct tick_read *last = bpf_map_lookup_elem(&tick_reads, &zero);
	__u64 jiffies = bpf_jiffies64();

	if (!last)
		return 0;
	if (last->jiffies != jiffies) {
		last->tick = bpf_ktime_get_coarse_ns() >> FLOW_TICK_SHIFT;
		last->jiffies = jiffies;
	}
	return last->tick;
}

/* Begins with the running version; false when there is none. `root` is read here and nowhere else:
 * a packet sees one version. */
static __always_inline bool enter_version(struct packet *packet)
{
	const struct control *control = control_get();

	packet->length = frame_length(packet);
	packet->now = tick_now();
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

static __always_inline void begin(struct packet *packet)
{
	packet->read_only = 0;
	packet->tracing = 0;
	packet->shortcut = SHORTCUT_NONE;
	packet->direction = 0;
	packet->in_slot = 0;
	packet->in = NULL;
	packet->root = NULL;
}

/* Lets a frame in by a slot. False: no port is there, and the frame is to be dropped. */
static __always_inline bool enter_slot(struct packet *packet, __u32 slot)
{
	if (packet->root) {
		packet->in_slot = slot;
		packet->in = port_at(packet->root, slot);
	}
	if (!packet->in) {
		know_nothing(packet);
		return refuse_device(packet);
	}
	count_received(packet);
	return true;
}

/* Lets a frame in at a port's device. */
static __always_inline bool enter(struct packet *packet, __u32 ifindex)
{
	__u32 slot = 0;

	begin(packet);
	if (enter_version(packet))
		slot = slot_of_device(packet->root, ifindex);
	return enter_slot(packet, slot);
}

#endif
