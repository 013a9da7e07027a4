/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flows, flow_tags and flow_details: one entry per connection, both directions.
 *
 * Memory-mapped arrays of buckets of eight entries. An entry's one cache line in `flows` is all that
 * an established packet writes; the rest of it, in the same place of `flow_details`, is for first
 * packets and for readers. A key may live in either of two buckets (two parts of one seeded hash),
 * and a table four fifths full still refuses only one new flow in five hundred (with buckets of four
 * it would be one in eight).
 *
 * Which of a bucket's ways a key may lie in is said by their tags, eight bits each, one word a
 * bucket: zero for a way that is free, else the highest bit and seven bits of the key's hash. So a
 * lookup reads the line of its entry and, one time in thirty, one more, and a key without an entry is
 * known by two words, small enough to be in a cache. A tag belongs to whoever holds its way's claim,
 * is set before its entry can be read and taken back after that. User space that frees an entry takes
 * back the tag as well.
 * Programs insert, refresh and expire entries; user space reads, and frees an entry only by the
 * same claim a program uses (bpf/flow_table.h).
 *
 * The line knows its flow by 16 bytes: the ports, the protocol, the VNI and both addresses of IPv4,
 * or 64 bits that a secret makes of those of IPv6 (flow_id_make() in bpf/flow_table.h): two IPv6 flows
 * alike in everything else are taken for one with a chance of 2^-64.
 *
 * An entry's `claim` is even while it can be read and odd while somebody takes or frees it; a
 * reader that sees it change was too late: the entry was freed under it. An entry is free when
 * `state` is FLOW_FREE, and as good as free when its time is out. Two programs that meet the same
 * new key take the same stripe of flow_locks, so a key never has two entries.
 *
 * What an entry says of a live connection (version, state, ACL bits) is one 64-bit word and only
 * ever changed by compare-and-swap, so that both directions of a flow can run on two CPUs.
 *
 * Packets are counted in the line alone. From there they are settled (bpf/settle.h): added to the
 * entry's totals and to the counters of its rules. That happens before the word can overflow, before
 * the entry's rules change or the entry is another flow's, and when somebody wants to read rule
 * counters (sluice_settle). A flow's packets are its totals and what is not settled yet.
 *
 * flow_usage counts each port's entries against its flowLimit.
 */
#ifndef SLUICE_MAPS_FLOW_H
#define SLUICE_MAPS_FLOW_H

#include "base.h"

/* Time in entries is bpf_ktime_get_coarse_ns() >> FLOW_TICK_SHIFT: 67 ms a tick, nine years. */
#define FLOW_TICK_SHIFT 26
#define FLOW_TICKS_PER_SECOND 15 /* rounded up when a timeout is converted */

/*
 * States and their idle timeouts in seconds, the one table of DESIGN section 3.
 * X(IDENTIFIER, "name in output", idle seconds, "entered when")
 */
#define FLOW_STATES(X)                                                                        \
	X(FREE, "free", 0, "no connection")                                                   \
	X(SYN_SENT, "syn-sent", 30, "SYN seen; nothing came back")                            \
	X(SYN_RECEIVED, "syn-received", 60, "SYN and SYN+ACK seen")                           \
	X(ESTABLISHED, "established", 7440, "handshake complete (RFC 5382, REQ-5)")           \
	X(FIN_WAIT, "fin-wait", 240, "one side sent FIN")                                     \
	X(CLOSED, "closed", 10, "both sides sent FIN, or RST; a SYN may open it anew")        \
	X(UDP_ONE_WAY, "udp-one-way", 30, "datagrams in one direction only")                  \
	X(UDP, "udp", 180, "datagrams in both directions (RFC 4787, REQ-5)")                  \
	X(ICMP, "icmp", 30, "ICMP query or its reply")                                        \
	X(OTHER, "other", 600, "any other protocol")

enum flow_state {
#define X(identifier, name, seconds, text) FLOW_##identifier,
	FLOW_STATES(X)
#undef X
	FLOW_STATE_COUNT
};

/* The two ends of a flow in canonical order: end 0 has the lower (address, port). A packet whose
 * source is end 0 runs in direction 0. Ports by protocol: TCP, UDP, SCTP as in the header. What
 * decides about an ICMP message is its type and code, so they are in its key: an echo or timestamp
 * request (code 0) and its reply have the identifier at the requester's end and the identifier
 * plus FLOW_ICMP_* at the responder's; any other ICMP message has type << 8 | code at the sender's
 * end and that plus FLOW_ICMP_OTHER at the other. No two of these look alike, nor like each
 * other's reverse. The rest has zeros. */
enum flow_icmp {
	FLOW_ICMP_ECHO = 1,
	FLOW_ICMP_OTHER = 2,
	FLOW_ICMP_TIMESTAMP = 3,
};

struct flow_key {
	struct ip_address address[2];
	__be16 port[2];
	__u32 vni_protocol; /* vni << 8 | IP protocol */
};

#define FLOW_RULES 4 /* outbound nic, outbound subnet, inbound subnet, inbound nic; 0: no rule */

/* What a line knows its flow by. */
struct flow_id {
	union {
		__be32 ipv4[2];   /* the addresses of both ends */
		__u64 addresses;  /* the same, or a digest of both IPv6 addresses */
	};
	union {
		struct {
			__be16 port[2];
			__u32 vni_protocol;
		};
		__u64 ends;       /* the rest of the key */
	};
};

/* One direction's packets that are not settled: packets << 40 | bytes (frame lengths, without
 * FCS). Settled at the latest when half of either is used up. */
