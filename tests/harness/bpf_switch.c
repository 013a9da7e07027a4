/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads the programs into a namespace of the test's own and runs documents on them. */
#include "tests/harness/bpf_switch.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "bpf/sluice.skel.h"
#include "tests/harness/namespace.h"
#include "tests/harness/seed.h"

static int keep_errors(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, arguments) : 0;
}

static void *map_memory(const struct bpf_map *map)
{
	size_t page = 4096;
	size_t length = (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);
	void *memory = mmap(NULL, (length + page - 1) & ~(page - 1), PROT_READ | PROT_WRITE,
			    MAP_SHARED, bpf_map__fd(map), 0);

	if (memory == MAP_FAILED)
		fail_msg("mmap of map %s: %s", bpf_map__name(map), strerror(errno));
	return memory;
}

static void load_programs(struct bpf_switch *sw)
{
	int error;

	libbpf_set_print(keep_errors);
	sw->skeleton = sluice_bpf__open();
	if (!sw->skeleton)
		fail_msg("the skeleton does not open: %s", strerror(errno));
	bpf_map__set_max_entries(sw->skeleton->maps.flows, sw->flow_buckets);
	bpf_map__set_max_entries(sw->skeleton->maps.flow_details, sw->flow_buckets);
	bpf_map__set_max_entries(sw->skeleton->maps.flow_tags, sw->flow_buckets);
	error = sluice_bpf__load(sw->skeleton);
	if (error)
		fail_msg("the programs do not load: %s", strerror(-error));
	sw->control = map_memory(sw->skeleton->maps.control);
	sw->flows = map_memory(sw->skeleton->maps.flows);
	sw->flow_details = map_memory(sw->skeleton->maps.flow_details);
	sw->flow_tags = map_memory(sw->skeleton->maps.flow_tags);
	sw->flow_usage = map_memory(sw->skeleton->maps.flow_usage);
	sw->tables.lines = map_memory(sw->skeleton->maps.tables);
	sw->tables.count = bpf_map__max_entries(sw->skeleton->maps.tables);
	memcpy(sw->control->hash_seed, test_seed, sizeof(test_seed));
}

struct bpf_switch *bpf_switch_open(__u32 flow_buckets)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct bpf_switch *sw = calloc(1, sizeof(*sw));

	assert_non_null(sw);
	setrlimit(RLIMIT_MEMLOCK, &unlimited); /* kernels before 5.11 count maps against it */
	enter_test_namespace(BPF_SWITCH_PORTS);
	pin_to_cpu(0);
	sw->cpus = libbpf_num_possible_cpus();
	sw->flow_buckets = flow_buckets ? flow_buckets : 1024;
	sw->slots = ids_new(BPF_SWITCH_SLOTS);
	sw->rules = ids_new(SLUICE_MAX_RULES);
	assert_non_null(sw->slots);
	assert_non_null(sw->rules);
	load_programs(sw);
	return sw;
}

void bpf_switch_close(struct bpf_switch *sw)
{
	sluice_bpf__destroy(sw->skeleton);
	ids_free(sw->slots);
	ids_free(sw->rules);
	free(sw);
}

static void put_device(const struct bpf_switch *sw, __u32 slot, __u32 ifindex)
{
	const struct bpf_map *maps[] = { sw->skeleton->maps.devices, sw->skeleton->maps.devices_tc };
	struct bpf_devmap_val value = { .ifindex = ifindex };

	for (int i = 0; i < 2; i++)
		if (ifindex ? bpf_map_update_elem(bpf_map__fd(maps[i]), &slot, &value, 0)
			    : bpf_map_delete_elem(bpf_map__fd(maps[i]), &slot) && errno != ENOENT)
			fail_msg("devices[%u]: %s", slot, strerror(errno));
}

/* XDP and tc find the receiving device in a map each, as the loader would have filled it. */
static void place_ports(struct bpf_switch *sw, const struct sluice_config *config,
			struct placement *placements)
{
	for (size_t i = 0; i < config->port_count; i++) {
		__u32 slot = ids_find(sw->slots, config->ports[i].name);

		put_device(sw, slot, placements[i].ifindex);
		put_device(sw, slot + SLUICE_MAX_PORTS, placements[i].function.ifindex);
	}
}

static void place_function(const struct bpf_switch *sw, size_t port, struct placement *placement)
{
	if (port >= sw->functions)
		return;
	placement->function = (struct function){ .ifindex = if_nametoindex(NIC),
						 .number = (__u16)(port * FUNCTION_STEP),
						 .carries = !sw->functions_idle };
	if (placement->function.carries)
		placement->delivery = DELIVERY_VF;
}

void bpf_switch_apply(struct bpf_switch *sw, const char *yaml)
{
	struct sluice_error error = { .line = 0 };
	struct sluice_config *config;
	struct placement *placements;
	__u32 root;

	if (sluice_config_parse(yaml, strlen(yaml), "test document", &config, &error))
		fail_msg("document: %u:%u: %s\n%s", error.line, error.column, error.message, yaml);
	placements = calloc(config->port_count + 1, sizeof(*placements));
	assert_non_null(placements);
	for (size_t i = 0; i < config->port_count; i++) {
		placements[i].ifindex = if_nametoindex(config->ports[i].device);
		placements[i].mtu = sw->mtu;
		placements[i].redirect_peer = sw->redirect_peer;
		place_function(sw, i, &placements[i]);
	}
	ids_begin(sw->slots);
	ids_begin(sw->rules);
	if (tables_begin(&sw->tables, sw->control->root, &error) ||
	    compile(&sw->tables, config, placements, NULL, sw->slots, sw->rules, sw->version + 1, &root,
		    &error))
		fail_msg("compile: %s", error.message);
	tables_end(&sw->tables);
	place_ports(sw, config, placements);
	sw->version++;
	__atomic_store_n(&sw->control->root, root, __ATOMIC_RELEASE);
	ids_release(sw->slots);
	ids_release(sw->rules);
	free(placements);
	sluice_config_free(config);
}

const struct root *bpf_switch_root(const struct bpf_switch *sw)
{
	return sw->control->root ? (const struct root *)&sw->tables.lines[sw->control->root] : NULL;
}

__u32 bpf_switch_slot(const struct bpf_switch *sw, const char *port)
{
	return ids_find(sw->slots, port);
}

__u32 bpf_switch_rule(const struct bpf_switch *sw, const char *key)
{
	return ids_find(sw->rules, key);
}

unsigned int actor_ifindex(const struct actor *actor)
{
	return if_nametoindex(actor->device);
}

void pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail_msg("sched_setaffinity: %s", strerror(errno));
}

int open_switch(void **state)
{
	*state = bpf_switch_open(0);
	return 0;
}

int close_switch(void **state)
{
	if (*state) /* else it did not open */
		bpf_switch_close(*state);
	return 0;
}

int fresh_town(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, NULL);
	flows_clear(sw);
	return 0;
}
