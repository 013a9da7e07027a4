/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The writer's side of maps/classifier.h. Rules come resolved: tags, asgs and "any" are ranges.
 */
#ifndef SLUICE_LOADER_CLASSIFIER_H
#define SLUICE_LOADER_CLASSIFIER_H

#include "loader/tables.h"

struct address_range {
	struct ip_address first; /* inclusive, network order */
	struct ip_address last;
};

/* A rule as the classifier takes it. A list whose `any` is set accepts everything; one that is
 * empty and not `any` (an asg without members) accepts nothing. Rules that share a list do best to
 * point to the same memory: it is then looked at once. */
struct classifier_rule {
	__u32 id;    /* rule id, the index of its counters */
	__u32 order; /* the lowest that matches decides; each its own, with gaps in which rules can be
		      * added; below 1 << 31 */
	enum access access;
	int protocol; /* 0..255 or SLUICE_ANY; 1 also covers ICMPv6 (58) */
	int icmp_type;
	int icmp_code;
	bool any_source;
	bool any_destination;
	const struct address_range *sources;
	size_t source_count;
	const struct address_range *destinations;
	size_t destination_count;
	const struct sluice_port_range *source_ports; /* no ranges: any */
	size_t source_port_count;
	const struct sluice_port_range *destination_ports;
	size_t destination_port_count;
};

/* Lays the rules, in any order. *line: what classify() is given. On failure nothing is taken. */
int classifier_build(struct tables *tables, const struct classifier_rule *rules, size_t count,
		     enum access miss, __u32 *line, struct sluice_error *error);

/* Lays a new head that has the base of the classifier at base_line (its overlay, if it has one,
 * is left out) and the rules as its overlay. What matches in both is decided by the lower order.
 * All lines of the base's build must live as long as the new head. */
int classifier_extend(struct tables *tables, __u32 base_line, const struct classifier_rule *rules,
		      size_t count, __u32 *line, struct sluice_error *error);

#endif
