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
	__u8 acl_allowed; /* bit d: direction d was allowed under `version` */
	bool keep;
	__u32 place;      /* where its entry is, */
	__u32 claim;      /* and what it was read under: another flow's entry there has another one */
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

/* --- flows that NICs carry ----------------------------------------------------------------- */

/* For looking at many flows: which ports are of mode offload, as the running version has it. Void with
 * the next version. */
struct sluice_offloads;
int sluice_offloads_open(struct sluice *sw, struct sluice_offloads **offloads,
			 struct sluice_error *error);
void sluice_offloads_close(struct sluice_offloads *offloads);
/* Whether a device carries that direction of the flow's key, and why or why not. False: it has nothing to
 * do with a port of mode offload. */
#define SLUICE_OFFLOAD_WHY 160
bool sluice_flow_offload(const struct sluice_offloads *offloads, const struct sluice_flow *flow,
			 int direction, bool *carried, char why[SLUICE_OFFLOAD_WHY]);

/* What one look came to, in directions of flows. */
struct sluice_offload_look {
	size_t carried;  /* by devices after it */
	size_t handed;   /* of these, handed over by it */
	size_t returned; /* taken back */
	size_t refused;  /* by devices, in this look */
};

/* Counts what devices carried, takes back what they may not carry any more and hands over what has
 * been established. The agent does so every second. Caller holds the lock. */
int sluice_offload_look_once(struct sluice *sw, struct sluice_offload_look *done,
			     struct sluice_error *error);

#endif
