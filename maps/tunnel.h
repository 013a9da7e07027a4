/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tunnels to other hosts (remotes), in `tables`.
 *
 * Frames to the addresses of one remote in one subnet of a vnet go to a slot of their own, whose
 * struct port has DELIVERY_TUNNEL: to everything before delivery it is a port like any other. Its
 * struct tunnel holds the outer headers as they are but for lengths, checksum and what tells flows
 * apart. What arrives by the tunnel enters the switch by the slot that its inner source address
 * leads to.
 */
#ifndef SLUICE_MAPS_TUNNEL_H
#define SLUICE_MAPS_TUNNEL_H

#include "base.h"

/* X(IDENTIFIER, "name in documents", bytes behind the outer IP header, port unless one is given) */
#define TUNNEL_TYPES(X) X(VXLAN, "vxlan", 16, 4789)

enum tunnel_type {
#define X(identifier, name, bytes, port) TUNNEL_##identifier,
	TUNNEL_TYPES(X)
#undef X
	TUNNEL_TYPE_COUNT
};

/* An IPv6 header, and as much behind it as the longest type has. */
#define TUNNEL_HEADERS_MAX 56

struct tunnel {
	__u8 headers[TUNNEL_HEADERS_MAX]; /* outer IP and all up to the inner Ethernet header */
	__u8 length;                      /* of them, as many as count */
	__u8 type;                        /* enum tunnel_type */
	__u16 remote;                     /* from 1, in the order of the document */
	__u32 uplink;                     /* ifindex of the device it leaves by; for the writer */
};

/* Where frames from remotes come in: one line, root.tunnels. */
struct tunnel_entry {
	struct ip_address local; /* the outer destination */
	__u32 vnis;              /* device buckets (maps/tables.h), by VNI: line of its struct vnet */
	__u32 vni_mask;
	__u32 remotes;           /* endpoint buckets (maps/vnet.h): outer source -> its number */
	__u32 remote_mask;
	__u32 remote_seed;
	__be16 port;             /* of UDP, that it comes in on */
	__u8 type;               /* enum tunnel_type */
	__u8 padding[25];
};

/* Who has an address of a remote: struct vnet's `remotes` is the first line of these. */
struct remote_address {
	__u16 slot;  /* of the tunnel's end */
	__u8 mac[6]; /* that the remote knows the address's owner by */
};

#define REMOTE_ADDRESSES_PER_LINE (SLUICE_CACHE_LINE / sizeof(struct remote_address))

struct remote_addresses {
	struct remote_address address[REMOTE_ADDRESSES_PER_LINE];
};

_Static_assert(sizeof(struct tunnel) == SLUICE_CACHE_LINE, "a tunnel is one line");
_Static_assert(sizeof(struct tunnel_entry) == SLUICE_CACHE_LINE, "the entry is one line");
_Static_assert(sizeof(struct remote_addresses) == SLUICE_CACHE_LINE, "addresses fill a line");

#endif
