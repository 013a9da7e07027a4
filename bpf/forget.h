/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * forget(): makes the verifier forget how a packet came here.
 *
 * Parsing has hundreds of outcomes, and the verifier would follow each of them separately through
 * everything that comes after. What a global function is given, it may have changed: behind the
 * call every field is merely a number to the verifier, all ways look the same, and one of them is
 * followed. To the packet it is a call of nothing, a few nanoseconds.
 */
#ifndef SLUICE_BPF_FORGET_H
#define SLUICE_BPF_FORGET_H

#include "bpf/packet.h"

/* The part of struct packet that holds no pointers: they would be forgotten as well. */
struct packet_facts {
	__u8 bytes[sizeof(struct packet) - __builtin_offsetof(struct packet, tuple)];
};

_Static_assert(__builtin_offsetof(struct packet, tuple) % 8 == 0 &&
		       sizeof(struct packet_facts) % 8 == 0,
	       "facts and pointers share no word of the stack");

__noinline int forget_facts(struct packet_facts *facts)
{
	asm volatile("" : : "r"(facts) : "memory");
	return 0;
}

/* Returns 0, so that it can stand in a row of stages. */
static __always_inline int forget(struct packet *packet)
{
	forget_facts((struct packet_facts *)&packet->tuple);
	return 0;
}

#endif
