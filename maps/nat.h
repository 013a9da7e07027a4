/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Translation in `tables`: addresses that no port has and that lead to ports, and what a port is
 * seen as outside.
 *
 * Outside is a network of its own, a struct vnet with VNI 0 (root.outside): its endpoints are the
 * public addresses, all else that is no endpoint there is reached by its uplink. A packet of a vnet
 * to an address that none of the vnet's prefixes holds goes outside, and needs another source for that:
 * the sender's public address or, without one, its subnet's gateway's.
 */
#ifndef SLUICE_MAPS_NAT_H
#define SLUICE_MAPS_NAT_H

#include "base.h"

/*
 * An address that is translated: the value of an ENDPOINT_TRANSLATED, outside for a public address,
 * in a vnet for the frontend of a balancer. A service of it is asked for first, then who has the
 * whole address. The same line is the value of a port's own address in vnet.publics, which tells what
 * the port is seen as.
 */
struct nat_address {
	struct ip_address address; /* itself */
	struct ip_address inner;   /* of the port that has the whole of it; zero where none has */
	__u32 slot;                /* of that port; 0: none */
	__u32 services;            /* first line of the service buckets; 0: none */
	__u32 service_mask;        /* how many buckets, minus one; a power of two minus one */
	__u8 padding[20];
};

enum nat_service_kind {
	NAT_SERVICE_NONE = 0,
	NAT_SERVICE_FORWARD = 1,  /* line: of its struct nat_target */
	NAT_SERVICE_BALANCER = 2, /* line: of its struct nat_balancer */
};

/* A port of an address that leads somewhere. Protocol 0 is all, with port 0. */
struct nat_service {
	__u32 line;
	__u16 port; /* host order */
	__u8 protocol;
	__u8 kind; /* enum nat_service_kind */
};

/* Bucket of a service: port & service_mask. The writer picks the mask so that none overflows. */
#define NAT_SERVICES_PER_BUCKET 8
struct nat_service_bucket {
	struct nat_service service[NAT_SERVICES_PER_BUCKET];
};

/* Who gets a flow. */
struct nat_target {
	struct ip_address address; /* of the port, as its vnet knows it */
	__u32 slot;
	__u16 port; /* host order */
	__u8 padding[42];
};

/*
 * A balancer's lookup table is an array of __u16, entry by entry the number of a target, laid by
 * Maglev's permutations (Eisenbud et al., NSDI 2016, 3.4): a target that comes or goes takes its
 * share from all others and moves few entries beside them.
 */
#define NAT_BALANCER_ENTRIES 4093U /* prime, and a hundred times the most targets */
#define NAT_BALANCER_TARGETS 40U
#define NAT_ENTRIES_PER_LINE (SLUICE_CACHE_LINE / sizeof(__u16))

/* What of a flow decides about its target: the others' address, the destination and protocol, the ports. */
enum nat_affinity {
	NAT_AFFINITY_5_TUPLE = 0,
	NAT_AFFINITY_3_TUPLE = 1, /* addresses and protocol */
	NAT_AFFINITY_2_TUPLE = 2, /* addresses */
};

struct nat_balancer {
	__u32 targets;      /* first line of the struct nat_target array */
	__u32 target_count; /* 0: nobody serves it */
	__u32 entries;      /* first line of the lookup table */
	__u8 affinity;      /* enum nat_affinity */
	__u8 padding[51];
};

struct nat_entries {
	__u16 target[NAT_ENTRIES_PER_LINE];
};

/* What the ports of a subnet without a public address are seen as: the value of subnet.gateway_nat. */
struct nat_gateway {
	__u32 addresses[2];     /* first line of the struct nat_addresses array, IPv4 and IPv6 */
	__u32 address_count[2]; /* 0: there is no way out for that family */
	__u16 port_low;         /* which source ports it uses, host order */
	__u16 port_high;
	__u8 padding[44];
};

#define NAT_ADDRESSES_PER_LINE (SLUICE_CACHE_LINE / sizeof(struct ip_address))
struct nat_addresses {
	struct ip_address address[NAT_ADDRESSES_PER_LINE];
};

_Static_assert(sizeof(struct nat_address) == SLUICE_CACHE_LINE, "an address is one line");
_Static_assert(sizeof(struct nat_service_bucket) == SLUICE_CACHE_LINE, "a bucket is one line");
_Static_assert(sizeof(struct nat_target) == SLUICE_CACHE_LINE, "a target is one line");
_Static_assert(sizeof(struct nat_balancer) == SLUICE_CACHE_LINE, "a balancer is one line");
_Static_assert(sizeof(struct nat_entries) == SLUICE_CACHE_LINE, "entries fill a line");
_Static_assert(sizeof(struct nat_gateway) == SLUICE_CACHE_LINE, "a gateway is one line");
_Static_assert(sizeof(struct nat_addresses) == SLUICE_CACHE_LINE, "addresses fill a line");

#endif
