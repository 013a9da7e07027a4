/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reference model: what the switch must do, said as plainly as it can be said.
 *
 * It walks the whole document for every packet, first match first, and keeps a plain list of
 * connections. It shares no code with the packet path nor with the compiler; of maps/ it reads
 * only names. Where the model and the switch disagree, one of them is wrong.
 */
#ifndef SLUICE_TESTS_REFERENCE_H
#define SLUICE_TESTS_REFERENCE_H

#include "loader/sluice.h"

/* A frame, decoded. Numbers in host order. */
struct reference_packet {
	char port[16]; /* the port that sends it */
	enum reference_kind {
		REFERENCE_IP,
		REFERENCE_ARP,        /* a request: sender MAC and address, target = destination */
		REFERENCE_SOLICIT,    /* a neighbor solicitation for `target` */
		REFERENCE_ICMP_ERROR, /* an error that quotes `quoted` */
	} kind;
	unsigned char source_mac[6];
	unsigned char destination_mac[6];
	unsigned char sender_mac[6]; /* as ARP or the solicitation's option says it */
	unsigned int vlan_count;
	struct ip_address source;
	struct ip_address destination;
	struct ip_address target;
	unsigned int protocol;
	unsigned int source_port;
	unsigned int destination_port;
	unsigned int icmp_type;
	unsigned int icmp_code;
	unsigned int icmp_id;
	unsigned int ttl;
	bool later_fragment; /* of a datagram whose first fragment was never sent */
	unsigned int tcp_flags;
	unsigned int tcp_sequence;
	unsigned int tcp_acknowledgment;
	struct {
		struct ip_address source;
		struct ip_address destination;
		unsigned int protocol;
		unsigned int source_port;
		unsigned int destination_port;
		unsigned int icmp_type;
		unsigned int icmp_code;
		unsigned int icmp_id;
	} quoted;
};

#define REFERENCE_RULE_TEXT 160

/* Rules are told as their keys in loader/ids.h: "nsg/NSG/in/RULE", "acl/ACL/RULE"; "": none. */
struct reference_outcome {
	enum trace_verdict verdict;
	enum drop_reason reason;
	bool answered;
	enum trace_state state;
	bool routed;                    /* from one subnet to another: one hop less */
	char out_port[16];              /* "" when it is not delivered to a port */
	char rule[REFERENCE_RULE_TEXT]; /* denied, or the last NSG's that allowed */
};

struct reference_answer {
	enum access access;
	enum police_level level;
	char rule[REFERENCE_RULE_TEXT];
};

struct reference;

struct reference *reference_new(void);
void reference_free(struct reference *reference);
/* From now on packets are judged by config, which must live as long. Connections live on. */
void reference_set_config(struct reference *reference, const struct sluice_config *config);
void reference_forget_connections(struct reference *reference);
/* Whether the device of a port of the document is there to be sent to; it is until told. */
void reference_set_device(struct reference *reference, const char *port, bool is_there);

/* What the policies of the packet's port alone say, as struct query asks; only the tuple is
 * read. */
void reference_query(struct reference *reference, const struct reference_packet *packet,
		     enum direction direction, struct reference_answer *answer);

/* What becomes of a frame. keep: connections are made and change as by a live packet. */
void reference_send(struct reference *reference, const struct reference_packet *packet, bool keep,
		    struct reference_outcome *outcome);

/* One of the live connections, to send packets on: fills addresses, ports, protocol, ICMP fields,
 * fitting TCP numbers and the sending port for the way of the originator or, with reply, back.
 * False: there is none, or a port at its ends is gone. */
bool reference_pick_connection(const struct reference *reference, unsigned int which, bool reply,
			       struct reference_packet *packet);
size_t reference_connection_count(const struct reference *reference);

/* The frame that a packet decodes, into at least 256 bytes. Returns its length. */
size_t reference_frame(const struct reference_packet *packet, unsigned char *frame);

#endif
