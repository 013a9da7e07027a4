/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is in reach of a vnet, by the document: its own ports and those of its peers.
 */
#ifndef SLUICE_LOADER_REACH_H
#define SLUICE_LOADER_REACH_H

#include <sys/types.h>

#include "loader/name_index.h"
#include "loader/sluice.h"

/* An address of a port, sorted by vnet and address. */
struct reach_address {
	size_t vnet; /* index in config->vnets */
	struct ip_address address;
	size_t port; /* index in config->ports */
};

struct reach {
	struct name_index vnets;
	struct name_index tables;
	/* Both ways of each peering, sorted: pairs of indices in config->vnets. */
	struct reach_peering {
		size_t vnet;
		size_t peer;
	} *peering;
	size_t peering_count;
	struct reach_address *address;
	size_t address_count;
};

/* Names that are not there are left out: validation speaks of them. -ENOMEM; free it in any case. */
int reach_build(const struct sluice_config *config, struct reach *reach);
void reach_free(struct reach *reach);
/* The first of a vnet's peerings; those of the vnet stand together. */
const struct reach_peering *reach_peers(const struct reach *reach, size_t vnet, size_t *count);
/* The port that has an address in the vnet, or in a peer of it: its index, or -1. */
ssize_t reach_port(const struct reach *reach, size_t vnet, const struct ip_address *address);
/* The route table of a subnet, or NULL. */
const struct sluice_route_table *reach_table(const struct reach *reach,
					     const struct sluice_config *config,
					     const struct sluice_subnet *subnet);

enum next_hop_kind {
	NEXT_HOP_ADDRESS,
	NEXT_HOP_INTERNET,
	NEXT_HOP_NONE,
};
/* What a route of a document says; address: of NEXT_HOP_ADDRESS. */
enum next_hop_kind route_next_hop(const struct sluice_route *route, struct ip_address *address);
struct sluice_prefix route_prefix(const struct sluice_route *route);

#endif
