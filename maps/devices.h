/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * devices, devices_tc: a port's slot -> its network device; slot + SLUICE_MAX_PORTS -> its second
 * one, which takes over in the kernel when the first goes. Of a port with a VF the second is the NIC
 * that the VF belongs to, by which the VF is reached with its tag.
 *
 * XDP redirects through `devices`; tc asks `devices_tc` for the ifindex. Both hold the same: the
 * kernel lets a devmap be used by programs of one type only, that of the first one loaded with it.
 *
 * The kernel removes an element when its device is unregistered or leaves the namespace, before the
 * ifindex can be given to another device: a stale ifindex never receives another tenant's traffic.
 * The writer fills an element before the version that names the slot is published.
 *
 * sending_vfs: a port's slot -> the VLAN of the VF by which its guest sent last; 0: by the port's own
 * device, or not at all since the VF carries the port. Only the guest knows by which of the two it
 * hears: when its VF has a link, when it was shut, which one its bond has made active. So delivery
 * follows what it sends. Programs note it under versions where the VF carries the port; the writer sets it
 * to 0 before such a version follows another one.
 */
#ifndef SLUICE_MAPS_DEVICES_H
#define SLUICE_MAPS_DEVICES_H

#include "base.h"

#ifdef __bpf__
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 2 * SLUICE_MAX_PORTS);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} devices SEC(".maps"), devices_tc SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLUICE_MAX_PORTS);
	__type(key, __u32);
	__type(value, __u32);
} sending_vfs SEC(".maps");
#endif

#endif
