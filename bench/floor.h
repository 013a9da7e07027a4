/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What bench/quick.c and its programs (bench/floor.bpf.c) agree on: which flows there are, and the
 * table whose look-ups are the cache-line floor.
 *
 * That table is what memory allows at best: a bucket is one line and holds two flows, a flow may
 * live in either of two buckets, keys and counters share the line, and there is nothing else. The
 * flows fill half of it.
 */
#ifndef SLUICE_BENCH_FLOOR_H
#define SLUICE_BENCH_FLOOR_H

#include "maps/base.h"

#ifndef __bpf__
#include <stdbool.h>
#include <stdlib.h>
#endif

#define BENCH_FLOWS  (1U << 20)
#define BENCH_HOT    4096 /* flows that nine of ten packets belong to when traffic is skewed */
#define LINE_BUCKETS BENCH_FLOWS
#define LINE_WAYS    2
#define BENCH_PORT   2048 /* ports are numbered from here: none of them is a server's of DHCP */

/* Which flow vary puts in front of the switch next. */
enum varied_flow {
	VARIED_SEQUENCE = 0, /* the one after the last */
	VARIED_SKEWED = 1,
	VARIED_UNIFORM = 2,
};

struct floor_key {
	__be32 source;
	__be32 destination;
	__be16 source_port;
	__be16 destination_port;
	__u32 protocol;
};

struct floor_key_ipv6 {
	struct ip_address source;
	struct ip_address destination;
	__be16 source_port;
	__be16 destination_port;
	__u32 protocol;
};

struct floor_flow {
	__u64 packets;
	__u64 bytes;
	__u32 device;
	__u32 padding;
};

/* The key as the two words it is compared in. */
union line_key {
	struct floor_key key;
	__u64 word[2];
};

struct line_way {
	union line_key key; /* protocol 0: unused */
	__u32 packets;
	__u32 device;
	__u64 bytes;
};

struct line_bucket {
	struct line_way way[LINE_WAYS];
};

_Static_assert(sizeof(struct line_bucket) == SLUICE_CACHE_LINE, "a bucket is one line");

static inline __attribute__((always_inline)) __u64 line_hash(const union line_key *key)
{
	__u64 hash = (key->word[0] ^ 0x0123456789abcdefULL) * 0x9e3779b97f4a7c15ULL;

	hash = (hash ^ hash >> 32 ^ key->word[1]) * 0xd6e8feb86659fd93ULL;
	return (hash ^ hash >> 32) * 0x9e3779b97f4a7c15ULL;
}

static inline __attribute__((always_inline)) __u32 line_first(__u64 hash)
{
	return hash >> 44 & (LINE_BUCKETS - 1);
}

static inline __attribute__((always_inline)) __u32 line_second(__u64 hash)
{
	return hash >> 24 & (LINE_BUCKETS - 1);
}

#ifndef __bpf__
/* Puts a flow into one of its two lines; one that had to make room for it goes into its other.
 * False: no room was found. */
static inline bool line_place(struct line_bucket *lines, union line_key key)
{
	for (int moves = 0; moves < 500; moves++) {
		__u64 hash = line_hash(&key);
		__u32 place[2] = { line_first(hash), line_second(hash) };
		struct line_way *victim = &lines[place[rand() & 1]].way[rand() % LINE_WAYS];
		union line_key moved = victim->key;

		for (int i = 0; i < 2 * LINE_WAYS; i++) {
			struct line_way *way = &lines[place[i / LINE_WAYS]].way[i % LINE_WAYS];

			if (!way->key.key.protocol) {
				way->key = key;
				return true;
			}
		}
		victim->key = key;
		key = moved;
	}
	return false;
}
#endif

/* The ports of a flow by its number, up to 2^24. */
static inline __attribute__((always_inline)) __u16 varied_source(__u32 number)
{
	return BENCH_PORT + (number & 1023);
}

static inline __attribute__((always_inline)) __u16 varied_destination(__u32 number)
{
	return BENCH_PORT + (number >> 10 & 16383);
}

#endif
