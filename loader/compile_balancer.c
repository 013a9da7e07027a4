/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A balancer's lookup table (maps/nat.h): targets take entries in turn, each in the order of a
 * permutation that its name gives, so that the table is nearly the same without one of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/compile_nat.h"

#define NOBODY 0xffff

static __u64 hash_name(const char *name, __u64 seed)
{
	__u64 hash = 0xcbf29ce484222325ULL ^ seed; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3ULL;
	/* Names that differ in their last letter differ in its low bits alone. */
	hash = (hash ^ (hash >> 32)) * 0x9e3779b97f4a7c15ULL;
	return hash ^ (hash >> 32);
}

/* A target's permutation is offset, offset + skip, offset + 2 * skip, ... */
struct turn {
	__u32 at;
	__u32 skip;
};

static void fill_entries(const struct sluice_lb *lb, __u16 *entry)
{
	struct turn turns[NAT_BALANCER_TARGETS];
	__u32 filled = 0;

	memset(entry, 0xff, NAT_BALANCER_ENTRIES * sizeof(*entry));
	for (size_t i = 0; i < lb->backend_count; i++)
		turns[i] = (struct turn){
			.at = (__u32)(hash_name(lb->backends[i], 1) % NAT_BALANCER_ENTRIES),
			.skip = (__u32)(hash_name(lb->backends[i], 2) % (NAT_BALANCER_ENTRIES - 1)) + 1,
		};
	while (lb->backend_count)
		for (size_t i = 0; i < lb->backend_count; i++) {
			struct turn *turn = &turns[i];

			while (entry[turn->at] != NOBODY)
				turn->at = (turn->at + turn->skip) % NAT_BALANCER_ENTRIES;
			entry[turn->at] = (__u16)i;
			if (++filled == NAT_BALANCER_ENTRIES)
				return;
		}
}

static int lay_targets(struct compiler *compiler, const struct sluice_lb *lb,
		       struct nat_balancer *balancer)
{
	struct nat_target *targets;
	int result = 0;

	balancer->target_count = (__u32)lb->backend_count;
	if (!balancer->target_count)
		return 0;
	balancer->targets = compiler_take(compiler, balancer->target_count);
	if (!balancer->targets)
		return -ENOSPC;
	targets = tables_line(compiler->tables, balancer->targets);
	for (size_t i = 0; i < lb->backend_count && !result; i++) {
		targets[i].port = (__u16)(lb->backend_port ?: lb->frontend.port);
		result = nat_find_target(compiler, lb->backends[i], &lb->frontend.address,
					 &targets[i]);
	}
	return result;
}

int compile_balancer(struct compiler *compiler, const struct sluice_lb *lb, __u32 *line)
{
	__u32 lines = (NAT_BALANCER_ENTRIES + NAT_ENTRIES_PER_LINE - 1) / NAT_ENTRIES_PER_LINE;
	struct nat_balancer *balancer;
	int result;

	if (lb->backend_count > NAT_BALANCER_TARGETS)
		return sluice_error_set(compiler->error, -EINVAL,
					"lb %s: %zu backends are too many; it can have %u", lb->name,
					lb->backend_count, NAT_BALANCER_TARGETS);
	*line = compiler_take(compiler, 1);
	if (!*line)
		return -ENOSPC;
	balancer = tables_line(compiler->tables, *line);
	balancer->affinity = (__u8)lb->affinity;
	result = lay_targets(compiler, lb, balancer);
	if (result || !balancer->target_count)
		return result;
	balancer->entries = compiler_take(compiler, lines);
	if (!balancer->entries)
		return -ENOSPC;
	fill_entries(lb, tables_line(compiler->tables, balancer->entries));
	return 0;
}