#define FLOW_COUNT_SHIFT 40
#define FLOW_COUNT_ONE   (1ULL << FLOW_COUNT_SHIFT)
#define FLOW_COUNT_BYTES (FLOW_COUNT_ONE - 1)
#define FLOW_COUNT_FULL  (1ULL << 63 | 1ULL << (FLOW_COUNT_SHIFT - 1))

/* In acl_allowed of an entry that was imported and that no packet has met since: the first of either
 * direction is admitted, routed and asked about in ACLs as any flow's first is. */
#define FLOW_UNMET 4

/* The line. */
struct flow {
	struct flow_id id;
	union {
		struct {
			__u32 version;    /* the version the verdict was reached under */
			__u8 state;       /* enum flow_state */
			__u8 originator;  /* the end that sent the first packet: 0 or 1; the port
					   * there is the one whose quota the entry counts against */
			__u8 acl_allowed; /* bit d: ACLs allow direction d under `version`; FLOW_UNMET */
			__u8 tcp_fins;    /* bit d: FIN seen in direction d */
		};
		__u64 standing;           /* the same as the one word that is swapped */
	};
	__u32 claim;              /* even: readable; odd: being rewritten; counts up */
	__u32 last_seen;          /* tick */
	__u64 counted[2];         /* by direction of the key, FLOW_COUNT_*; a free entry may have some left */
	__u32 tcp_ack[2];         /* the sequence number each end wants next, host order: the highest it
				   * acknowledged or, before that, the one after the other's SYN */
	__u16 slot[2];            /* port at each end; a packet of direction d goes to slot[!d] */
	__u32 place : 24;         /* where it lies: bucket * FLOWS_PER_BUCKET + way */
	__u32 tcp_acks : 8;       /* bit d: tcp_ack[d] is valid; or FLOW_NUMBERS_UNKNOWN */
};

/* In tcp_acks: a device carries the flow (maps/offload.h), and what either end wants next is its to
 * know. */
#define FLOW_NUMBERS_UNKNOWN 4

/* The rest. */
struct flow_detail {
	struct ip_address address[2];
	__u32 rule[FLOW_RULES];   /* deciding rule ids */
	__u64 packets[2];         /* settled, by direction of the key */
	__u64 bytes[2];
	__u32 settling;           /* low half: how many programs are settling it; high half: how often
				   * one was done. What is read while it stays the same, the low half
				   * being zero, is of one moment. */
	__u32 created;            /* tick */
	__u32 error_due;          /* tick up to which ICMP errors about it have used its allowance */
	__u8 keep;                /* every NSG that judged it says existingFlows: keep */
	__u8 padding[3];
};

#define FLOWS_PER_BUCKET 8
/* A bucket with fewer live entries than this takes a new one without a look at the other bucket:
 * most look-ups then end in the first. */
#define FLOWS_WITHOUT_CHOICE 5
struct flow_bucket {
	struct flow way[FLOWS_PER_BUCKET];
};

struct flow_details {
	struct flow_detail way[FLOWS_PER_BUCKET];
};

/* A bucket's tags are one word of flow_tags; that of way 0 is the lowest byte. */
#define FLOW_TAG_USED 0x80

/* What an entry takes, in bytes. */
#define FLOW_BYTES (sizeof(struct flow) + sizeof(struct flow_detail) + 1)

/* How many flows the table has room for is said by switch.flows and settled at `up`: the number of
 * buckets is a power of two. */
#define SLUICE_DEFAULT_FLOWS 262144U /* 40 MiB */
#define SLUICE_LEAST_FLOWS   4096U
#define SLUICE_MOST_FLOWS    16777216U /* 2.5 GiB */
#define FLOW_LOCK_STRIPES 1024

_Static_assert(sizeof(struct flow_key) == 40, "no hidden padding in the key");
_Static_assert(sizeof(struct flow) == SLUICE_CACHE_LINE, "an entry's line is one");
_Static_assert(sizeof(struct flow_detail) == 96, "no hidden padding in the details");
_Static_assert(SLUICE_MOST_FLOWS <= 1 << 24, "a place has 24 bits");

/* How many buckets one run of sluice_settle settles: a fraction of a millisecond's work. */
#define SETTLE_BUCKETS 4096

/* Of the sweeper, whose map holds it behind the kernel's timer. */
struct sweep_progress {
	__u32 next_bucket;
	__u32 generation;
	__u32 stretches; /* swept so far */
	__u32 last_ns;   /* how long the last one held its CPU */
};

#ifdef __bpf__
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLUICE_DEFAULT_FLOWS / FLOWS_PER_BUCKET);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct flow_bucket);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLUICE_DEFAULT_FLOWS / FLOWS_PER_BUCKET);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct flow_details);
} flow_details SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLUICE_DEFAULT_FLOWS / FLOWS_PER_BUCKET);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} flow_tags SEC(".maps");

struct flow_lock {
	struct bpf_spin_lock lock;
	__u32 padding;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_LOCK_STRIPES);
	__type(key, __u32);
	__type(value, struct flow_lock);
} flow_locks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLUICE_MAX_PORTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} flow_usage SEC(".maps");

/* The sweeper: a kernel timer that frees entries whose time is out, a stretch at a time, so that
 * quotas come back without any process running (bpf/sweep.h). */
struct flow_sweep {
	struct bpf_timer timer;
	struct sweep_progress progress;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_sweep);
} flow_sweeper SEC(".maps");
#endif

#endif
