/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * enter_function: frames of virtual functions (VFs) arrive at the NIC's own device, tagged with the
 * VLAN of the VF that sent them (maps/tables.h). Without its tag such a frame is one like any other
 * port's. All else that arrives there is the host's.
 */
#ifndef SLUICE_BPF_FUNCTION_H
#define SLUICE_BPF_FUNCTION_H

#include "bpf/enter.h"
#include "bpf/headers.h"

#define VLAN_ID 0x0fff

/* The number of the VF whose VLAN the frame has, or -1. */
static __always_inline int sending_function(const struct packet *packet)
{
	const struct {
		struct ethernet_header ethernet;
		struct vlan_header vlan;
	} *frame = frame_at(packet, 0, ETHERNET_HEADER + VLAN_HEADER);
	__u32 number;

	if (!frame || frame->ethernet.type != bpf_htons(ETHERTYPE_VLAN))
		return -1;
	number = (bpf_ntohs(frame->vlan.tci) & VLAN_ID) - FUNCTION_FIRST_VLAN;
	return number < FUNCTIONS_PER_DEVICE ? (int)number : -1;
}

/* The slot of the port that a VF of a device is; its first line of slots is given. */
static __always_inline __u32 slot_of_function(__u32 first, __u32 number)
{
	const struct function_slots *slots = table_at(first + number / FUNCTIONS_PER_LINE);

	return slots ? slots->slot[number % FUNCTIONS_PER_LINE] : 0;
}

/* 0: the frame came from a VF that is a port, and enters the switch. LEAVE_HOST: it did not come from a
 * VF. Else it is to be dropped. */
static __noinline int enter_function(struct packet *packet, __u32 ifindex)
{
	int number = sending_function(packet);
	__u32 slot;
	const struct device_entry *device = NULL;

	begin(packet);
	if (number < 0)
		return LEAVE_HOST;
	if (enter_version(packet) && packet->root->functions)
		device = find_device(packet->root->functions, packet->root->function_mask, ifindex);
	if (!device)
		return LEAVE_HOST;
	slot = slot_of_function(device->functions, number);
	if (frame_pop_vlan(packet))
		return DROP_REWRITE_FAILED;
	packet->length -= VLAN_HEADER;
	return enter_slot(packet, slot) ? 0 : DROP_PORT_UNBOUND;
}

#endif
