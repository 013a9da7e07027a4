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

/* The NSG levels in their order; flow.rule and packet.rule are indexed alike. */
static __always_inline enum police_level nsg_level(int i)
{
	return i == 0 || i == FLOW_RULES - 1 ? LEVEL_NIC : LEVEL_SUBNET;
}

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

/* Asks the NSGs on the way from sender to receiver about the tuple that began the flow. */
static __noinline int police_nsgs(struct packet *packet, const struct port *sender,
				  const struct port *receiver, const struct tuple *tuple)
{
	const __u32 lines[FLOW_RULES] = {
		sender->nic_nsg[DIRECTION_OUTBOUND],
		sender->subnet_nsg[DIRECTION_OUTBOUND],
		receiver->subnet_nsg[DIRECTION_INBOUND],
		receiver->nic_nsg[DIRECTION_INBOUND],
	};

	for (int i = 0; i < FLOW_RULES; i++)
		if (!allows(packet, tuple, lines[i], nsg_level(i), &packet->rule[i]))
			return DROP_NSG_DENY;
	return 0;
}

static __always_inline void count_denied(struct packet *packet)
{
	for (int i = 0; i < FLOW_RULES; i++)
		count_rule(packet, packet->rule[i]);
	count_rule(packet, packet->acl_rule);
}

/* What the NSGs are to be asked about: the flow's first direction. */
struct question {
	const struct port *sender;
	const struct port *receiver;
	struct tuple tuple;
};

/* Turns the question to the way the packet's flow began. True: it is answered already, under this
 * version, or by NSGs that all say keep. */
static __always_inline bool question_of_flow(struct packet *packet, struct question *question)
{
	const struct flow *flow = packet->flow;
	__u8 originator = flow->originator & 1;

	if (originator != near_end(packet)) {
		question->sender = packet->out;
		question->receiver = packet->in;
	}
	packet->keep = question->sender->flags & PORT_KEEP_NSG_OUT &&
		       question->receiver->flags & PORT_KEEP_NSG_IN;
	__builtin_memcpy(packet->rule, flow->rule, sizeof(packet->rule));
	flow_key_tuple(&flow->key, originator, &question->tuple);
	return flow->version == packet->root->version || (flow->keep && packet->keep);
}

/* The NSGs' part of police. */
static __noinline int police_direction(struct packet *packet)
{
	struct question question;
	int reason;

	if (packet->flow) {
		bool answered;

		question.sender = packet->in;
		question.receiver = packet->out;
		answered = question_of_flow(packet, &question);
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
		question.sender = packet->in;
		question.receiver = packet->out;
		question.tuple = packet->tuple;
		packet->keep = packet->in->flags & PORT_KEEP_NSG_OUT &&
			       packet->out->flags & PORT_KEEP_NSG_IN;
	}
	__builtin_memset(packet->rule, 0, sizeof(packet->rule));
	reason = police_nsgs(packet, question.sender, question.receiver, &question.tuple);
	if (reason && packet->flow && !packet->read_only)
		flow_free(packet->flow, false, packet->now);
	return reason;
}

static __noinline int police_packet(struct packet *packet)
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
