/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How packets move a flow from state to state; the states and their timeouts are in maps/flow.h.
 *
 * flow_next() is a pure function of the entry's standing and the packet. Segments that do not fit
 * the connection are refused and then leave no trace in the entry. The switch does not follow
 * windows: what it takes from the numbers is that a handshake's acknowledgment answers its SYN and
 * that a RST was sent by somebody who sees the connection.
 */
#ifndef SLUICE_BPF_TCP_H
#define SLUICE_BPF_TCP_H

#include "bpf/flow_table.h"

/* Outcomes of flow_next() besides the next standing, which is never this small: a live entry's
 * state is not zero and fills higher bits. */
#define FLOW_INVALID  0
#define FLOW_REOPENED 1 /* a SYN after the end: a new flow in the same place */

/*
 * A RST is believed when its sequence number lies at or up to this far beyond what the other end
 * wants next: as much as a sender may have in flight (Linux' default limit of the send buffer).
 * Somebody who does not see the connection hits that with one RST in a thousand; the receiver
 * itself then only believes the exact number (RFC 5961).
 */
#define TCP_RESET_WINDOW (4U << 20)

static __always_inline bool tcp_in_window(__u32 number, __u32 wanted)
{
	return number - wanted < TCP_RESET_WINDOW;
}

static __always_inline bool tcp_reset_fits(const struct flow *flow, union flow_standing standing,
					   const struct packet *packet)
{
	__u32 to = far_end(packet);

	/* A refusal comes from an end whose numbers nobody knows yet; it answers the SYN. */
	if (standing.state == FLOW_SYN_SENT && packet->direction != standing.originator)
		return packet->tcp_flags & TCP_ACK &&
		       tcp_in_window(packet->tcp_acknowledgment, flow->tcp_ack[near_end(packet)]);
	/* Joined in mid-stream (loose), nothing came back yet; or carried by a device. */
	if (flow->tcp_acks & FLOW_NUMBERS_UNKNOWN || !(flow->tcp_acks & 1 << to))
		return true;
	return tcp_in_window(packet->tcp_sequence, flow->tcp_ack[to]);
}

/* A SYN that is no answer. */
static __always_inline __u64 tcp_next_syn(union flow_standing standing, const struct packet *packet)
{
	switch (standing.state) {
	case FLOW_SYN_SENT:
		if (packet->direction != standing.originator)
			standing.state = FLOW_SYN_RECEIVED; /* simultaneous open */
		return standing.word;
	case FLOW_SYN_RECEIVED:
		return standing.word;
	case FLOW_CLOSED:
		return FLOW_REOPENED;
	}
	return FLOW_INVALID;
}

static __always_inline __u64 tcp_next_syn_ack(const struct flow *flow, union flow_standing standing,
					      const struct packet *packet)
{
	bool answers = tcp_in_window(packet->tcp_acknowledgment, flow->tcp_ack[near_end(packet)]);

	switch (standing.state) {
	case FLOW_SYN_SENT:
		if (packet->direction == standing.originator || !answers)
			return FLOW_INVALID;
		standing.state = FLOW_SYN_RECEIVED;
		return standing.word;
	case FLOW_SYN_RECEIVED:
		return answers ? standing.word : FLOW_INVALID;
	case FLOW_ESTABLISHED:
		/* The last part of the handshake was lost behind the switch. */
		if (packet->direction != standing.originator &&
		    packet->tcp_sequence + 1 == flow->tcp_ack[standing.originator & 1])
			return standing.word;
	}
	return FLOW_INVALID;
}

