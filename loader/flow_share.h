/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow table is shared out so that no port's flood takes another's flows: the ports' limits
 * together stay below what makes it as good as full.
 */
#ifndef SLUICE_LOADER_FLOW_SHARE_H
#define SLUICE_LOADER_FLOW_SHARE_H

#include "loader/sluice.h"

/* How many flows each port may have that says no flowLimit: 100,000, or an even share of what the others
 * leave of the table; 1,000, or an even share of all, when they leave less than that. */
unsigned int flow_share(const struct sluice_config *config);
/* Whether what the ports may have fits into the flow table, and is enough: text says what comes of it if
 * not, else it is empty. */
void flow_limits_check(const struct sluice_config *config, char *text, size_t size);

#endif
