/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limit_hops: before its flow is remembered, a packet without a hop left goes no further. A hop is
 * the way from one subnet to another; inside a subnet the switch is no router. A packet from a
 * remote has taken its hop there.
 */
#ifndef SLUICE_BPF_HOPS_H
#define SLUICE_BPF_HOPS_H

#include "bpf/icmp_error.h"

static __always_inline bool is_routed(const struct packet *packet)
{
	return packet->in->subnet != packet->out->subnet &&
	       packet->in->delivery != DELIVERY_TUNNEL;
}

static __always_inline int limit_hops(struct packet *packet)
{
	if (!packet->out || !is_routed(packet) || packet->ttl > 1)
		return 0;
	return answer_error(packet, DROP_HOP_LIMIT, 0);
}

#endif
