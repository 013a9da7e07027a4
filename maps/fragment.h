/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fragments: what later fragments need of their first (ports), and which bytes were seen.
 *
 * Each port owns FRAGMENTS_PER_PORT elements, so a port that floods fragments pushes out only its
 * own. A datagram's element is its hash within the sender's share; a new datagram takes it over
 * when the old one is complete, timed out or simply older: what is lost is the sender's own.
 * Inserted by the first fragment that police allowed, read by the later ones.
 */
#ifndef SLUICE_MAPS_FRAGMENT_H
#define SLUICE_MAPS_FRAGMENT_H

#include "base.h"

#define FRAGMENTS_PER_PORT 16
#define FRAGMENT_RANGES 6
#define FRAGMENT_SECONDS 30

enum fragment_flags {
	FRAGMENT_USED = 1 << 0,
	FRAGMENT_LAST_SEEN = 1 << 1, /* the piece without "more" came; with one range: complete */
};

struct fragment {
#ifdef __bpf__
	struct bpf_spin_lock lock;
#else
	__u32 lock;
#endif
	__u32 vni;
	struct ip_address source;
	struct ip_address destination;
	__be32 id;               /* IPv4's 16-bit id zero-extended, or IPv6's */
	__be16 source_port;      /* of the first fragment, as in its tuple; ICMP: the identifier */
	__be16 destination_port;
	__u32 first_seen;        /* tick, see flow.h */
	__u8 protocol;
	__u8 flags;              /* enum fragment_flags; 0: never used */
	__u8 icmp_type;
	__u8 icmp_code;
	struct {
		__u16 begin;     /* in units of 8 bytes, inclusive */
		__u16 end;       /* exclusive; begin == end: unused */
	} range[FRAGMENT_RANGES];
};

_Static_assert(sizeof(struct fragment) == 80, "no hidden padding");

#ifdef __bpf__
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLUICE_MAX_PORTS * FRAGMENTS_PER_PORT);
	__type(key, __u32);
	__type(value, struct fragment);
} fragments SEC(".maps");
#endif

#endif
