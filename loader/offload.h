/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows handed over to NICs: loader/offload.c says which and when. Whoever changes rules or elements of
 * `offloads` holds the switch's lock.
 */
#ifndef SLUICE_LOADER_OFFLOAD_H
#define SLUICE_LOADER_OFFLOAD_H

#include "loader/flower.h"
#include "loader/switch.h"

/* The ports of a version, as rules see them. */
struct sluice_offloads {
	struct sluice *sw;
	const struct root *root;
	struct flower_port *ports; /* by slot */
	__u32 port_count;
};

/* --- loader/offload_ports.c --- */

/* Whether the running version has a port of mode offload. Cheap. */
bool offload_wanted(const struct sluice *sw);
/* Which obstacle a direction of a flow meets, or its rules. */
enum flower_obstacle offload_rules(const struct sluice_offloads *offloads,
				   const struct sluice_flow *flow, int direction,
				   struct flower_rule rules[FLOWER_RULES], size_t *count);
/* How many directions of flows from each port devices carry, and how many they refused. */
struct offload_tally {
	size_t carried;
	size_t refused;
};

void offload_tally(const struct sluice *sw, struct offload_tally by_slot[SLUICE_MAX_PORTS]);
/* Whether the port still has the device that its version found. */
bool offload_device_there(const struct sluice *sw, __u32 slot, __u32 ifindex);

/* --- loader/offload_read.c --- */

/* Reads what the rules carried into their flows, and removes those that do not stand for their flow's
 * verdict any more. *carrying, *returned: directions that are still handed over, and those taken back. */
int offload_read_back(const struct sluice_offloads *offloads, size_t *carrying, size_t *returned,
		      struct sluice_error *error);
/* Tells the flow's entry what a device carried, and whether it goes on. 0, or 1: the entry is gone. */
int offload_count(const struct sluice *sw, const struct carried *carried,
		  struct sluice_error *error);
/* Takes everything back; returns when no device carries anything. 0 at once without such ports. */
int offload_withdraw(struct sluice *sw, struct sluice_error *error);

#endif
