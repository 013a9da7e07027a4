/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a document to the tables of one version.
 */
#ifndef SLUICE_LOADER_COMPILE_H
#define SLUICE_LOADER_COMPILE_H

#include "loader/ids.h"
#include "loader/tables.h"

/* A virtual function (VF) of a NIC, which is a port's beside its device. */
struct function {
	__u32 ifindex; /* of the NIC's own device, the physical function; 0: the port has none */
	__u16 number;
	bool carries;  /* it is there, and the port is delivered to by it */
};

/* The VLAN that it lies in (maps/tables.h); 0: there is none. */
static inline __u16 function_vlan(const struct function *function)
{
	return function->ifindex ? FUNCTION_FIRST_VLAN + function->number : 0;
}

/* What the host adds to a port of the document; found by loader/device.c. */
struct placement {
	__u32 ifindex; /* of the device in the switch's namespace; 0: not there, nothing is admitted */
	enum delivery delivery;
	bool redirect_peer;
	char why[160];
	__u8 queues; /* af_xdp: how many the far end receives on */
	__u32 mtu;    /* the smallest of its devices'; 0: not known */
	__u32 second; /* ifindex of the port's other device, admitted too; 0: none */
	struct function function;
};

/* Fills the extent begun in tables with config as version `version`. placements: one per
 * config->ports, same order. uplink: what tunnels go by, or NULL. slots and
 * rules: numbers are taken from them. *root: the line to store into struct control. -ENOSPC when the
 * extent's limit is too small: nothing is published. */
int compile(struct tables *tables, const struct sluice_config *config,
	    const struct placement *placements, const struct placement *uplink,
	    struct ids *slots, struct ids *rules,
	    __u32 version, __u32 *root, struct sluice_error *error);

/*
 * Gives every port and rule of config its number and releases those of what config no longer has.
 * fresh (may be NULL) is told each number that somebody else may have had before: its counters
 * must be cleared before the numbers are saved, the numbers saved before the version is published;
 * whoever is killed in between leaves numbers that nobody uses. compile() takes the same numbers
 * itself but releases none.
 */
typedef int (*compile_fresh)(void *context, bool is_slot, __u32 number);
int compile_numbers(const struct sluice_config *config, struct ids *slots, struct ids *rules,
		    compile_fresh fresh, void *context, struct sluice_error *error);

/* The switch's own MAC, locally administered, from the switch's name. */
void switch_mac(const char *name, unsigned char mac[6]);

/* The gateway of a subnet's prefix: its first host address (10.1.1.1, fd00::1). Zero for a prefix
 * of one address, which is a guest's. */
struct ip_address prefix_gateway(const struct sluice_prefix *prefix);

#endif
