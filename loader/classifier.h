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
 * empty and not `any` (an asg without members) accepts nothing. */
struct classifier_rule {
	__u32 id; /* rule id, the index of its counters */
	__u32 order; /* ascending in a list, with gaps in which rules can be added; below 1 << 31 */
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

/* Lays the rules, first match first, into the extent. *line: what classify() is given. */
int classifier_build(struct tables *tables, const struct classifier_rule *rules, size_t count,
		     enum access miss, __u32 *line, struct sluice_error *error);

#endif
