/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * AF_XDP sockets of ports.
 *
 * A port of kind af_xdp is a veth. Its near end is plugged into the switch like any other port's
 * device, its far end is where sockets are bound: an XSKMAP delivers only to a socket bound to the
 * device and queue that a frame came in on. Each port has an XSKMAP of its own, by queue, pinned
 * under the switch's pins as xsks/PORT (a dot in the name written "+"). Whoever binds a socket
 * puts it there (loader/xsk_socket.c, or a program of somebody else's); the kernel takes it out when
 * the socket is closed, so an empty element is a consumer that is not there, or dead.
 *
 * The program at the far end (bpf/xsk.bpf.c) redirects into it. `consumers` leads from a port's slot
 * to its XSKMAP: the writer inserts it before the version that names the slot is published and
 * removes it with the port; sluice_consumers reads it.
 */
#ifndef SLUICE_MAPS_XSK_H
#define SLUICE_MAPS_XSK_H

#include "base.h"

/* The most queues of a port that sockets can be bound to. */
#define SLUICE_XSK_QUEUES 16

#ifdef __bpf__
struct xsk_sockets {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, SLUICE_XSK_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SLUICE_MAX_PORTS);
	__type(key, __u32);
	__array(values, struct xsk_sockets);
} consumers SEC(".maps");
#endif

#endif
