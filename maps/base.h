/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every map header needs: fixed-width types on both sides of the contract, addresses, and
 * the limits that size the maps.
 *
 * bpf/ includes this after nothing else; user space likewise. Byte order is in the type:
 * __be16, __be32 and __be64 hold network order, __u16, __u32 and __u64 hold host order.
 */
#ifndef SLUICE_MAPS_BASE_H
#define SLUICE_MAPS_BASE_H

#ifdef __bpf__
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#else
#include <linux/types.h>
#endif

#define SLUICE_CACHE_LINE 64

/* How many ports one switch can have; a port's slot is below it. Slot 0 is never a port. */
#define SLUICE_MAX_PORTS 4096
/* How many rules (NSG, built-in and ACL rules together) one switch can count; id 0 is no rule. */
#define SLUICE_MAX_RULES 262144

/*
 * An IPv6 address, or an IPv4 address as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), in network order.
 * A guest's IPv6 packet with a mapped address in its header is dropped by parse, so the two
 * families can share every table without meeting.
 */
struct ip_address {
	union {
		__u8 bytes[16];
		__be32 words[4];
		__be64 halves[2];
	};
};

enum direction {
	DIRECTION_INBOUND = 0,  /* towards a port: the port is the destination */
	DIRECTION_OUTBOUND = 1, /* from a port: the port is the source */
	DIRECTION_COUNT = 2,
};

_Static_assert(sizeof(struct ip_address) == 16, "an address is sixteen bytes");

#endif
