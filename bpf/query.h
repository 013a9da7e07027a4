/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sluice_query: would the policies of one port, in one direction, allow a tuple? (maps/trace.h)
 * It asks what police asks, of one end.
 */
#ifndef SLUICE_BPF_QUERY_H
#define SLUICE_BPF_QUERY_H

#include "bpf/classify.h"
#include "bpf/lookup.h"

/* What the program returns to the one who runs it. */
enum query_outcome {
	QUERY_ANSWERED = 0,
	QUERY_NO_PORT = 1, /* no version runs, or it has no port in this slot */
};

static __always_inline void query_tuple(const struct query *query, struct tuple *tuple)
{
	tuple->source = query->source;
	tuple->destination = query->destination;
	tuple->source_port = query->source_port;
	tuple->destination_port = query->destination_port;
	tuple->protocol = query->protocol;
	tuple->icmp_type = query->icmp_type;
	tuple->icmp_code = query->icmp_code;
	tuple->has_ports = protocol_has_ports(query->protocol);
}

static __noinline void query_policies(struct trace_result *result, const struct port *port,
				      const struct tuple *tuple, __u32 direction)
{
	bool inbound = direction == DIRECTION_INBOUND;
	const struct {
		__u32 line;
		__u8 level;
	} steps[] = {
		{ port->switch_acl[direction & 1], LEVEL_ACL },
		{ port->acl[direction & 1], LEVEL_ACL },
		{ inbound ? port->subnet_nsg[DIRECTION_INBOUND] : port->nic_nsg[DIRECTION_OUTBOUND],
		  inbound ? LEVEL_SUBNET : LEVEL_NIC },
		{ inbound ? port->nic_nsg[DIRECTION_INBOUND] : port->subnet_nsg[DIRECTION_OUTBOUND],
		  inbound ? LEVEL_NIC : LEVEL_SUBNET },
	};

	for (int i = 0; i < 4; i++) {
		struct verdict verdict = classify(tuple, steps[i].line);

		if (steps[i].level == LEVEL_ACL && verdict.rule)
			result->acl_rule = verdict.rule;
		if (verdict.access != ACCESS_ALLOW) {
			result->access = ACCESS_DENY;
			result->rule = verdict.rule;
			result->level = steps[i].level;
			return;
		}
		if (steps[i].level != LEVEL_ACL && verdict.rule) {
			result->rule = verdict.rule;
			result->level = steps[i].level;
		}
	}
	result->access = ACCESS_ALLOW;
}

static __always_inline int answer_query(void)
{
	__u32 zero = 0;
	struct trace *trace = bpf_map_lookup_elem(&traces, &zero);
	const struct control *control = control_get();
	const struct port *port;
	const struct root *root;
	struct tuple tuple = {};

	if (!trace || !control)
		return QUERY_NO_PORT;
	__builtin_memset(&trace->result, 0, sizeof(trace->result));
	root = table_at(control->root);
	if (!control->root || !root)
		return QUERY_NO_PORT;
	port = port_at(root, trace->request.query.slot);
	if (!port)
		return QUERY_NO_PORT;
	trace->result.version = root->version;
	query_tuple(&trace->request.query, &tuple);
	query_policies(&trace->result, port, &tuple, trace->request.query.direction);
	return QUERY_ANSWERED;
}

#endif
