/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whether somebody reads what an AF_XDP port is sent. User space can not look into an XSKMAP; a
 * program can.
 */
#ifndef SLUICE_BPF_CONSUMERS_H
#define SLUICE_BPF_CONSUMERS_H

#include "maps/xsk.h"

/* How many of the first `queues` queues of the port in a slot have a socket. A global function: the
 * verifier goes through its loop once, not at every call. */
__noinline __u32 count_consumers(__u32 slot, __u32 queues)
{
	void *sockets = bpf_map_lookup_elem(&consumers, &slot);
	__u32 count = 0;

	if (!sockets)
		return 0;
	for (__u32 queue = 0; queue < SLUICE_XSK_QUEUES; queue++) {
		__u32 key = queue;

		if (queue < queues && bpf_map_lookup_elem(sockets, &key))
			count++;
	}
	return count;
}

#endif
