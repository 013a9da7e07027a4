/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * devices, devices_tc: a port's slot -> its network device; slot + SLUICE_MAX_PORTS -> its second
 * one, which takes over in the kernel when the first goes.
 *
 * XDP redirects through `devices`; tc asks `devices_tc` for the ifindex. Both hold the same: the
 * kernel lets a devmap be used by programs of one type only, that of the first one loaded with it.
 *
 * The kernel removes an element when its device is unregistered or leaves the namespace, before the
 * ifindex can be given to another device: a stale ifindex never receives another tenant's traffic.
 * The writer fills an element before the version that names the slot is published.
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
#endif

#endif
