/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stage police: may this packet go from `in` to `out`?
 *
 * In this order, and the first that denies ends it:
 *   switch ACL outbound, sender's ACL outbound, switch ACL inbound, receiver's ACL inbound:
 *     this packet, whatever is known of its flow (ACLs are stateless);
 *   outbound NIC, outbound subnet, inbound subnet, inbound NIC NSG:
 *     the flow's first direction, once per version.
 * No classifier allows.
 */
#ifndef SLUICE_BPF_POLICE_H
#define SLUICE_BPF_POLICE_H

#include "bpf/classify.h"
#include "bpf/flow.h"

/* Asks one classifier. *rule: what matched, if anything did. */
static __always_inline bool allows(struct packet *packet, const struct tuple *tuple, __u32 line,
				   enum police_level level, __u32 *rule)
{
	struct verdict verdict = classify(tuple, line);

	if (verdict.rule)
		*rule = verdict.rule;
	if (verdict.access == ACCESS_ALLOW)
		return true;
	packet->decided_by = verdict.rule;
	packet->level = level;
	return false;
}

static __noinline int police_acls(struct packet *packet)
{
	const __u32 lines[] = {
		packet->in->switch_acl[DIRECTION_OUTBOUND],
		packet->in->acl[DIRECTION_OUTBOUND],
		packet->out->switch_acl[DIRECTION_INBOUND],
		packet->out->acl[DIRECTION_INBOUND],
	};

	for (int i = 0; i < 4; i++)
		if (!allows(packet, &packet->tuple, lines[i], LEVEL_ACL, &packet->acl_rule))
			return DROP_ACL_DENY;
	return 0;
}

/* Who sent the packet that began the flow, and who got it. */
static __always_inline const struct port *flow_sender(const struct packet *packet, bool reply)
{
	return reply ? packet->out : packet->in;
}

static __always_inline const struct port *flow_receiver(const struct packet *packet, bool reply)
{
	return reply ? packet->in : packet->out;
}

/* Asks the NSGs on the way from sender to receiver about the tuple that began the flow. Spelled out:
 * a list of their lines would lie on the stack, of which there is little left here. */
static __always_inline int police_nsgs(struct packet *packet, bool reply,
				       const struct tuple *tuple)
{
	const struct port *sender = flow_sender(packet, reply);
	const struct port *receiver;

	if (!allows(packet, tuple, sender->nic_nsg[DIRECTION_OUTBOUND], LEVEL_NIC,
		    &packet->rule[0]) ||
	    !allows(packet, tuple, sender->subnet_nsg[DIRECTION_OUTBOUND], LEVEL_SUBNET,
		    &packet->rule[1]))
		return DROP_NSG_DENY;
	receiver = flow_receiver(packet, reply);
	if (!allows(packet, tuple, receiver->subnet_nsg[DIRECTION_INBOUND], LEVEL_SUBNET,
		    &packet->rule[2]) ||
	    !allows(packet, tuple, receiver->nic_nsg[DIRECTION_INBOUND], LEVEL_NIC,
		    &packet->rule[3]))
		return DROP_NSG_DENY;
	return 0;
}

static __always_inline void count_denied(struct packet *packet)
{
	count_apart(packet);
	count_rule(packet, packet->acl_rule);
}

static __always_inline bool both_keep(const struct packet *packet, bool reply)
{
	return flow_sender(packet, reply)->flags & PORT_KEEP_NSG_OUT &&
	       flow_receiver(packet, reply)->flags & PORT_KEEP_NSG_IN;
}

/* Turns the question to the way the packet's flow began. True: it is answered already, under this
 * version, or by NSGs that all say keep. */
static __always_inline bool answered_for_flow(struct packet *packet, bool reply,
					      struct tuple *tuple)
{
	const struct flow *flow = packet->flow;
	const struct flow_detail *detail = flow_detail(flow);

	packet->keep = both_keep(packet, reply);
	*tuple = packet->tuple;
	if (!detail)
		return false;
	__builtin_memcpy(packet->rule, detail->rule, sizeof(packet->rule));
	flow_tuple(flow, detail, flow->originator & 1, tuple);
	return flow->version == packet->root->version || (detail->keep && packet->keep);
}

/* The NSGs' part of police. They are asked about the flow's first direction. */
static __noinline int police_direction(struct packet *packet)
{
	struct tuple tuple;
	bool reply = false;
	int reason;

	if (packet->flow) {
		bool answered;

		reply = (packet->flow->originator & 1) != near_end(packet);
		answered = answered_for_flow(packet, reply, &tuple);
		if (!flow_unchanged(packet->flow, packet->flow_claim)) {
			/* Its time was out in this moment. */
			reason = begin_flow(packet);
			if (reason)
				return reason;
			answered = false;
		}
		if (answered)
			return 0;
	}
	if (!packet->flow) {
		reply = false;
		tuple = packet->tuple;
		packet->keep = both_keep(packet, reply);
	}
	__builtin_memset(packet->rule, 0, sizeof(packet->rule));
	reason = police_nsgs(packet, reply, &tuple);
	if (reason && packet->flow && !packet->read_only)
		flow_free(packet->flow, packet->flow_claim);
	return reason;
}

static __always_inline int police_packet(struct packet *packet)
{
	int reason;

	packet->stages |= 1 << STAGE_POLICE;
	reason = police_acls(packet);
	forget(packet);
	reason = reason ?: police_direction(packet);
	forget(packet);
	if (reason)
		count_denied(packet);
	else
		name_decider(packet);
	return reason;
}

static __always_inline int police(struct packet *packet)
{
	return packet->known ? 0 : police_packet(packet);
}

#endif
