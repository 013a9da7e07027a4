/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libsluice: flows on their way from one switch to another, with a guest that moves. Included by
 * sluice.h, which says what all functions have in common.
 *
 * As a file: one JSON object a line, the first says of which switch and ports they are, the last how
 * many there are; between them a flow a line.
 */
#ifndef SLUICE_MOVE_H
#define SLUICE_MOVE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "maps/drop_reasons.h"
#include "maps/flow.h"

struct sluice;
struct sluice_error;

#define SLUICE_FLOWS_FORMAT 1

struct sluice_moved_port {
	char name[64];
	char vnet[64];
	unsigned char mac[6];
	struct ip_address *addresses;
	size_t address_count;
};

/* End 0, and so direction 0, is the one that sent first. */
struct sluice_moved_flow {
	int port[2]; /* whose end it is, by its place in `ports`; -1: none of those */
	struct ip_address address[2];
	__u16 number[2]; /* what the key has for ports (maps/flow.h) */
	__u64 packets[2];
	__u64 bytes[2];
	unsigned int idle_seconds; /* when it was exported */
	unsigned int age_seconds;
	__u32 tcp_ack[2]; /* as in struct flow */
	__u8 tcp_acks;
	__u8 tcp_fins;
	__u8 protocol;
	__u8 state; /* enum flow_state */
	bool keep;
};

struct sluice_moved {
	char switch_name[64];
	long long time; /* seconds since the epoch, by the clock of the host it is from */
	struct sluice_moved_port *ports;
	size_t port_count;
	struct sluice_moved_flow *flows;
	size_t flow_count;
};

/* Hands each line of the file to visit, which has no part in its reference; a non-zero return ends it
 * and is returned. port NULL: the flows of all ports. */
typedef int (*sluice_line_visitor)(const json_t *line, void *context);
int sluice_flows_export(struct sluice *sw, const char *port, sluice_line_visitor visit,
			void *context, struct sluice_error *error);
/* Reads and checks such a file to its end. most: -E2BIG when it has more flows. Free with
 * sluice_moved_free. */
int sluice_moved_read(FILE *stream, const char *name, size_t most, struct sluice_moved **moved,
		      struct sluice_error *error);
void sluice_moved_free(struct sluice_moved *moved);

struct sluice_import {
	const char *port; /* only the flows of this one; NULL: of all ports */
	bool what_if;     /* only say what would come of it */
	/* Told of each flow that is refused, and by which rule, if by one; may be NULL. */
	void (*refused)(const struct sluice_moved_flow *flow, enum drop_reason reason,
			unsigned int rule, void *context);
	void *context;
};

struct sluice_import_counts {
	size_t carried;
	size_t stayed; /* were here already and go on as they are */
	size_t refused;
};

/* Takes flows in, each judged by the running version and whole from its first packet on. -EINVAL or
 * -ENOENT before the first when a port is not here or another one. When one can not be tried the rest
 * is not, and *counts says what was done. Caller holds the lock. */
int sluice_flows_import(struct sluice *sw, const struct sluice_moved *moved,
			const struct sluice_import *import, struct sluice_import_counts *counts,
			struct sluice_error *error);

#endif
