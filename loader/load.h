/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The object beside what loader/switch.h says of it: what upgrading and sharing need.
 */
#ifndef SLUICE_LOADER_LOAD_H
#define SLUICE_LOADER_LOAD_H

#include "loader/switch.h"

struct bpf_object;

/* libbpf prints nothing from here on; the first complaint it would have printed can be asked for. */
void libbpf_quiet(void);
const char *libbpf_complaint(void);

/* Loads this library's programs over the maps of sw into newer->program. -ENOTSUP when a map has another
 * shape. */
int load_over_maps(const struct sluice *sw, struct sluice *newer, struct sluice_error *error);
/* Pins sw->program in place of the programs pinned there. */
int replace_program_pins(const struct sluice *sw, struct sluice_error *error);
/* The object over the maps of sw with only the uplink's XDP program to load: for libxdp. */
int open_uplink_object(const struct sluice *sw, struct bpf_object **object,
		       struct sluice_error *error);

#endif
