/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tables: everything a packet consults that a person configured, as cache lines.
 *
 * One memory-mapped array of 64-byte lines. Structures refer to each other by line number; line 0
 * is never used, so 0 means "none". The writer lays what is new in a version into lines that no
 * packet can be reading, then stores the version's root line into `control`. Nothing that is
 * published is ever changed.
 *
 * A version consists of extents of lines. Those of a policy that stays the same are taken over
 * from the version before: they live for as long as a version refers to them. The root lists all
 * extents of its version; the packet path does not read that list, the next writer does, which
 * finds in it what is in use whoever was killed before. Lines are taken from the first to the last,
 * around what is in use, and the writer waits for an RCU grace period each time it comes round
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
	__u32 extents;          /* first line of the struct extent array: all lines of this version */
	__u32 extent_count;
	__u32 devices;          /* first line of the device buckets: ifindex -> slot */
	__u32 device_mask;      /* how many device buckets, minus one; a power of two minus one */
	__u32 ports;            /* first line of the struct port array, indexed by slot */
	__u32 port_count;       /* slots in that array: highest slot in use plus one */
	__u8 mac[6];            /* the switch's own MAC, as every guest sees it */
	__u8 tcp_loose;         /* a flow may begin in mid-stream */
	__u8 padding;
	__u32 functions;        /* first line of device buckets: ifindex -> line of function_slots;
				 * 0: no device has virtual functions that are ports' */
	__u32 function_mask;
	__u32 tunnels;          /* line of the struct tunnel_entry; 0: no frames come by tunnels */
	/* From here on for the writer and for people only. */
	__u32 network_extents;  /* of the extents, the first so many hold vnets and devices */
	__u32 policies;         /* first line of the struct policy_record array */
	__u32 policy_count;
	__u32 outside;          /* for packets again: line of the struct vnet that is outside
				 * (maps/nat.h); 0: there is no way out */
};

struct extent {
	__u32 first;
	__u32 count;
};

#define EXTENTS_PER_LINE (SLUICE_CACHE_LINE / sizeof(struct extent))

/*
 * What the writer knows of a classifier of this version: enough to tell that a policy of the next
 * version is the same, and to take its lines over.
 */
struct policy_record {
	__u64 key;            /* which policy, in which vnet, which direction: a seeded hash of it */
	__u64 content[2];     /* seeded hash of its resolved rules (loader/policy_hash.h) */
	__u32 line;           /* what classify() is given; 0: no rules, which allows */
	__u32 extent;         /* the first of its extents, by number in the version's list */
	__u32 extent_count;
	__u32 base;           /* line of the classifier that the overlay's rules were added to */
	__u32 base_extents;   /* of its extents, the first so many are the base's */
	__u32 overlay;        /* struct rule_place array: the rules added to the base since; 0: none */
	__u32 overlay_count;
	__u32 places;         /* struct rule_place array: an ACL's rules that the base was laid from */
	__u32 place_count;
	__u8 padding[4];
};

/* Which order a rule has in a classifier. */
struct rule_place {
	__u32 rule; /* id */
	__u32 order;
};

#define RULE_PLACES_PER_LINE (SLUICE_CACHE_LINE / sizeof(struct rule_place))

/* ifindex -> slot. A bucket is one line; the writer picks device_mask so that none overflows.
 * Bucket of an ifindex: ifindex & device_mask. An unused entry has ifindex 0. */
#define DEVICES_PER_BUCKET 8
struct device_bucket {
	struct device_entry {
		__u32 ifindex;
		union {
			struct {
				__u16 slot;
				__u16 second; /* 1: the port's other device (maps/devices.h) */
			};
			__u32 functions; /* in root.functions: line of function_slots */
			__u32 vnet;      /* in a tunnel_entry: line of the struct vnet whose VNI
					  * `ifindex` is */
		};
	} entry[DEVICES_PER_BUCKET];
};

/*
 * Each virtual function (VF) of a NIC lies in a VLAN of its own, which the NIC puts on what the VF
 * sends and takes off what it gets: so its embedded switch lets VFs reach nobody but the NIC's own
 * device, the physical function (PF), whose program tells by the VLAN which VF sent a frame. VF n has
 * the VLAN FUNCTION_FIRST_VLAN + n. At a device that is in the `functions` buckets these VLANs
 * are the switch's alone; 4095 is no VLAN.
 */
#define FUNCTION_FIRST_VLAN 0xf00
#define FUNCTIONS_PER_DEVICE 255
#define FUNCTIONS_PER_LINE (SLUICE_CACHE_LINE / sizeof(__u16))
#define FUNCTION_LINES ((FUNCTIONS_PER_DEVICE + FUNCTIONS_PER_LINE - 1) / FUNCTIONS_PER_LINE)

/* The slots of a device's VFs, by number, FUNCTION_LINES long; 0: no port's. */
struct function_slots {
	__u16 slot[FUNCTIONS_PER_LINE];
};

_Static_assert(sizeof(struct function_slots) == SLUICE_CACHE_LINE, "slots fill a line");
_Static_assert(sizeof(struct table_line) == SLUICE_CACHE_LINE, "a line is a line");
_Static_assert(sizeof(struct root) == SLUICE_CACHE_LINE, "the root is one line");
_Static_assert(sizeof(struct policy_record) == SLUICE_CACHE_LINE, "a record is one line");
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
