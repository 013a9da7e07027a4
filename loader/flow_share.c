/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the flow table is shared out among the ports: what one gets that says no flowLimit, and whether
 * all that they may have fits in.
 */
#include <stdio.h>

#include "loader/flow_share.h"
#include "loader/switch.h"

/* A port that says nothing gets no more than this, whatever room there is. */
#define MOST_UNASKED 100000U
/* What a guest is hampered by, when it gets less. */
#define LEAST_COMFORTABLE 1000U

static unsigned long long capacity_of(const struct sluice_config *config)
{
	return (unsigned long long)flow_buckets_for(config->flows) * FLOWS_PER_BUCKET;
}

/* Until it is four fifths full, the table refuses less than one new flow in a thousand. */
static unsigned long long room_of(const struct sluice_config *config)
{
	return capacity_of(config) * 4 / 5;
}

unsigned int flow_share(const struct sluice_config *config)
{
	unsigned long long room = room_of(config), given = 0, share, least;
	size_t unasked = 0;

	for (size_t i = 0; i < config->port_count; i++) {
		given += config->ports[i].flow_limit;
		unasked += !config->ports[i].flow_limit;
	}
	if (!unasked)
		return MOST_UNASKED;
	share = given < room ? (room - given) / unasked : 0;
	/* Who was given nearly all takes no more than the certainty from those who asked for nothing. */
	least = room / config->port_count;
	if (least > LEAST_COMFORTABLE)
		least = LEAST_COMFORTABLE;
	if (share < least)
		share = least;
	return share > MOST_UNASKED ? MOST_UNASKED : share ? (unsigned int)share : 1;
}

/* What the ports may have. */
struct demand {
	const struct sluice_port *greedy; /* alone it can fill the table, or NULL */
	unsigned long long sum;           /* of all */
	unsigned long long given;         /* of those that say a flowLimit */
	size_t unasked;                   /* how many say none */
};

static struct demand demand_of(const struct sluice_config *config, unsigned int share)
{
	struct demand demand = { 0 };

	for (size_t i = 0; i < config->port_count; i++) {
		const struct sluice_port *port = &config->ports[i];

		demand.unasked += !port->flow_limit;
		demand.given += port->flow_limit;
		demand.sum += port->flow_limit ?: share;
		if (port->flow_limit > room_of(config) && !demand.greedy)
			demand.greedy = port;
	}
	return demand;
}

void flow_limits_check(const struct sluice_config *config, char *text, size_t size)
{
	unsigned int share = flow_share(config);
	unsigned long long room = room_of(config);
	struct demand demand = demand_of(config, share);

	text[0] = '\0';
	if (demand.greedy)
		snprintf(text, size,
			 "port %.64s alone can shut the others out of the flow table: its "
			 "flowLimit is %u, the table is as good as full at %llu of %llu",
			 demand.greedy->name, demand.greedy->flow_limit, room, capacity_of(config));
	else if (demand.sum > room)
		snprintf(
			text, size,
			"ports can together shut others out of the flow table: their flowLimits add "
			"up to %llu, the table is as good as full at %llu of %llu",
			demand.sum, room, capacity_of(config));
	else if (demand.unasked && share < LEAST_COMFORTABLE)
		snprintf(text, size,
			 "each port without a flowLimit may have %u flows only, %zu share what the "
			 "flow table has room for; with switch.flows: %llu it would be %u",
			 share, demand.unasked,
			 (demand.given + demand.unasked * LEAST_COMFORTABLE) * 5 / 4,
			 LEAST_COMFORTABLE);
}
