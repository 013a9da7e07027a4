/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From one direction of a flow to its rules.
 */
#include <netinet/in.h>
#include <string.h>

#include "loader/flower.h"

static const __u8 ttl_bits[FLOWER_RULES] = { 0x40, 0x80 };

const char *flower_obstacle_text(enum flower_obstacle obstacle)
{
	static const char *const texts[FLOWER_OBSTACLE_COUNT] = {
#define X(identifier, text) [FLOWER_##identifier] = text,
		FLOWER_OBSTACLES(X)
#undef X
	};

	return texts[obstacle];
}

static enum flower_obstacle look_at_ports(const struct flower_port *from,
					  const struct flower_port *to)
{
	if (!from || !from->offload)
		return FLOWER_SENDER;
	if (!to || !to->offload)
		return FLOWER_RECEIVER;
	if (!from->ifindex || !to->ifindex)
		return FLOWER_DEVICE;
	/* Where none of them names its NIC the driver is asked all the same: it answers for itself. */
	if (from->nic_length != to->nic_length || memcmp(from->nic, to->nic, from->nic_length))
		return FLOWER_NIC;
	return FLOWER_NONE;
}

static enum flower_obstacle look_at_flow(const struct sluice_flow *flow, int direction,
					 __u32 version)
{
	__u8 protocol = flow->key.vni_protocol & 0xff;

	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return FLOWER_PROTOCOL;
	if (flow->state != (protocol == IPPROTO_TCP ? FLOW_ESTABLISHED : FLOW_UDP))
		return FLOWER_STATE;
	if (flow->version != version)
		return FLOWER_VERSION;
	return flow->acl_allowed & 1 << direction ? FLOWER_NONE : FLOWER_VERDICT;
}

enum flower_obstacle flower_rules(const struct sluice_flow *flow, int direction,
				  const struct flower_port *const ends[2],
				  const unsigned char own[6], __u32 version,
				  struct flower_rule rules[FLOWER_RULES], size_t *count)
{
	const struct flower_port *from = ends[direction], *to = ends[!direction];
	enum flower_obstacle obstacle = look_at_ports(from, to)
						?: look_at_flow(flow, direction, version);
	struct flower_rule rule;

	if (obstacle)
		return obstacle;
	rule = (struct flower_rule){
		.in = from->ifindex,
		.out = to->ifindex,
		.ipv6 = !sluice_address_is_ipv4(&flow->key.address[0]),
		.protocol = flow->key.vni_protocol & 0xff,
		.source = flow->key.address[direction],
		.destination = flow->key.address[!direction],
		.source_port = flow->key.port[direction],
		.destination_port = flow->key.port[!direction],
		.cookie = { .magic = FLOWER_MAGIC,
			    .claim = flow->claim,
			    .version = version,
			    .key = flow->place << 1 | (__u32)direction },
	};
	memcpy(rule.sender, from->mac, sizeof(rule.sender));
	memcpy(rule.own, own, sizeof(rule.own));
	memcpy(rule.receiver, to->mac, sizeof(rule.receiver));
	*count = from->subnet == to->subnet ? 1 : FLOWER_RULES;
	for (size_t i = 0; i < *count; i++) {
		rules[i] = rule;
		rules[i].ttl_bit = *count == 1 ? 0 : ttl_bits[i];
	}
	return FLOWER_NONE;
}
