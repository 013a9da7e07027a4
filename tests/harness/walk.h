/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads compiled tables in user space, as maps/ says they are to be read, so that the compiler can
 * be tested without a kernel.
 */
#ifndef SLUICE_TESTS_WALK_H
#define SLUICE_TESTS_WALK_H

#include "loader/tables.h"
#include "maps/vnet.h"
#include "tests/harness/reference_policy.h"

struct walk_verdict {
	__u32 rule; /* id; 0: none matched */
	enum access access;
	__u32 steps; /* lines that were looked at */
};

/* Line 0 is no classifier and allows. */
void walk_classify(const struct table_line *lines, __u32 line, const struct reference_tuple *tuple,
		   struct walk_verdict *verdict);
/* The target of an address as in struct endpoint_bucket, or 0. */
__u32 walk_endpoint(const struct table_line *lines, const struct vnet *vnet,
		    const struct ip_address *address);
/* The slot behind a device, or 0. */
__u32 walk_device(const struct table_line *lines, const struct root *root, __u32 ifindex);
/* What a tree of routes says of an address, kind and value; ~0 when it has no end. */
__u32 walk_route(const struct table_line *lines, __u32 root, const struct ip_address *address);

#endif
