/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * offloads: what a NIC was asked to carry, a flow's direction an element.
 *
 * A NIC in switchdev mode takes rules of `tc flower`: what a rule matches it delivers by itself, and no
 * program sees it. The holder of the switch's lock makes such rules for established flows, reads back
 * what they carried, and removes each before its verdict may change (loader/offload.c). An element
 * says of a direction that a rule carries it, and how much of the rule's counters is in the flow's
 * entry already, or why the device refused it. No program reads them.
 *
 * What a rule carried since the last look is told to sluice_carried as a struct carried, the data of a
 * test run: it counts for the flow, its rules and its ports, and keeps the entry alive
 * (bpf/carried.h).
 */
#ifndef SLUICE_MAPS_OFFLOAD_H
#define SLUICE_MAPS_OFFLOAD_H

#include "base.h"

/* The most directions that can be with NICs, or refused, at a time. */
#define SLUICE_MOST_OFFLOADS 131072U

#define OFFLOAD_WHY 96

/* The key is place << 1 | direction, both the flow's (maps/flow.h). */
struct offload {
	__u32 claim;   /* of the flow's entry, and the version it was judged under: another flow in */
	__u32 version; /* this place, or another verdict, makes the element void */
	__u32 ifindex; /* where the rule is */
	__u32 refused; /* tick at which the device refused it; 0: it carries it */
	__u64 packets; /* of the rule's counters, what the flow has got */
	__u64 bytes;
	char why[OFFLOAD_WHY]; /* what the kernel said, when refused */
};

struct carried {
	__u8 frame[16];  /* zeros: test runs look for an Ethernet header here */
	__u32 place;
	__u32 claim;
	__u32 direction; /* of the flow's key */
	__u32 idle;      /* ticks since the device saw the last packet */
	__u64 packets;
	__u64 bytes;
	__u32 goes_on;   /* 0: the device carries it no longer */
	__u32 padding;
};

_Static_assert(sizeof(struct carried) == 56, "no hidden padding");

#ifdef __bpf__
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SLUICE_MOST_OFFLOADS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct offload);
} offloads SEC(".maps");
#endif

#endif
