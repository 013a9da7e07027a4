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
				"switch.flows: %u%s is another size than that of the running flow "
				"table, which can not change while it holds connections; say "
				"flows: %llu, or run 'sluice down' and 'sluice up'", config->flows,
				config->flows == SLUICE_DEFAULT_FLOWS ? " (the default)" : "",
				(unsigned long long)sw->flow_buckets * FLOWS_PER_BUCKET);
}

int sluice_check(const struct sluice *sw, const struct sluice_config *config,
		 struct sluice_error *error)
{
	return sluice_config_validate(config, error) ?: flow_size_check(sw, config, error);
}

/* Adds what the kernel says a map takes, in bytes. */
static int add_map(int fd, unsigned long long *sum, struct sluice_error *error)
{
	unsigned long long bytes = 0;
	char path[64], line[128];
	bool said = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && !said && fgets(line, sizeof(line), file))
		said = sscanf(line, "memlock: %llu", &bytes) == 1;
	if (file)
		fclose(file);
	if (!said)
		return sluice_error_set(error, -EIO, "%s does not say what memory the map takes; "
					"is /proc mounted?", path);
	*sum += bytes;
	return 0;
}

int switch_memory(const struct sluice *sw, struct sluice_memory *memory,
		  struct sluice_error *error)
{
	struct sluice_memory sum = { 0 };
	unsigned long long all = 0;
	int result = 0;

#define X(name) result = result ?: add_map(sw->map.name, &all, error);
	SWITCH_MAPS(X)
#undef X
	result = result ?: add_map(sw->map.flows, &sum.flows, error) ?:
		 add_map(sw->map.flow_details, &sum.flows, error) ?:
		 add_map(sw->map.flow_tags, &sum.flows, error) ?:
		 add_map(sw->map.tables, &sum.tables, error) ?:
		 add_map(sw->map.port_counters, &sum.counters, error) ?:
		 add_map(sw->map.rule_counters, &sum.counters, error);
	if (result)
		return result;
	sum.other = all - sum.flows - sum.tables - sum.counters;
	*memory = sum;
	return 0;
}
