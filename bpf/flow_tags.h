/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tags of a bucket (maps/flow.h), eight in a word: which ways a key may lie in, and which hold
 * nothing. All eight are looked at together.
 */
#ifndef SLUICE_BPF_FLOW_TAGS_H
#define SLUICE_BPF_FLOW_TAGS_H

#include "bpf/packet.h"

#define EVERY_TAG(byte) ((byte) * 0x0101010101010101ULL)

/* What stands for ways below: their tags' highest bits. */

static __always_inline __u64 tag_of(__u64 hash)
{
	return FLOW_TAG_USED | hash >> 57;
}

/* The ways with this tag. The lowest is one; others may be none, as a borrow came through. */
static __always_inline __u64 ways_tagged(__u64 tags, __u64 tag)
{
	__u64 other = tags ^ EVERY_TAG(tag);

	return (other - EVERY_TAG(1)) & ~other & EVERY_TAG(FLOW_TAG_USED);
}

static __always_inline __u64 ways_unused(__u64 tags)
{
	return ~tags & EVERY_TAG(FLOW_TAG_USED);
}

static __always_inline __u32 count_ways(__u64 ways)
{
	return (ways >> 7) * EVERY_TAG(1) >> 56;
}

/* The number of the lowest of some ways: its bit, alone, shifts that byte of the constant to the top. */
static __always_inline __u32 lowest_way(__u64 ways)
{
	return ((ways & -ways) >> 7) * 0x0001020304050607ULL >> 56 & (FLOWS_PER_BUCKET - 1);
}

static __always_inline __u64 without_lowest(__u64 ways)
{
	return ways & (ways - 1);
}

/* Says what a way is tagged with from now on; 0: it is unused. By whoever holds the way's claim and
 * nobody else, so that the old tag can be taken off by an addition that leaves its neighbors alone. */
static __always_inline void tag_way(__u64 *tags, __u32 way, __u64 tag)
{
	__u32 shift = (way & (FLOWS_PER_BUCKET - 1)) * 8;
	__u64 old = *(volatile __u64 *)tags >> shift & 0xff;

	__sync_fetch_and_add(tags, (tag - old) << shift);
}

#endif
