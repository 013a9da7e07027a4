// SPDX-License-Identifier: BSD-2-Clause
/*
 * Counters of ports and rules, summed over CPUs.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/switch.h"

/* Adds up the CPUs' copies of one element, which is made of count 64-bit numbers. */
static int sum_element(int map, __u32 index, __u64 *sum, size_t count, struct sluice_error *error)
{
	int cpus = libbpf_num_possible_cpus();
	__u64 *copies;

	if (cpus < 0)
		return sluice_error_set(error, cpus, "the number of CPUs is unknown");
	copies = calloc((size_t)cpus * count, sizeof(*copies));
	if (!copies)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	if (bpf_map_lookup_elem(map, &index, copies)) {
		int err = -errno;

		free(copies);
		return sluice_error_set(error, err, "counters can not be read: %s", strerror(-err));
	}
	memset(sum, 0, count * sizeof(*sum));
	for (int cpu = 0; cpu < cpus; cpu++)
		for (size_t i = 0; i < count; i++)
			sum[i] += copies[cpu * count + i];
	free(copies);
	return 0;
}

int sluice_port_counters(struct sluice *sw, const char *port, struct port_counters *counters,
			 struct sluice_error *error)
{
	int slot = port ? sluice_port_slot(sw, port, error) : 0;

	if (slot < 0)
		return slot;
	return sum_element(sw->map.port_counters, slot, (__u64 *)counters,
			   sizeof(*counters) / sizeof(__u64), error);
}

/* The list that is being filled, with room for every rule of the document. */
struct stat_list {
	struct sluice *sw;
	struct sluice_rule_stat *stats;
	size_t count;
};

static int add_stat(struct stat_list *list, bool acl, const char *owner, enum direction direction,
		    const char *rule, struct sluice_error *error)
{
	struct sluice_rule_stat *stat = &list->stats[list->count];
	char key[160];
	__u32 id;

	if (acl)
		snprintf(key, sizeof(key), "acl/%s/%s", owner, rule);
	else
		snprintf(key, sizeof(key), "nsg/%s/%s/%s", owner,
			 direction == DIRECTION_INBOUND ? "in" : "out", rule);
	snprintf(stat->owner, sizeof(stat->owner), "%s", owner);
	snprintf(stat->rule, sizeof(stat->rule), "%s", rule);
	stat->acl = acl;
	stat->direction = direction;
	list->count++;
	/* A rule that no port is under has no number, and has decided nothing. */
	id = ids_find(list->sw->rules, key);
	if (!id)
		return 0;
	return sum_element(list->sw->map.rule_counters, id, (__u64 *)&stat->counters,
			   sizeof(stat->counters) / sizeof(__u64), error);
}

static const char *const built_in_rules[] = { "65000", "65001", "65500" };
#define BUILT_IN_COUNT (sizeof(built_in_rules) / sizeof(built_in_rules[0]))

static int add_nsg(struct stat_list *list, const struct sluice_nsg *nsg, struct sluice_error *error)
{
	int err = 0;

	for (int direction = 0; direction < DIRECTION_COUNT && !err; direction++) {
		for (size_t i = 0; i < nsg->rule_count && !err; i++)
			if ((int)nsg->rules[i].direction == direction)
				err = add_stat(list, false, nsg->name, direction,
					       nsg->rules[i].name, error);
		for (size_t i = 0; i < BUILT_IN_COUNT && !err; i++)
			err = add_stat(list, false, nsg->name, direction, built_in_rules[i], error);
	}
	return err;
}

static int add_acl(struct stat_list *list, const struct sluice_acl *acl, struct sluice_error *error)
{
	int err = 0;

	for (size_t i = 0; i < acl->rule_count && !err; i++)
		err = add_stat(list, true, acl->name, acl->rules[i].direction, acl->rules[i].name,
			       error);
	return err;
}

int sluice_rule_stats(struct sluice *sw, struct sluice_rule_stat **stats, size_t *count,
		      struct sluice_error *error)
{
	const struct sluice_config *config = switch_config(sw, error);
	struct stat_list list = { .sw = sw };
	size_t room = 1;
	int err = 0;

	if (!config)
		return -EIO;
	for (size_t i = 0; i < config->nsg_count; i++)
		room += config->nsgs[i].rule_count + DIRECTION_COUNT * BUILT_IN_COUNT;
	for (size_t i = 0; i < config->acl_count; i++)
		room += config->acls[i].rule_count;
	err = flows_settle(sw, error);
	if (err)
		return err;
	list.stats = calloc(room, sizeof(*list.stats));
	if (!list.stats)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < config->acl_count && !err; i++)
		err = add_acl(&list, &config->acls[i], error);
	for (size_t i = 0; i < config->nsg_count && !err; i++)
		err = add_nsg(&list, &config->nsgs[i], error);
	if (err) {
		free(list.stats);
		return err;
	}
	*stats = list.stats;
	*count = list.count;
	return 0;
}
