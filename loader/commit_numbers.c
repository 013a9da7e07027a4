/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots and rule ids of the next version.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "loader/commit.h"
#include "loader/state.h"

struct clearing {
	const struct sluice *sw;
	void *zeros; /* a value of every CPU */
	size_t fresh;
	int result;
};

static int clear(void *context, bool is_slot, __u32 number)
{
	struct clearing *clearing = context;

	clearing->fresh++;
	if (bpf_map_update_elem(is_slot ? clearing->sw->map.port_counters :
					  clearing->sw->map.rule_counters,
				&number, clearing->zeros, BPF_ANY))
		clearing->result = -errno;
	return clearing->result;
}

/* How many numbers a document uses. When the next one uses as many and none of them is fresh, they
 * are the same numbers, and the files need not be written. */
static size_t count_names(const struct sluice_config *config)
{
	size_t count = config->port_count;

	for (size_t i = 0; i < config->nsg_count; i++)
		count += config->nsgs[i].rule_count + 6;
	for (size_t i = 0; i < config->acl_count; i++)
		count += config->acls[i].rule_count;
	return count;
}

static int save(struct sluice *sw, struct sluice_error *error)
{
	char path[STATE_PATH_MAX];
	struct stat info;
	int result;

	state_path(sw, "slots", path);
	result = ids_save(sw->slots, path, error);
	state_path(sw, "rules", path);
	result = result ?: ids_save(sw->rules, path, error);
	if (result)
		return result;
	if (!stat(path, &info)) {
		sw->ids_file = info.st_ino;
		sw->ids_time = info.st_mtim;
	}
	return 0;
}

int numbers_take(struct commit *commit, struct sluice_error *error)
{
	size_t value = sizeof(struct port_counters) > sizeof(struct rule_counters) ?
			       sizeof(struct port_counters) :
			       sizeof(struct rule_counters);
	struct clearing clearing = { .sw = commit->sw };
	const struct sluice_config *before =
		commit->before.version ? switch_config(commit->sw, error) : NULL;
	ino_t file = commit->sw->ids_file;
	int cpus = libbpf_num_possible_cpus();
	int result;

	if (cpus < 0 || (commit->before.version && !before))
		return cpus < 0 ? sluice_error_set(error, cpus, "cannot count the CPUs") : -EIO;
	clearing.zeros = calloc((size_t)cpus, (value + 7) / 8 * 8);
	if (!clearing.zeros)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	/* From here on sw's numbers may differ from their files. */
	commit->sw->ids_file = 0;
	result = compile_numbers(commit->config, commit->sw->slots, commit->sw->rules, clear,
				 &clearing, error);
	free(clearing.zeros);
	if (clearing.result)
		return sluice_error_set(error, clearing.result,
					"cannot clear the counters of a new port or rule: %s",
					strerror(-clearing.result));
	if (result)
		return result;
	if (before && !clearing.fresh && count_names(commit->config) == count_names(before)) {
		commit->sw->ids_file = file;
		return 0;
	}
	return save(commit->sw, error);
}
