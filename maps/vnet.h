/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Virtual networks in `tables`: who has which address, and what is in reach.
 */
#ifndef SLUICE_MAPS_VNET_H
#define SLUICE_MAPS_VNET_H

#include "base.h"
#include "route.h"

struct vnet {
	__u32 vni;             /* 24 bits; unique in the switch; what flows are keyed with */
	__u32 endpoints;       /* first line of the endpoint buckets */
	__u32 endpoint_mask;   /* how many buckets, minus one; a power of two minus one */
	__u32 endpoint_seed;   /* seeds endpoint_hash(); chosen so that no bucket overflows */
	__u32 routes;          /* tree of what is in reach (maps/route.h) */
	__u32 sharing;         /* enum vnet_sharing */
	__u32 steer;           /* classifier of its steer rules, 0: none. What a rule's id is: */
	__u32 publics;         /* line of a struct vnet whose endpoints are those addresses of ports
				* that have a public one (maps/nat.h); 0: none has */
	__u32 uplink;          /* outside: slot of the uplink by which all else is reached; 0: none */
	__u32 remotes;         /* first line of the struct remote_addresses (maps/tunnel.h); 0: none */
	__u8 padding[24];
};

/* Why a connection of the vnet may have another flow's key (bpf/legs.h). */
enum vnet_sharing {
	VNET_FORWARDS = 1 << 0, /* a route's next hop is a port: it passes there more than once */
	VNET_PEERED = 1 << 1,   /* it may have begun in a peer, with that one's VNI */
};

#define STEER_SLOT  0xffffU   /* the slot of the port that matching flows go to, of the same vnet */
#define STEER_DROPS (1U << 16) /* what nobody reads there is dropped; else it goes its own way */

/* One subnet: where its errors come from. */
struct subnet {
	struct ip_address gateway4; /* first host address of its first IPv4 prefix; zero: none */
	struct ip_address gateway6; /* the same for IPv6 */
	__u32 vnet;                 /* line of its struct vnet */
	__u32 gateway_nat;          /* line of its struct nat_gateway (maps/nat.h); 0: none */
	__u32 routes;               /* tree of its route table and of what is in reach; 0: no table */
	__u8 padding[20];
};

/* Who has an address. kind 0 marks an unused entry. */
enum endpoint_kind {
	ENDPOINT_NONE = 0,
	ENDPOINT_PORT = 1,    /* value: the port's slot */
	ENDPOINT_GATEWAY = 2, /* value: line of the struct subnet it is the gateway of */
	ENDPOINT_REMOTE = 3,  /* value: number of the struct remote_address (maps/tunnel.h); in a
			       * struct tunnel_entry that of the remote itself */
	ENDPOINT_TRANSLATED = 4, /* value: line of its struct nat_address (maps/nat.h) */
};

#define ENDPOINT_KIND_SHIFT 28
#define ENDPOINT_VALUE_MASK ((1U << ENDPOINT_KIND_SHIFT) - 1)

/* A bucket is one line and is never full beyond its three entries: the writer grows the table
 * and changes the seed until that holds. */
#define ENDPOINTS_PER_BUCKET 3
struct endpoint_bucket {
	struct ip_address address[ENDPOINTS_PER_BUCKET];
	__u32 target[ENDPOINTS_PER_BUCKET]; /* kind << ENDPOINT_KIND_SHIFT | value */
	__u32 padding;
};

/*
 * The bucket of an address is endpoint_hash(address, vnet->endpoint_seed) & vnet->endpoint_mask.
 * Both sides call this one definition.
 */
static inline __attribute__((always_inline)) __u32 endpoint_hash(const struct ip_address *address,
								 __u32 seed)
{
	__u64 mix = (address->halves[0] ^ seed) * 0x9e3779b97f4a7c15ULL;

	mix = (mix ^ (mix >> 32) ^ address->halves[1]) * 0xd6e8feb86659fd93ULL;
	/* The host's own byte is the topmost here and has moved nothing below it yet. */
	mix = (mix ^ (mix >> 32)) * 0x9e3779b97f4a7c15ULL;
	return (__u32)(mix >> 32);
}

_Static_assert(sizeof(struct vnet) == SLUICE_CACHE_LINE, "a vnet is one line");
_Static_assert(sizeof(struct subnet) == SLUICE_CACHE_LINE, "a subnet is one line");
_Static_assert(sizeof(struct endpoint_bucket) == SLUICE_CACHE_LINE, "a bucket is one line");

#endif
