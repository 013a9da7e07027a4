/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports of kind af_xdp (maps/xsk.h): their devices, the program and the XSKMAP at their far ends.
 *
 *   PINS/xsks/PORT             the port's XSKMAP
 *   PINS/xsk_links/SLOT-INDEX  the link of the program at the far end of device INDEX
 *
 * A device that the switch made carries the alias "sluice:SWITCH:PORT"; that is what it is found and
 * removed by, whoever was killed before.
 */
#ifndef SLUICE_LOADER_XSK_H
#define SLUICE_LOADER_XSK_H

#include "loader/attach.h"

/* --- loader/xsk_device.c --- */

/* Whether a port's device is made by the switch when it is not there: no far end is named. */
bool xsk_is_made(const char *device, bool xsk);
/* Whether config has a device to be made that is not among devices. */
bool xsk_devices_missing(const struct sluice_config *config, const struct devices *devices);
/* Makes those. Caller holds the lock and has marked the change. */
int xsk_devices_make(const struct sluice *sw, const struct sluice_config *config,
		     const struct devices *devices, struct sluice_error *error);
/* Removes devices made for ports that config (NULL: no document) has not, or has elsewhere. */
int xsk_devices_remove_others(const struct sluice *sw, const struct sluice_config *config,
			      struct sluice_error *error);
/* Gives devices that the switch made as many queues as config says and notes in each placement
 * how many there are. attachments: ports first, in config's order. */
int xsk_queues(const struct sluice *sw, const struct sluice_config *config,
	       const struct devices *devices, struct attachments *attachments,
	       struct sluice_error *error);

/* How many queues a far end receives on, whether its driver can do zero-copy, and how many frames the
 * sockets there had no room for; 0 and false where the kernel does not say. */
void xsk_far_end_get(const struct peer *far, unsigned int *queues, bool *zero_copy,
		     unsigned long long *overrun);

/* --- loader/xsk_attach.c --- */

/* Path of a port's XSKMAP. */
void xsk_map_path(const struct sluice *sw, const char *port, char path[256]);
/* Puts the program at the far end of each AF_XDP port of config that has it not, with the XSKMAP. */
int xsk_attach_all(const struct sluice *sw, const struct sluice_config *config,
		   const struct devices *devices, const struct attachments *attachments,
		   struct sluice_error *error);
/* Takes off what belongs to none of config's AF_XDP ports (NULL: to any). */
int xsk_detach_others(const struct sluice *sw, const struct sluice_config *config,
		      const struct attachments *attachments, struct sluice_error *error);
/* Puts this library's program under the links there are. */
int xsk_replace_all(const struct sluice *sw, struct sluice_error *error);
/* Whether all is in place at the far end of a port's device. */
bool xsk_in_place(const struct sluice *sw, __u32 slot, __u32 ifindex);
/* How many queues of the port in a slot have a socket. */
int xsk_count_consumers(struct sluice *sw, __u32 slot, unsigned int *count,
			struct sluice_error *error);

#endif
