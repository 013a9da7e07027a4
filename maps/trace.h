/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * traces: what each stage decided of a frame run through the entry point sluice_trace, and the
 * question and answer of sluice_query. Both entry points are built from the same stages as the
 * live ones, are loaded with them, read the same maps, and are reachable only by
 * BPF_PROG_TEST_RUN (they are attached to nothing).
 *
 * The caller pins itself to a CPU, writes `request` into that CPU's element, runs the program
 * once, and reads the same CPU's element.
 */
#ifndef SLUICE_MAPS_TRACE_H
#define SLUICE_MAPS_TRACE_H

#include "base.h"
#include "flow.h"

/* The stages, in the packet's order. X(IDENTIFIER, "name") */
#define STAGES(X)           \
	X(PARSE, "parse")   \
	X(ADMIT, "admit")   \
	X(ANSWER, "answer") \
	X(FLOW, "flow")     \
	X(ROUTE, "route")   \
	X(POLICE, "police") \
	X(ACT, "act")       \
	X(DELIVER, "deliver")

enum stage {
#define X(identifier, name) STAGE_##identifier,
	STAGES(X)
#undef X
	STAGE_COUNT
};

enum trace_verdict {
	TRACE_DROP = 0,
	TRACE_DELIVER = 1, /* to out_slot; also an answer, which goes back to the sender */
	TRACE_HOST = 2,
};

/* How the frame stands to the flow table. X(IDENTIFIER, "name") */
#define TRACE_STATES(X)                                                                       \
	X(NONE, "none")                                                                       \
	X(NEW, "new")                                                                         \
	X(ESTABLISHED, "established")                                                         \
	X(RELATED, "related")                                                                 \
	X(INVALID, "invalid")

enum trace_state {
#define X(identifier, name) TRACE_STATE_##identifier,
	TRACE_STATES(X)
#undef X
	TRACE_STATE_COUNT
};

enum police_level {
	LEVEL_NONE = 0,
	LEVEL_ACL = 1,
	LEVEL_SUBNET = 2,
	LEVEL_NIC = 3,
};

enum trace_fragment {
	TRACE_FRAGMENT_NO = 0,
	TRACE_FRAGMENT_FIRST = 1,
	TRACE_FRAGMENT_LATER = 2,
};

/* What parse found. The fields are valid as `has` says. */
enum parsed_has {
	PARSED_ETHERNET = 1 << 0,
	PARSED_ADDRESSES = 1 << 1,
	PARSED_PORTS = 1 << 2,
	PARSED_ICMP = 1 << 3,
	PARSED_TCP_FLAGS = 1 << 4,
};

struct trace_parsed {
	struct ip_address source;
	struct ip_address destination;
	__be16 ether_type;       /* behind the VLAN tags */
	__be16 vlan[2];          /* tag control information */
	__be16 source_port;
	__be16 destination_port;
	__u8 vlan_count;
	__u8 protocol;           /* the transport, behind IPv6 extension headers */
	__u8 fragment;           /* enum trace_fragment */
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 tcp_flags;
	__u8 has;                /* enum parsed_has */
	__u8 padding[7];
};

/* A question for sluice_query: would the policies of `slot` in `direction` allow this tuple?
 * It asks the switch ACL, the port's ACL, and both levels of NSG, of this port alone. */
struct query {
	__u32 slot;
	__u8 direction;          /* enum direction */
	__u8 protocol;
	__u8 icmp_type;
	__u8 icmp_code;
	struct ip_address source;
	struct ip_address destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 padding[4];
};

struct trace_request {
	__u32 slot;              /* sluice_trace: the port that sends the frame */
	__u32 length;            /* sluice_trace: of the frame, of which the run may get only the
				  * beginning; 0: what the run gets is all of it */
	__u8 keep_flows;         /* sluice_trace: create and refresh flows as a live packet would */
	__u8 padding[7];
	struct query query;      /* sluice_query */
};

struct trace_result {
	__u32 stages;            /* bit per enum stage: the frame came to it */
	__u32 version;
	__u32 rule;              /* deciding rule id: the one that denied or, where all allowed, the
				  * last NSG's; 0: none */
	__u32 rules[FLOW_RULES]; /* by level as in flow.rule; 0: none */
	__u32 acl_rule;          /* ACL rule that matched last; 0: none */
	__u16 out_slot;
	__u8 verdict;            /* enum trace_verdict */
	__u8 reason;             /* enum drop_reason */
	__u8 drop_stage;         /* enum stage that dropped it */
	__u8 state;              /* enum trace_state */
	__u8 level;              /* enum police_level of the deciding rule */
	__u8 access;             /* enum access: sluice_query's answer */
	__u8 answered;           /* the switch itself answered (ARP, ND, echo, ICMP error) */
	__u8 padding[3];
	__u32 out_length;        /* of the frame as sent */
	struct trace_parsed parsed;
};

struct trace {
	struct trace_request request;
	struct trace_result result;
};

#ifdef __bpf__
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct trace);
} traces SEC(".maps");
#endif

#endif
