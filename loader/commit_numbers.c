/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots and rule ids of the next version.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/commit.h"
#include "loader/state.h"
#include "loader/tunnel_ends.h"

struct clearing {
	const struct sluice *sw;
	void *zeros; /* a value of every CPU */
	size_t fresh_slots;
	size_t fresh_rules;
	int result;
};

static int clear(void *context, bool is_slot, __u32 number)
{
	struct clearing *clearing = context;

	(*(is_slot ? &clearing->fresh_slots : &clearing->fresh_rules))++;
	if (bpf_map_update_elem(is_slot ? clearing->sw->map.port_counters :
					  clearing->sw->map.rule_counters,
				&number, clearing->zeros, BPF_ANY))
		clearing->result = -errno;
	return clearing->result;
}

static size_t count_rules(const struct sluice_config *config)
{
	size_t count = 0;

	for (size_t i = 0; i < config->nsg_count; i++)
		count += config->nsgs[i].rule_count + 6;
	for (size_t i = 0; i < config->acl_count; i++)
		count += config->acls[i].rule_count;
	return count;
}

/* Writes a name space unless its numbers are those of the version before: none is fresh, and there
 * are as many. */
static int save(const struct sluice *sw, const struct ids *ids, const char *name, bool same,
		struct sluice_error *error)
{
	char path[STATE_PATH_MAX];

	state_path(sw, name, path);
	return same ? 0 : ids_save(ids, path, error);
}

/* Whether the running version's numbers are in its edits and not all in the file. */
static bool running_is_edited(const struct sluice *sw)
{
	char name[64];

	snprintf(name, sizeof(name), "versions/%u.edits", switch_root(sw)->version);
	return state_has(sw, name);
}

/* Names that have slots: none is fresh and there are as many, so they are the same. */
static size_t count_slots(const struct sluice_config *config)
{
	struct tunnel_ends ends;
	size_t count = config->port_count;

	if (tunnel_ends_find(config, &ends))
		return SIZE_MAX;
	count += ends.count;
	tunnel_ends_free(&ends);
	return count;
}

static void *counters_of_zero(int *cpus)
{
	size_t value = sizeof(struct port_counters) > sizeof(struct rule_counters) ?
			       sizeof(struct port_counters) :
			       sizeof(struct rule_counters);

	*cpus = libbpf_num_possible_cpus();
	return *cpus < 0 ? NULL : calloc((size_t)*cpus, (value + 7) / 8 * 8);
}

/* Numbers that have been other rules': what flows have counted for those must not become the new ones'. */
static int settle_before(const struct sluice *sw, struct sluice_error *error)
{
	return ids_come_round(sw->rules) ? flows_settle(sw, error) : 0;
}

int numbers_clear_rule(const struct sluice *sw, __u32 number, struct sluice_error *error)
{
	void *zeros;
	int cpus, result = settle_before(sw, error);

	if (result)
		return result;
	zeros = counters_of_zero(&cpus);
	if (!zeros)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	if (bpf_map_update_elem(sw->map.rule_counters, &number, zeros, BPF_ANY))
		result = sluice_error_set(error, -errno,
					  "cannot clear the counters of a new rule: %s",
					  strerror(errno));
	free(zeros);
	return result;
}

int numbers_take(struct commit *commit, struct sluice_error *error)
{
	struct clearing clearing = { .sw = commit->sw };
	const struct sluice_config *before =
		commit->before.version ? switch_config(commit->sw, error) : NULL;
	int cpus, result;

	if (commit->before.version && !before)
		return -EIO;
	result = settle_before(commit->sw, error);
	if (result)
		return result;
	clearing.zeros = counters_of_zero(&cpus);
	if (cpus < 0)
		return sluice_error_set(error, cpus, "cannot count the CPUs");
	if (!clearing.zeros)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	/* From here on sw's numbers may differ from their files. */
	switch_doubt_ids(commit->sw);
	result = compile_numbers(commit->config, commit->sw->slots, commit->sw->rules, clear,
				 &clearing, error);
	free(clearing.zeros);
	if (clearing.result)
		return sluice_error_set(error, clearing.result,
					"cannot clear the counters of a new port or rule: %s",
					strerror(-clearing.result));
	if (result)
		return result;
	result = save(commit->sw, commit->sw->slots, "slots",
		      before && !clearing.fresh_slots &&
			      count_slots(before) == count_slots(commit->config), error) ?:
		 save(commit->sw, commit->sw->rules, "rules",
		      before && !clearing.fresh_rules && !running_is_edited(commit->sw) &&
			      count_rules(before) == count_rules(commit->config), error);
	return result ?: switch_note_ids(commit->sw, error);
}
