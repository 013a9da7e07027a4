/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * control: the one word that decides which version runs, and what else all programs share.
 *
 * One element, memory-mapped by the writer. A packet reads `root` once, at its start, and
 * reaches everything else of the policy from there: storing `root` is the switch-over.
 * Inserted at `up`, written by the holder of the switch's lock, read by every packet.
 */
#ifndef SLUICE_MAPS_CONTROL_H
#define SLUICE_MAPS_CONTROL_H

#include "base.h"

/*
 * Running programs and whoever writes for them must have one layout: its number, which is in
 * control.layout, is made of all these headers when they are built (maps/layout.sh). Count this up when
 * what an element means changes and its declaration does not: where a key's entry is looked for, say.
 */
#define SLUICE_MEANING 1

struct control {
	__u32 root;               /* line in `tables` of the running version's struct root; 0: none */
	__u32 layout;             /* SLUICE_LAYOUT (maps/layout.h) of the build that made the maps */
	__u64 hash_seed[5];       /* secret, drawn at `up`: what flows are hashed with */
	__u64 observe_until;      /* bpf_ktime_get_coarse_ns() until which events are wanted; 0: none.
				   * An observer pushes it forward, so a killed one costs nothing. */
	__u32 observe_per_second; /* events each CPU may send a second */
	__u32 sweep_generation;   /* stored anew by a loader to stop an older program's sweep timer */
};

_Static_assert(sizeof(struct control) == SLUICE_CACHE_LINE, "control is one line");

/* The time as a CPU last asked for it. The kernel's coarse clock moves with the jiffies: within one
 * there is no need to ask again, and asking is a call. Written and read by programs alone. */
struct tick_read {
	__u64 jiffies; /* when it was asked for */
	__u32 tick;    /* maps/flow.h */
	__u32 padding;
};

#ifdef __bpf__
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tick_read);
} tick_reads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct control);
} control SEC(".maps");
#endif

#endif
