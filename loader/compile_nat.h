/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files that lay translation share.
 */
#ifndef SLUICE_LOADER_COMPILE_NAT_H
#define SLUICE_LOADER_COMPILE_NAT_H

#include "loader/compiler.h"
#include "maps/nat.h"

#define NAT_DEFAULT_PORT_LOW  1024
#define NAT_DEFAULT_PORT_HIGH 65535

/* Whether one of the vnet's prefixes holds an address. */
bool nat_is_inside(const struct sluice_vnet *vnet, const struct ip_address *address);
/* The port of that name, by index in config->ports, or -1. */
ssize_t nat_port_index(const struct sluice_config *config, const char *name);
/* Slot and address, of the IP version of another, of a port of that name. */
int nat_find_target(struct compiler *compiler, const char *name, const struct ip_address *like,
		    struct nat_target *target);

/* compile_services.c: lays what is asked for at an address, in a vnet or, vnet NULL, outside. */
int compile_services(struct compiler *compiler, const struct sluice_vnet *vnet,
		     struct nat_address *address);

/* compile_balancer.c: a balancer with its targets and lookup table. */
int compile_balancer(struct compiler *compiler, const struct sluice_lb *lb, __u32 *line);

#endif
