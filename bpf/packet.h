/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * struct packet: what the stages know of the frame in their hands.
 *
 * One lives on the stack of each entry point. Stages fill it in the order of the packet's way and
 * read what earlier ones filled; none of them asks whether it runs in XDP or in tc (bpf/frame.h does).
 *
 * A stage returns 0 to go on, a drop reason (> 0), or one of the two other ways to leave.
 */
#ifndef SLUICE_BPF_PACKET_H
#define SLUICE_BPF_PACKET_H

#include "maps/base.h"
#include "maps/drop_reasons.h"
#include "maps/flow.h"
#include "maps/port.h"
#include "maps/tables.h"
#include "maps/trace.h"
#include "maps/vnet.h"

enum {
	LEAVE_ANSWERED = -1, /* the frame is now the switch's answer: back to where it came from */
	LEAVE_HOST = -2,     /* up the host's stack, untouched */
};

enum hook {
	HOOK_XDP = 0,
	HOOK_TC = 1,
};

/* What decides: the fields that rules, flows and fragments are keyed with. Network order. */
struct tuple {
	struct ip_address source;
	struct ip_address destination;
	__u8 has_ports;          /* TCP, UDP, SCTP */
	__u8 protocol;           /* of the transport, behind extension headers */
	__u8 icmp_type;          /* ICMP and ICMPv6 only, else zero */
	__u8 icmp_code;
	__be16 source_port;      /* zero for protocols without ports */
	__be16 destination_port;
};

enum packet_kind {
	PACKET_IP = 0,
	PACKET_ARP = 1,
	PACKET_ND = 2,        /* neighbor solicitation or advertisement */
	PACKET_ICMP_ERROR = 3, /* an ICMP or ICMPv6 error: belongs to the flow it quotes */
};

/* What makes a flow's key besides the packet's headers and the VNI. Bits. */
enum key_form {
	KEY_UNSOLICITED = 1 << 0, /* an ICMP reply to no request that was seen */
	KEY_TURNED = 1 << 1,      /* its ends stand the other way round (bpf/legs.h) */
	KEY_TAKEN = 1 << 2,       /* other flows have both keys */
	KEY_QUOTED = 1 << 3,      /* of the packet that an ICMP error quotes */
};

/* What the short way (bpf/shortcut.h) came to. */
enum shortcut {
	SHORTCUT_NONE = 0,
	SHORTCUT_ABSENT = 1, /* no entry holds the packet's flow, whose direction is known now */
	SHORTCUT_TAKEN = 2,  /* other facts than `flow`, `out` and what it asked for are not known */
};

/* Kept small: entry points have half of the stack's 512 bytes, what they call has the rest, and
 * older kernels round each function's part up to 32. The order matters as well: the verifier
 * follows what is stored at the start of each eight bytes more closely than the rest, and goes
 * through what follows once more for each value. So what only some packets have does not stand at
 * a start. */
struct packet {
	union {
		struct xdp_md *xdp;
		struct __sk_buff *skb;
	};
	__u64 hook;              /* enum hook; eight bytes, see bpf/frame.h */
	const struct root *root; /* the version this packet is judged by, read once */
	const struct port *in;   /* the sending port */
	const struct port *out;  /* the receiving port, once route or flow has found it */
	struct flow *flow;       /* the live entry it belongs to, or NULL */

	/* From here on no pointers: bpf/forget.h. */
	struct tuple tuple;

	__u32 length;            /* of the frame, as received */
	__u32 ip_length;         /* IPv4 total length, or 40 + IPv6 payload length */

	__u32 now;               /* tick, read once */
	__u32 fragment_id;       /* IPv4's zero-extended or IPv6's, network order */

	union {
		struct { /* TCP, host order */
			__u32 tcp_sequence;
			__u32 tcp_acknowledgment;
		};
		struct { /* ICMP and ICMPv6 */
			__u32 icmp_padding;
			__be16 icmp_identifier; /* of echo and timestamp messages, else zero */
			__u16 nd_link; /* offset of ND's link-layer address option; 0: none */
		};
	};

	__u32 rule[FLOW_RULES];  /* deciding rule ids by level (maps/flow.h) */

	__u32 acl_rule;          /* last ACL rule that matched; 0: none */
	__u32 flow_claim;        /* flow->claim as it was found: changed means freed since */
	__u32 decided_by;        /* rule id for the drop, the event and the trace */

	__u16 fragment_begin;    /* in units of 8 bytes */
	__u16 fragment_end;      /* exclusive */

	__u16 in_slot;
	__u16 out_slot;
	__be16 ethertype;        /* behind the VLAN tags */
	__u16 l4;                /* offset of the transport header; 0 in later fragments */

	__u8 tracing;            /* run by sluice_trace */
	__u8 kind;               /* enum packet_kind */
	__u8 ipv6;
	__u8 vlan_count;
	__u8 ttl;                /* or hop limit */
	__u8 fragment;           /* enum trace_fragment */
	__u8 fragment_more;      /* more fragments follow */
	__u8 tcp_flags;

	__u8 read_only;          /* the trace must not touch flows, fragments or counters */
	__u8 has;                /* enum parsed_has */
	__u8 direction;          /* of the flow's key: 0 or 1 */
	__u8 form;               /* enum key_form: of the key its flow has, or can begin with */
	__u8 known;              /* the flow exists and its verdict holds: route and police are done */
	__u8 state;              /* enum trace_state */
	__u8 level;              /* enum police_level of decided_by */
	__u8 keep;               /* every NSG that judged says keep */

	__u8 shortcut;           /* enum shortcut */
	__u8 stages;             /* bit per enum stage it came to */
	__u8 l3;                 /* offset of the IP or ARP header */
	__u8 flaw;               /* first drop reason that left the rest readable, see parse.h */
	__be16 vlan[2];
};

_Static_assert(sizeof(struct packet) == 176, "no bytes to spare");

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20

#endif
