/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tables: everything a packet consults that a person configured, as cache lines.
 *
 * One memory-mapped array of 64-byte lines. Structures refer to each other by line number; line 0
 * is never used, so 0 means "none". The writer lays a whole new version into lines that no packet
 * can be reading (an extent of its own), then stores its root line into `control`. Nothing in a
 * published extent is ever changed.
 *
 * An extent is reused only when no packet can still read it: extents are taken around the array
 * like a ring, and the writer waits for an RCU grace period each time it comes round
 * (loader/tables.c), which it notes in line 0.
 */
#ifndef SLUICE_MAPS_TABLES_H
#define SLUICE_MAPS_TABLES_H

#include "base.h"

struct table_line {
	__u8 bytes[SLUICE_CACHE_LINE];
};

#define SLUICE_DEFAULT_TABLE_LINES (1U << 20) /* 64 MiB: two versions with 100,000 rules fit */

/* The first thing a packet reads: what this version consists of. */
struct root {
	__u32 version;          /* counts up from 1, never reused in the life of the switch */
	__u32 first_line;       /* the extent that holds this version, root included */
	__u32 line_count;
	__u32 devices;          /* first line of the device buckets: ifindex -> slot */
	__u32 device_mask;      /* how many device buckets, minus one; a power of two minus one */
	__u32 ports;            /* first line of the struct port array, indexed by slot */
	__u32 port_count;       /* slots in that array: highest slot in use plus one */
	__u8 mac[6];            /* the switch's own MAC, as every guest sees it */
	__u8 tcp_loose;         /* a flow may begin in mid-stream */
	__u8 padding[29];
};

/* ifindex -> slot. A bucket is one line; the writer picks device_mask so that none overflows.
 * Bucket of an ifindex: ifindex & device_mask. An unused entry has ifindex 0. */
#define DEVICES_PER_BUCKET 8
struct device_bucket {
	struct {
		__u32 ifindex;
		__u32 slot;
	} entry[DEVICES_PER_BUCKET];
};

_Static_assert(sizeof(struct table_line) == SLUICE_CACHE_LINE, "a line is a line");
_Static_assert(sizeof(struct root) == SLUICE_CACHE_LINE, "the root is one line");
_Static_assert(sizeof(struct device_bucket) == SLUICE_CACHE_LINE, "a bucket is one line");

#ifdef __bpf__
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLUICE_DEFAULT_TABLE_LINES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct table_line);
} tables SEC(".maps");
#endif

#endif
