/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a tuple to the key of its flow and back (maps/flow.h says what a key holds).
 */
#ifndef SLUICE_BPF_FLOW_KEY_H
#define SLUICE_BPF_FLOW_KEY_H

#include "bpf/lookup.h"
#include "bpf/protocol.h"

/* enum flow_icmp of an ICMP message; *reply: it answers a request. */
static __always_inline __u16 icmp_exchange(const struct tuple *tuple, bool *reply)
{
	*reply = false;
	if (tuple->icmp_code)
		return FLOW_ICMP_OTHER;
	if (tuple->protocol == PROTOCOL_ICMPV6) {
		*reply = tuple->icmp_type == ICMPV6_ECHO_REPLY;
		return *reply || tuple->icmp_type == ICMPV6_ECHO_REQUEST ? FLOW_ICMP_ECHO
									 : FLOW_ICMP_OTHER;
	}
	switch (tuple->icmp_type) {
	case ICMP_ECHO_REPLY:
		*reply = true;
		return FLOW_ICMP_ECHO;
	case ICMP_ECHO_REQUEST:
		return FLOW_ICMP_ECHO;
	case ICMP_TIMESTAMP_REPLY:
		*reply = true;
		return FLOW_ICMP_TIMESTAMP;
	case ICMP_TIMESTAMP_REQUEST:
		return FLOW_ICMP_TIMESTAMP;
	}
	return FLOW_ICMP_OTHER;
}

static __always_inline bool is_icmp_reply(const struct tuple *tuple)
{
	bool reply = false;

	return is_icmp(tuple->protocol) && icmp_exchange(tuple, &reply) != FLOW_ICMP_OTHER && reply;
}

/* What stands for ports in the key of an ICMP message. A reply to no request that was seen is
 * a flow of its own kind: it must not open the way for requests from the far end. */
static __always_inline void icmp_ends(const struct tuple *tuple, __be16 identifier,
				      __u32 form, __be16 *source, __be16 *destination)
{
	bool reply = false;
	__u16 exchange = icmp_exchange(tuple, &reply);
	__u16 near = bpf_ntohs(identifier);

	if (exchange == FLOW_ICMP_OTHER || form & KEY_UNSOLICITED) {
		near = (__u16)tuple->icmp_type << 8 | tuple->icmp_code;
		*source = bpf_htons(near);
		*destination = bpf_htons(near + FLOW_ICMP_OTHER);
		return;
	}
	*source = bpf_htons(reply ? near + exchange : near);
	*destination = bpf_htons(reply ? near : near + exchange);
}

/* Does (address a, port) come after (address b, port) in the canonical order? */
static __always_inline bool end_is_higher(const struct ip_address *a, __be16 a_port,
					  const struct ip_address *b, __be16 b_port)
{
	if (a->halves[0] != b->halves[0])
		return bpf_be64_to_cpu(a->halves[0]) > bpf_be64_to_cpu(b->halves[0]);
	if (a->halves[1] != b->halves[1])
		return bpf_be64_to_cpu(a->halves[1]) > bpf_be64_to_cpu(b->halves[1]);
	return bpf_ntohs(a_port) > bpf_ntohs(b_port);
}

/* A key as the words it is stored and compared in. Composed in a register and stored at once: a
 * load of eight bytes just stored as two and four would wait for them. */
union flow_words {
	struct flow_key key;
	__u64 word[5];
	struct {
		struct ip_address address[2];
		union {
			struct {
				__be16 port[2];
				__u32 vni_protocol;
			};
			__u64 word;
		} last;
	};
};

static __always_inline void flow_words_end(union flow_words *words, __be16 low, __be16 high,
					   __u32 vni_protocol)
{
	typeof(words->last) last = { .port = { low, high }, .vni_protocol = vni_protocol };

	words->word[4] = last.word;
}

static __always_inline __u8 flow_words_make(union flow_words *words, const struct tuple *tuple,
					    __be16 source_port, __be16 destination_port, __u32 form,
					    __u32 vni)
{
	__u32 vni_protocol = vni << 8 | tuple->protocol;

	if (end_is_higher(&tuple->source, source_port, &tuple->destination, destination_port) !=
	    !!(form & KEY_TURNED)) {
		words->address[0] = tuple->destination;
		words->address[1] = tuple->source;
		flow_words_end(words, destination_port, source_port, vni_protocol);
		return 1;
	}
	words->address[0] = tuple->source;
	words->address[1] = tuple->destination;
	flow_words_end(words, source_port, destination_port, vni_protocol);
	return 0;
}

/* Fills the key of a packet's flow. Returns the direction the packet runs in. */
static __always_inline __u8 flow_key_make(union flow_words *words, const struct tuple *tuple,
					  __be16 icmp_identifier, __u32 form, __u32 vni)
{
	__be16 source_port = tuple->source_port;
	__be16 destination_port = tuple->destination_port;

	if (is_icmp(tuple->protocol))
		icmp_ends(tuple, icmp_identifier, form, &source_port, &destination_port);
	return flow_words_make(words, tuple, source_port, destination_port, form, vni);
}

/* The same for a packet that is known to be no ICMP. */
static __always_inline __u8 flow_key_make_plain(union flow_words *words, const struct tuple *tuple,
						__u32 vni)
{
	return flow_words_make(words, tuple, tuple->source_port, tuple->destination_port, 0, vni);
}

/* The rest of a tuple that has its addresses, from what a flow's key has at both ends. */
static __always_inline void tuple_of_ends(struct tuple *tuple, __u8 protocol, __u16 near, __u16 far)
{
	tuple->protocol = protocol;
	if (!is_icmp(protocol)) {
		tuple->source_port = bpf_htons(near);
		tuple->destination_port = bpf_htons(far);
		tuple->has_ports = protocol_has_ports(protocol);
		return;
	}
	switch ((__u16)(far - near)) {
	case FLOW_ICMP_ECHO:
		tuple->icmp_type =
			protocol == PROTOCOL_ICMP ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_REQUEST;
		break;
	case FLOW_ICMP_TIMESTAMP:
		tuple->icmp_type = ICMP_TIMESTAMP_REQUEST;
		break;
	default:
		tuple->icmp_type = near >> 8;
		tuple->icmp_code = near & 0xff;
	}
}

/* The tuple of a flow's packets in one direction, as rules see it. */
static __always_inline void flow_tuple(const struct flow *flow, const struct flow_detail *detail,
				       __u8 direction, struct tuple *tuple)
{
	__u16 near = bpf_ntohs(direction ? flow->id.port[1] : flow->id.port[0]);
	__u16 far = bpf_ntohs(direction ? flow->id.port[0] : flow->id.port[1]);

	__builtin_memset(tuple, 0, sizeof(*tuple));
	if (direction) {
		tuple->source = detail->address[1];
		tuple->destination = detail->address[0];
	} else {
		tuple->source = detail->address[0];
		tuple->destination = detail->address[1];
	}
	tuple_of_ends(tuple, flow->id.vni_protocol & 0xff, near, far);
}

#endif