/* Everything else has an acknowledgment, or no stack sent it. */
static __always_inline __u64 tcp_next_segment(const struct flow *flow, union flow_standing standing,
					      const struct packet *packet)
{
	__u32 here = near_end(packet);

	if (!(packet->tcp_flags & TCP_ACK) || standing.state == FLOW_SYN_SENT)
		return FLOW_INVALID;
	if (standing.state == FLOW_SYN_RECEIVED && here == standing.originator) {
		if (!tcp_in_window(packet->tcp_acknowledgment, flow->tcp_ack[here]))
			return FLOW_INVALID;
		standing.state = FLOW_ESTABLISHED;
	}
	if (packet->tcp_flags & TCP_FIN && standing.state != FLOW_CLOSED) {
		standing.tcp_fins |= 1 << here;
		standing.state = standing.tcp_fins == 3 ? FLOW_CLOSED : FLOW_FIN_WAIT;
	}
	return standing.word;
}

static __always_inline __u64 tcp_next(const struct flow *flow, union flow_standing standing,
				      const struct packet *packet)
{
	if (packet->tcp_flags & TCP_RST) {
		if (!tcp_reset_fits(flow, standing, packet))
			return FLOW_INVALID;
		standing.state = FLOW_CLOSED;
		return standing.word;
	}
	if (packet->tcp_flags & TCP_SYN)
		return packet->tcp_flags & TCP_ACK ? tcp_next_syn_ack(flow, standing, packet)
						   : tcp_next_syn(standing, packet);
	return tcp_next_segment(flow, standing, packet);
}

/* The standing of a flow after this packet, FLOW_INVALID or FLOW_REOPENED. */
static __noinline __u64 flow_next(const struct flow *flow, __u64 word, const struct packet *packet)
{
	union flow_standing standing = { .word = word };

	if (packet->fragment == TRACE_FRAGMENT_LATER)
		return word;
	if (packet->tuple.protocol == PROTOCOL_TCP)
		return tcp_next(flow, standing, packet);
	if (standing.state == FLOW_UDP_ONE_WAY && packet->direction != standing.originator)
		standing.state = FLOW_UDP;
	return standing.word;
}

/* Most packets change nothing: no need to ask flow_next(). */
static __always_inline bool flow_stays(union flow_standing standing, __u8 tcp_flags, __u32 direction)
{
	if (standing.state == FLOW_ESTABLISHED)
		return (tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) == TCP_ACK;
	return standing.state >= FLOW_UDP ||
	       (standing.state == FLOW_UDP_ONE_WAY && direction == standing.originator);
}

/* What this end wants next is the highest that it acknowledged. */
static __always_inline void tcp_note_acknowledgment(struct flow *flow, __u32 here,
						    __u32 acknowledgment)
{
	if (!(flow->tcp_acks & 1 << here)) {
		flow->tcp_ack[here] = acknowledgment;
		flow->tcp_acks |= 1 << here;
	} else if ((__s32)(acknowledgment - flow->tcp_ack[here]) > 0) {
		flow->tcp_ack[here] = acknowledgment;
	}
}

/* What each end wants next. Ends of one flow may be served by two CPUs; each writes its own. */
static __always_inline void tcp_note_numbers(struct flow *flow, const struct packet *packet)
{
	__u32 here = near_end(packet), there = far_end(packet);

	if (packet->tcp_flags & TCP_RST || packet->fragment == TRACE_FRAGMENT_LATER)
		return;
	if (packet->tcp_flags & TCP_SYN) {
		flow->tcp_ack[there] = packet->tcp_sequence + 1;
		flow->tcp_acks |= 1 << there;
	}
	if (packet->tcp_flags & TCP_ACK)
		tcp_note_acknowledgment(flow, here, packet->tcp_acknowledgment);
}

/* The state a flow begins in with this packet. */
static __always_inline __u8 flow_first_state(const struct packet *packet)
{
	switch (packet->tuple.protocol) {
	case PROTOCOL_TCP:
		if (packet->tcp_flags & TCP_RST)
			return FLOW_CLOSED;
		if ((packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
			return FLOW_SYN_SENT;
		return FLOW_ESTABLISHED; /* in mid-stream, in loose mode */
	case PROTOCOL_UDP:
		return FLOW_UDP_ONE_WAY;
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		return FLOW_ICMP;
	}
	return FLOW_OTHER;
}

#endif
