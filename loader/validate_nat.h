/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of validation of translation share.
 */
#ifndef SLUICE_LOADER_VALIDATE_NAT_H
#define SLUICE_LOADER_VALIDATE_NAT_H

#include "loader/validate.h"

/* The vnet one of whose prefixes holds an address, or NULL: it is outside. */
const struct sluice_vnet *vnet_holding(const struct sluice_config *config,
				       const struct ip_address *address);
/* The port's first address of the IP version of another, or NULL. */
const struct ip_address *port_address_like(const struct sluice_port *port,
					   const struct ip_address *address);
/* validate_nat_claims.c: that nothing is given out twice, and every address can be had. */
int validate_nat_claims(struct validation *validation);

#endif
