/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libsluice: the flows of a running switch. Included by sluice.h, which says what all functions have in
 * common.
 */
#ifndef SLUICE_FLOW_H
#define SLUICE_FLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "maps/flow.h"

struct sluice;
struct sluice_error;

/* A copy of a flow, of one moment; what the fields mean is said in maps/flow.h. */
struct sluice_flow {
	struct flow_key key;
	__u64 packets[2]; /* by direction of the key */
	__u64 bytes[2];   /* frame lengths, without FCS */
	__u32 rule[FLOW_RULES];
	__u32 version;
	__u32 last_seen;  /* tick */
	__u32 created;    /* tick */
	__u16 slot[2];
	__u32 tcp_ack[2];
	__u8 tcp_acks;
	__u8 tcp_fins;
	__u8 state;       /* enum flow_state */
	__u8 originator;  /* 0 or 1 */
	bool keep;
};

/* Calls visit for each live flow (time not out); a non-zero return ends the walk and is returned.
 * port NULL: all. idle_seconds is since its last packet. */
typedef int (*sluice_flow_visitor)(const struct sluice_flow *flow, unsigned int idle_seconds,
				   void *context);
int sluice_flows(struct sluice *sw, const char *port, sluice_flow_visitor visit, void *context,
		 struct sluice_error *error);
/* Forgets flows: their next packet is judged as a new flow's. *count: how many. */
int sluice_flows_flush(struct sluice *sw, const char *port, size_t *count,
		       struct sluice_error *error);
/* How many there is room for. */
size_t sluice_flow_capacity(const struct sluice *sw);

#endif
