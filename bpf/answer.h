/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * answer: what the switch itself says to a guest. An answer is made of the frame that asked for
 * it, in place, and goes back to where that came from.
 */
#ifndef SLUICE_BPF_ANSWER_H
#define SLUICE_BPF_ANSWER_H

#include "bpf/answer_echo.h"
#include "bpf/answer_neighbor.h"

/* ARP and neighbor discovery end here, answered or not: nothing in a vnet is flooded. */
static __always_inline int answer_neighbors(struct packet *packet)
{
	if (packet->kind != PACKET_ARP && packet->kind != PACKET_ND)
		return 0;
	packet->stages |= 1 << STAGE_ANSWER;
	return packet->kind == PACKET_ARP ? answer_arp(packet) : answer_nd(packet);
}

/* For route: the destination is a gateway. */
static __always_inline int answer_gateway(struct packet *packet)
{
	return answer_echo(packet);
}

#endif
