/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VFs of a NIC as ports (maps/tables.h): found, made and bound, and what the NIC does with them.
 *
 *   STATE/vfs-ADDRESS  the switch has made the VFs of the NIC at this PCI address
 *
 * A NIC takes in only frames of VLANs and for MACs that somebody asked it for. So each VF that is a
 * port's has a VLAN device on the NIC's own, "slvINDEX.NUMBER" by that one's ifindex and its number,
 * which stays down, as no frame is for it; and the switch's MAC is in the NIC's filter.
 */
#ifndef SLUICE_LOADER_FUNCTION_H
#define SLUICE_LOADER_FUNCTION_H

#include "loader/attach.h"

/* --- loader/function.c: which VFs there are --- */

/* The uplink whose VFs a port has one of, or NULL. */
const struct sluice_uplink *function_uplink(const struct sluice_config *config,
					    const struct sluice_port *port);
/*
 * Finds the VF of each port that has one: fills the placements of the first attachments, which are the
 * ports' in config's order, and marks those of uplinks. `running` has who had which. A NIC without the VF
 * that is asked for is an error unless tolerate_missing.
 */
int functions_resolve(const struct sluice_config *config, const struct devices *devices,
		      const struct attachments *running, bool tolerate_missing,
		      struct attachments *attachments, size_t *wrong, struct sluice_error *error);
/* Whether an uplink of config has VFs to be made. */
bool functions_missing(const struct sluice_config *config, const struct devices *devices);
/* Makes them; those of ports are set up before a driver has them. Caller holds the lock and has marked the
 * change. */
int functions_make(const struct sluice *sw, const struct sluice_config *config,
		   const struct devices *devices, const struct attachments *attachments,
		   struct sluice_error *error);
/* Takes away those that the switch has made and config (NULL: no document) does not want. */
int functions_unmake_others(const struct sluice *sw, const struct sluice_config *config,
			    struct sluice_error *error);

/* --- loader/function_nic.c: what the NIC does with them --- */

/* Sets up the VF of each port: MAC, VLAN, checks of what it sends, and that its frames arrive. */
int functions_attach_all(const struct sluice *sw, const struct sluice_config *config,
			 const struct attachments *attachments, struct sluice_error *error);
/* Takes from the NICs of `had` what none of `kept` needs there. A VF stays in its VLAN: without it, its
 * guest would be on the wire. */
int functions_detach_others(const struct sluice *sw, const struct attachments *had,
			    const struct attachments *kept, struct sluice_error *error);
/* NULL when a port's VF is set up, else what is wrong. */
const char *function_drift(const struct sluice_port *port, const struct function *function);

#endif
