/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stages find_flow and remember_flow: what the switch knows of the connection a packet belongs
 * to, and what it will know after this packet.
 *
 * A packet whose flow's verdict holds (same version, ACLs allowed this direction) is `known` and
 * passes route and police by. Any other is judged there, and remember_flow keeps the verdict.
 */
#ifndef SLUICE_BPF_FLOW_H
#define SLUICE_BPF_FLOW_H

#include "bpf/admit.h"
#include "bpf/flow_insert.h"
#include "bpf/forget.h"
#include "bpf/fragment.h"
#include "bpf/legs.h"
#include "bpf/quoted.h"
#include "bpf/tcp.h"

/* No entry holds the packet's flow: may it begin one? */
static __always_inline int begin_flow(struct packet *packet)
{
	bool related = packet->state == TRACE_STATE_RELATED;

	packet->flow = NULL;
	packet->form &= ~KEY_UNSOLICITED;
	if (is_icmp_reply(&packet->tuple))
		packet->form |= KEY_UNSOLICITED;
	packet->state = TRACE_STATE_INVALID;
	if (packet->form & KEY_TAKEN)
		return DROP_FLOW_LEGS;
	if (related)
		return DROP_ICMP_UNRELATED;
	if (packet->fragment == TRACE_FRAGMENT_LATER)
		return DROP_FRAGMENT_ORPHAN;
	if (packet->tuple.protocol == PROTOCOL_TCP && !packet->root->tcp_loose &&
	    (packet->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return DROP_TCP_STATE;
	packet->state = TRACE_STATE_NEW;
	return 0;
}

/* Takes the verdict from the entry. False: the entry, or the receiver, went away. */
static __always_inline bool take_verdict(struct packet *packet, struct flow *flow)
{
	packet->out_slot = flow->slot[far_end(packet)];
	packet->out = port_at(packet->root, packet->out_slot);
	return packet->out && flow_unchanged(flow, packet->flow_claim);
}

/* For the trace: which of a flow's rules decides. */
static __always_inline void name_decider(struct packet *packet)
{
	for (int i = 0; i < FLOW_RULES; i++) {
		if (!packet->rule[i])
			continue;
		packet->decided_by = packet->rule[i];
		packet->level = i == 0 || i == FLOW_RULES - 1 ? LEVEL_NIC : LEVEL_SUBNET;
	}
}

/* For the trace: what a known flow was allowed by. */
static __always_inline void name_rules(struct packet *packet, const struct flow *flow)
{
	const struct flow_detail *detail = flow_detail(flow);

	if (!detail)
		return;
	__builtin_memcpy(packet->rule, detail->rule, sizeof(packet->rule));
	name_decider(packet);
}

/* An entry holds the packet's flow: does the packet fit, and does the verdict hold? */
static __always_inline int continue_flow(struct packet *packet, struct flow *flow)
{
	union flow_standing standing = { .word = READ_ONCE(flow->standing) };
	__u64 next = standing.word;

	if (flow->slot[near_end(packet)] != packet->in_slot)
		return begin_flow(packet);
	if (!flow_stays(standing, packet->tcp_flags, near_end(packet)))
		next = flow_next(flow, standing.word, packet);
	if (next == FLOW_REOPENED)
		return begin_flow(packet);
	if (next == FLOW_INVALID) {
		packet->state = TRACE_STATE_INVALID;
		return DROP_TCP_STATE;
	}
	packet->flow = flow;
	packet->state = TRACE_STATE_ESTABLISHED;
	if (standing.version != packet->root->version ||
	    !(standing.acl_allowed & 1 << near_end(packet)))
		return 0;
	if (!take_verdict(packet, flow))
		return begin_flow(packet);
	packet->known = 1;
	if (packet->tracing)
		name_rules(packet, flow);
	if (packet->read_only)
		return 0;
	if (next != standing.word)
		flow_step(packet, flow, standing.word);
	flow_touch(packet, flow, standing.state);
	return 0;
}

/* By the packet's own headers, or those of its first fragment. */
static __noinline int find_by_headers(struct packet *packet, __u32 vni)
{
	struct flow *flow =
		find_leg(packet, &packet->tuple, packet->icmp_identifier, vni);

	if (!flow && is_icmp_reply(&packet->tuple)) {
		packet->form = KEY_UNSOLICITED;
		flow = find_leg(packet, &packet->tuple,
				packet->icmp_identifier | KEY_UNSOLICITED << LEG_FORM_SHIFT, vni);
	}
	return flow ? continue_flow(packet, flow) : begin_flow(packet);
}

/* Of find_flow_apart(): an ICMP error; what it quotes has the flow. Not called there, for the stack. */
#define LOOK_INSIDE (-3)

static __noinline int find_flow_apart(struct packet *packet)
{
	__u32 vni = port_vni(packet->in);
	int reason = admit_source(packet);

	if (reason)
		return reason;
	if (packet->shortcut == SHORTCUT_ABSENT && !vnet_sharing(packet))
		return begin_flow(packet);
	if (packet->kind == PACKET_ICMP_ERROR)
		return LOOK_INSIDE;
	if (packet->fragment == TRACE_FRAGMENT_LATER) {
		reason = follow_fragment(packet, vni);
		if (reason) {
			packet->state = TRACE_STATE_INVALID;
			return reason;
		}
	}
	return find_by_headers(packet, vni);
}

static __always_inline int find_flow(struct packet *packet)
{
	int reason;

	packet->stages |= 1 << STAGE_FLOW;
	forget(packet);
	reason = find_flow_apart(packet);
	if (reason == LOOK_INSIDE)
		reason = find_quoted_flow(packet);
	forget(packet);
	return reason;
}

/* Makes the flow's entry, or joins in the one that another CPU has made. */
static __noinline int try_begin_entry(struct packet *packet, __u32 vni)
{
	int reason = flow_insert(packet, vni);

	if (reason == FLOW_JOINS)
		return flow_join(packet);
	if (!reason && !packet->read_only)
		count_new_flow(packet);
	return reason;
}

/* A packet whose flow had an entry that was freed on its way begins it. No entry is freed twice in
 * that time; if it were, the packet is refused and not passed without being remembered. */
static __always_inline int begin_entry(struct packet *packet, __u32 vni)
{
	int reason = try_begin_entry(packet, vni);

	if (reason == FLOW_GONE)
		reason = try_begin_entry(packet, vni);
	return reason == FLOW_GONE ? DROP_FLOW_TABLE_FULL : reason;
}

/* What was found out about a packet that had to be judged. */
static __noinline int remember_verdict(struct packet *packet)
{
	__u32 vni = port_vni(packet->in);
	int reason = 0;

	if (packet->state == TRACE_STATE_RELATED)
		return 0;
	if (!packet->known && packet->flow) {
		if (!flow_renew(packet))
			flow_count_late(packet);
	} else if (!packet->known) {
		reason = begin_entry(packet, vni);
	}
	if (!reason && packet->fragment == TRACE_FRAGMENT_FIRST)
		reason = record_fragment(packet, vni);
	return reason;
}

static __always_inline int remember_flow(struct packet *packet)
{
	int reason;

	if (packet->known && packet->fragment != TRACE_FRAGMENT_FIRST)
		return 0;
	reason = remember_verdict(packet);
	forget(packet);
	return reason;
}

#endif
