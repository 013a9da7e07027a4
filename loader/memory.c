/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel memory a switch holds: how large its flow table is, and what all its maps take.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "loader/switch.h"

__u32 flow_buckets_for(unsigned int flows)
{
	__u32 buckets = 1;

	while ((unsigned long long)buckets * FLOWS_PER_BUCKET < flows)
		buckets *= 2;
	return buckets;
}

int flow_size_check(const struct sluice *sw, const struct sluice_config *config,
		    struct sluice_error *error)
{
	if (!sw->flow_buckets || flow_buckets_for(config->flows) == sw->flow_buckets)
		return 0;
	return sluice_error_set(error, -ENOTSUP,
				"switch.flows: %u is another size than that of the running flow "
				"table, which can not change while it holds connections; keep "
				"flows: %llu, or run 'sluice down' and 'sluice up'", config->flows,
				(unsigned long long)sw->flow_buckets * FLOWS_PER_BUCKET);
}

int sluice_check(const struct sluice *sw, const struct sluice_config *config,
		 struct sluice_error *error)
{
	return sluice_config_validate(config, error) ?: flow_size_check(sw, config, error);
}

/* What the kernel says a map takes, in bytes; kernels before 6.4 leave the parts of each CPU out. */
static unsigned long long map_bytes(int fd)
{
	unsigned long long bytes = 0;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	if (file)
		fclose(file);
	return bytes;
}

void switch_memory(const struct sluice *sw, struct sluice_memory *memory)
{
	memset(memory, 0, sizeof(*memory));
#define X(name) memory->other += map_bytes(sw->map.name);
	SWITCH_MAPS(X)
#undef X
	memory->flows = map_bytes(sw->map.flows);
	memory->tables = map_bytes(sw->map.tables);
	memory->counters = map_bytes(sw->map.port_counters) + map_bytes(sw->map.rule_counters);
	memory->other -= memory->flows + memory->tables + memory->counters;
}
