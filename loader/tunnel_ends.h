/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ends of tunnels that a document has: one for each remote in each subnet of a vnet that has
 * addresses there, and one for those of its addresses that are in no subnet of this host. Each has a
 * slot of its own.
 */
#ifndef SLUICE_LOADER_TUNNEL_ENDS_H
#define SLUICE_LOADER_TUNNEL_ENDS_H

#include "loader/sluice.h"

#define NO_SUBNET ((size_t)-1)

struct tunnel_end {
	size_t vnet;   /* index in the document */
	size_t remote; /* index in the document */
	size_t subnet; /* index in the vnet, or NO_SUBNET */
};

struct tunnel_ends {
	struct tunnel_end *list; /* sorted */
	size_t count;
};

/* The document is a valid one. 0 or -ENOMEM. */
int tunnel_ends_find(const struct sluice_config *config, struct tunnel_ends *ends);
void tunnel_ends_free(struct tunnel_ends *ends);
/* The index of the end by which an address of a vnet is reached. */
size_t tunnel_end_of(const struct sluice_config *config, const struct tunnel_ends *ends, size_t vnet,
		     const struct sluice_vnet_address *address);
/* The key of its slot: "remote/NAME/VNET/SUBNET". No port's name has a slash. */
#define TUNNEL_END_KEY_MAX 208
void tunnel_end_key(const struct sluice_config *config, const struct tunnel_end *end,
		    char key[TUNNEL_END_KEY_MAX]);
/* The subnet of a vnet that holds an address, or NO_SUBNET. */
size_t subnet_of_address(const struct sluice_vnet *vnet, const struct ip_address *address);

#endif
