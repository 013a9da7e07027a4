/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Routes in `tables`: search trees from an address to what the longest prefix that holds it says.
 *
 * The routes of a table, and what is in reach without any, are cut into intervals of addresses, each
 * with one answer, when a version is compiled. A line of a tree divides its interval into four, so
 * that ten thousand routes are at most eight lines deep and the depth is bounded by construction.
 */
#ifndef SLUICE_MAPS_ROUTE_H
#define SLUICE_MAPS_ROUTE_H

#include "base.h"

/* Of prefixes that are equal the later kind of document decides: a user's route before a subnet,
 * a subnet before its vnet, and what is the vnet's own before what is a peer's. */
enum route_kind {
	ROUTE_NOWHERE = 0,  /* no route: dropped with no-route */
	ROUTE_SUBNET = 1,   /* in a subnet, own or a peer's: the destination must be an endpoint */
	ROUTE_UNUSED = 2,   /* in a vnet's prefix, but in no subnet of it: a remote's, or no-route */
	ROUTE_PORT = 3,     /* value: the slot of the port that is the next hop */
	ROUTE_NONE = 4,     /* nextHop: none: dropped with route-none */
	ROUTE_INTERNET = 5, /* nextHop: internet: nothing leads there yet, no-route */
};

#define ROUTE_KIND_SHIFT 28
#define ROUTE_VALUE_MASK ((1U << ROUTE_KIND_SHIFT) - 1)

#define ROUTE_KEYS   3
#define ROUTE_PIECES (ROUTE_KEYS + 1)
#define ROUTE_DEPTH  12
#define ROUTE_DEEPER (1U << 31) /* the rest is the line that goes on; else kind and value */

/* Keys ascend, in host order, the high half first. An address belongs to the piece behind as many keys as
 * are not above it. Unused keys are ~0, and the pieces behind them say what the last one does. */
struct route_line {
	__u64 key[ROUTE_KEYS][2];
	__u32 piece[ROUTE_PIECES];
};

_Static_assert(sizeof(struct route_line) == SLUICE_CACHE_LINE, "a line of routes is one");

#endif
