/* SPDX-License-Identifier: BSD-2-Clause */
/* Routes, and what is in reach without any, to the search trees of maps/route.h. */
#include "loader/compiler.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of equal prefixes the one of the highest rank decides. */
enum rank {
	RANK_PEER = 0,        /* a peer's vnet */
	RANK_PEER_SUBNET = 1,
	RANK_VNET = 2,
	RANK_SUBNET = 3,
	RANK_USER = 4,
};

/* A prefix, or the part of one on a side of IPv4's block. Any two are apart or one holds the other. */
struct claim {
	address_number first;
	address_number last;
	unsigned int length; /* of the v4-mapped prefix */
	enum rank rank;
	__u32 answer;
};

struct claims {
	struct claim *claim;
	size_t count;
	size_t room;
};

/* From `first` on, up to the next interval, this is the answer. */
struct interval {
	address_number first;
	__u32 answer;
};

struct intervals {
	struct interval *interval;
	size_t count;
};

static __u32 answer_of(enum route_kind kind, __u32 value)
{
	return (__u32)kind << ROUTE_KIND_SHIFT | value;
}

static int add_claim(struct claims *claims, const struct sluice_prefix *prefix, enum rank rank,
		     __u32 answer)
{
	struct address_range range = prefix_range(prefix), parts[2];
	size_t count = range_of_family(&range, parts);

	if (claims->count + count > claims->room) {
		size_t room = claims->room ? 2 * claims->room : 64;
		struct claim *more = reallocarray(claims->claim, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		claims->claim = more;
		claims->room = room;
	}
	for (size_t i = 0; i < count; i++)
		claims->claim[claims->count++] = (struct claim){
			address_to_number(&parts[i].first), address_to_number(&parts[i].last),
			prefix->length + (prefix->ipv6 ? 0 : 96), rank, answer
		};
	return 0;
}

/* What is in reach of a vnet by itself: its subnets and its peers'; the rest of their prefixes is
 * nobody's. */
static int claim_reach(const struct compiler *compiler, const struct vnet_build *build,
		       struct claims *claims)
{
	int result = 0;

	for (size_t v = 0; v < compiler->config->vnet_count; v++) {
		const struct sluice_vnet *vnet = &compiler->config->vnets[v];
		bool own = vnet == build->vnet;

		if (!build->in_reach[v])
			continue;
		for (size_t i = 0; i < vnet->prefix_count && !result; i++)
			result = add_claim(claims, &vnet->prefixes[i], own ? RANK_VNET : RANK_PEER,
					   answer_of(ROUTE_UNUSED, 0));
		for (size_t i = 0; i < vnet->subnet_count; i++)
			for (size_t j = 0; j < vnet->subnets[i].prefix_count && !result; j++)
				result = add_claim(claims, &vnet->subnets[i].prefixes[j],
						   own ? RANK_SUBNET : RANK_PEER_SUBNET,
						   answer_of(ROUTE_SUBNET, 0));
	}
	return result;
}

static int claim_route(struct compiler *compiler, size_t vnet,
		       const struct sluice_route_table *table, const struct sluice_route *route,
		       struct claims *claims)
{
	struct sluice_prefix prefix = route_prefix(route);
	__u32 answer = answer_of(ROUTE_NONE, 0);
	struct ip_address address;
	ssize_t port;

	switch (route_next_hop(route, &address)) {
	case NEXT_HOP_INTERNET:
		answer = answer_of(ROUTE_INTERNET, 0);
		break;
	case NEXT_HOP_ADDRESS:
		port = reach_port(&compiler->reach, vnet, &address);
		if (port < 0)
			return sluice_error_set(compiler->error, -EINVAL,
						"route %s/%s: no port in reach has the address %s",
						table->name, route->prefix, route->next_hop);
		answer = answer_of(ROUTE_PORT, compiler->port_slot[port]);
		break;
	case NEXT_HOP_NONE:
		break;
	}
	return add_claim(claims, &prefix, RANK_USER, answer) ? compiler_no_memory(compiler) : 0;
}

/* What holds others comes before them; of equals the highest rank comes last. */
static int compare_claims(const void *a, const void *b)
{
	const struct claim *left = a, *right = b;

	if (left->first != right->first)
		return left->first < right->first ? -1 : 1;
	if (left->length != right->length)
		return left->length < right->length ? -1 : 1;
	return (int)left->rank - (int)right->rank;
}

/* What begins where another interval does replaces it, and what says the same goes on with it. */
static void begin_interval(struct intervals *intervals, address_number first, __u32 answer)
{
	struct interval *last = &intervals->interval[intervals->count - 1];

	if (last->first == first) {
		last->answer = answer;
		if (intervals->count > 1 && last[-1].answer == answer)
			intervals->count--;
	} else if (last->answer != answer) {
		intervals->interval[intervals->count++] = (struct interval){ first, answer };
	}
}

/* Leaves what ends before `first`: behind it, what holds it decides again. */
static size_t leave(struct intervals *intervals, const struct claim **open, size_t depth,
		    const struct claim *next)
{
	while (depth && (!next || open[depth - 1]->last < next->first)) {
		const struct claim *ended = open[--depth];

		if (ended->last != ~(address_number)0)
			begin_interval(intervals, ended->last + 1,
				       depth ? open[depth - 1]->answer
					     : answer_of(ROUTE_NOWHERE, 0));
	}
	return depth;
}

/* Cuts all addresses where the answer changes. Claims are sorted. */
static int cut(const struct claims *claims, struct intervals *intervals)
{
	const struct claim **open = calloc(claims->count + 1, sizeof(*open));
	size_t depth = 0;

	intervals->interval = calloc(2 * claims->count + 1, sizeof(*intervals->interval));
	if (!open || !intervals->interval) {
		free(open);
		return -ENOMEM;
	}
	intervals->interval[0] = (struct interval){ 0, answer_of(ROUTE_NOWHERE, 0) };
	intervals->count = 1;
	for (size_t i = 0; i < claims->count; i++) {
		depth = leave(intervals, open, depth, &claims->claim[i]);
		begin_interval(intervals, claims->claim[i].first, claims->claim[i].answer);
		open[depth++] = &claims->claim[i];
	}
	leave(intervals, open, depth, NULL);
	free(open);
	return 0;
}

/* Puts up to four intervals into a line. */
static void fill_line(struct route_line *line, const struct interval *interval, size_t count)
{
	for (size_t i = 0; i < ROUTE_PIECES; i++) {
		const struct interval *from = &interval[i < count ? i : count - 1];

		line->piece[i] = from->answer;
		if (!i)
			continue;
		line->key[i - 1][0] = i < count ? (__u64)(from->first >> 64) : ~0ULL;
		line->key[i - 1][1] = i < count ? (__u64)from->first : ~0ULL;
	}
}

/* Lays a level of lines over the intervals, and makes them the intervals of the next level. */
static int lay_level(struct compiler *compiler, struct intervals *intervals)
{
	size_t lines = (intervals->count + ROUTE_PIECES - 1) / ROUTE_PIECES;
	__u32 first = compiler_take(compiler, (__u32)lines);

	if (!first)
		return -ENOSPC;
	for (size_t i = 0; i < lines; i++) {
		const struct interval *from = &intervals->interval[i * ROUTE_PIECES];
		size_t count = intervals->count - i * ROUTE_PIECES;

		fill_line(tables_line(compiler->tables, first + (__u32)i), from,
			  count < ROUTE_PIECES ? count : ROUTE_PIECES);
		intervals->interval[i] =
			(struct interval){ from->first, ROUTE_DEEPER | (first + (__u32)i) };
	}
	intervals->count = lines;
	return 0;
}

static int lay_tree(struct compiler *compiler, struct claims *claims, __u32 *root)
{
	struct intervals intervals = { 0 };
	int result, depth = 0;

	qsort(claims->claim, claims->count, sizeof(*claims->claim), compare_claims);
	result = cut(claims, &intervals) ? compiler_no_memory(compiler) : 0;
	do {
		if (!result && depth++ == ROUTE_DEPTH)
			result = sluice_error_set(compiler->error, -ENOSPC,
						  "a route table has too many routes");
		if (!result)
			result = lay_level(compiler, &intervals);
	} while (!result && intervals.count > 1);
	if (!result)
		*root = intervals.interval[0].answer & ROUTE_VALUE_MASK;
	free(intervals.interval);
	return result;
}

/* Lays the tree of a route table, or, without one, of what is in reach. */
static int lay_routes(struct compiler *compiler, const struct vnet_build *build,
		      const struct sluice_route_table *table, __u32 *root)
{
	size_t vnet = (size_t)(build - compiler->vnet);
	struct claims claims = { 0 };
	int result = claim_reach(compiler, build, &claims) ? compiler_no_memory(compiler) : 0;

	for (size_t i = 0; table && i < table->route_count && !result; i++)
		result = claim_route(compiler, vnet, table, &table->routes[i], &claims);
	if (!result)
		result = lay_tree(compiler, &claims, root);
	free(claims.claim);
	return result;
}

/* Has a subnet before this one the same table? Then its tree is this one's as well. */
static __u32 tree_of_table(const struct compiler *compiler, const struct vnet_build *build,
			   size_t subnet)
{
	const char *table = build->vnet->subnets[subnet].routes;

	for (size_t i = 0; i < subnet; i++) {
		const struct subnet *other = tables_line(compiler->tables, build->subnet_line[i]);

		if (other->routes && !strcmp(build->vnet->subnets[i].routes, table))
			return other->routes;
	}
	return 0;
}

static bool leads_to_ports(const struct sluice_route_table *table)
{
	struct ip_address address;

	for (size_t i = 0; i < table->route_count; i++)
		if (route_next_hop(&table->routes[i], &address) == NEXT_HOP_ADDRESS)
			return true;
	return false;
}

int compile_routes(struct compiler *compiler, struct vnet_build *build)
{
	struct vnet *vnet = tables_line(compiler->tables, build->line);
	size_t peers;
	int result = lay_routes(compiler, build, NULL, &vnet->routes);

	reach_peers(&compiler->reach, (size_t)(build - compiler->vnet), &peers);
	if (peers)
		vnet->sharing |= VNET_PEERED;
	for (size_t i = 0; i < build->vnet->subnet_count && !result; i++) {
		const struct sluice_route_table *table = reach_table(
			&compiler->reach, compiler->config, &build->vnet->subnets[i]);
		struct subnet *subnet = tables_line(compiler->tables, build->subnet_line[i]);

		if (!table)
			continue;
		if (leads_to_ports(table))
			vnet->sharing |= VNET_FORWARDS;
		subnet->routes = tree_of_table(compiler, build, i);
		if (!subnet->routes)
			result = lay_routes(compiler, build, table, &subnet->routes);
	}
	return result;
}
