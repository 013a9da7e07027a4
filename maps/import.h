/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * struct imported_flow: a flow that another switch had, as it is handed to sluice_import.
 *
 * It lies in the frame of a BPF_PROG_TEST_RUN, behind an Ethernet header that nobody looks at. The
 * program judges it under the running version, as if its first packet came by now, makes its entry
 * by the very insertion that packets use, and writes its answer into the same frame.
 */
#ifndef SLUICE_MAPS_IMPORT_H
#define SLUICE_MAPS_IMPORT_H

#include "base.h"
#include "flow.h"

enum import_outcome {
	IMPORT_NONE = 0,    /* no version runs, or the frame holds no flow */
	IMPORT_CARRIED = 1,
	IMPORT_STAYED = 2,  /* the switch has it already, and packets here have met it: it stays as it is */
	IMPORT_REFUSED = 3, /* for `reason` */
};

/* End 0 is the one that sent the first packet, and so is direction 0. */
struct imported_flow {
	struct ip_address address[2];
	__u64 packets[2];
	__u64 bytes[2];
	__be16 port[2];     /* as in the flow's key (maps/flow.h) */
	__u16 slot[2];      /* whose end it is; 0: of the port that has the address, or gets it by a
			     * steer rule. One of them is not 0. */
	__u32 idle;         /* ticks since its last packet */
	__u32 age;          /* ticks since its first */
	__u32 tcp_ack[2];   /* as in struct flow */
	__u8 tcp_acks;
	__u8 tcp_fins;
	__u8 protocol;
	__u8 state;         /* enum flow_state */
	__u8 keep;          /* as in struct flow_detail: what NSGs say then is not asked again */
	__u8 what_if;       /* only say what would come of it */

	/* The answer. */
	__u8 outcome;       /* enum import_outcome */
	__u8 reason;        /* enum drop_reason */
	__u32 rule;         /* that refused it, or the last that allowed it; 0: none */
	__u32 padding;
};

_Static_assert(sizeof(struct imported_flow) == 104, "no hidden padding");

#endif
