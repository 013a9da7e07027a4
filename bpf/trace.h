/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The two ends of sluice_trace (maps/trace.h): the way between them is the live one. The frame is
 * left as it would have been sent, for the caller to read back.
 */
#ifndef SLUICE_BPF_TRACE_H
#define SLUICE_BPF_TRACE_H

#include "bpf/deliver.h"
#include "bpf/enter.h"
#include "bpf/frame.h"
#include "bpf/lookup.h"

static __always_inline struct trace *trace_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&traces, &zero);
}

/* The stage that a reason belongs to. */
static __always_inline enum stage stage_of(int reason)
{
	switch (reason) {
#define X(identifier, name, stage, text) \
	case DROP_##identifier:          \
		return STAGE_##stage;
		DROP_REASONS(X)
#undef X
	}
	return STAGE_DELIVER;
}

static __always_inline void report_parsed(const struct packet *packet, struct trace_parsed *parsed)
{
	parsed->source = packet->tuple.source;
	parsed->destination = packet->tuple.destination;
	parsed->ether_type = packet->ethertype;
	parsed->vlan[0] = packet->vlan[0];
	parsed->vlan[1] = packet->vlan[1];
	parsed->source_port = packet->tuple.source_port;
	parsed->destination_port = packet->tuple.destination_port;
	parsed->vlan_count = packet->vlan_count;
	parsed->protocol = packet->tuple.protocol;
	parsed->fragment = packet->fragment;
	parsed->icmp_type = packet->tuple.icmp_type;
	parsed->icmp_code = packet->tuple.icmp_code;
	parsed->tcp_flags = packet->tcp_flags;
	parsed->has = packet->has;
}

static __noinline void report(const struct packet *packet, int outcome,
				   struct trace_result *result)
{
	result->stages = packet->stages;
	result->version = packet->root ? packet->root->version : 0;
	result->rule = packet->decided_by;
	for (int i = 0; i < FLOW_RULES; i++)
		result->rules[i] = packet->rule[i];
	result->acl_rule = packet->acl_rule;
	result->state = packet->state;
	result->level = packet->level;
	result->access = ACCESS_DENY;
	result->answered = outcome == LEAVE_ANSWERED;
	result->out_length = frame_length(packet);
	report_parsed(packet, &result->parsed);
	if (outcome > 0) {
		result->verdict = TRACE_DROP;
		result->reason = outcome;
		result->drop_stage = stage_of(outcome);
		result->out_slot = 0;
		return;
	}
	result->verdict = outcome == LEAVE_HOST ? TRACE_HOST : TRACE_DELIVER;
	result->reason = DROP_NONE;
	result->drop_stage = 0;
	result->out_slot = outcome == LEAVE_ANSWERED ? packet->in_slot : packet->out_slot;
	result->stages |= 1 << STAGE_DELIVER;
	result->access = ACCESS_ALLOW;
}

/* The frame as it is, sent by the port of the request. It is a question: no counter moves. */
static __always_inline bool enter_trace(struct packet *packet)
{
	struct trace *trace = trace_get();

	if (!trace)
		return false;
	packet->read_only = !trace->request.keep_flows;
	if (enter_version(packet)) {
		if (trace->request.length > packet->length)
			packet->length = trace->request.length;
		packet->in_slot = trace->request.slot;
		packet->in = port_at(packet->root, packet->in_slot);
	}
	if (packet->in)
		return true;
	report(packet, DROP_PORT_UNBOUND, &trace->result);
	return false;
}

static __always_inline int deliver_trace(struct packet *packet, int outcome)
{
	struct trace *trace = trace_get();
	__u32 slot = device_slot(packet, &devices_tc, packet->skb);

	if (!outcome && !bpf_map_lookup_elem(&devices_tc, &slot))
		outcome = DROP_DEVICE_GONE;
	if (trace)
		report(packet, outcome, &trace->result);
	return TC_ACT_UNSPEC;
}

#endif
