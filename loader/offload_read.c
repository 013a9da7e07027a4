/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading back what devices carried, and taking flows back.
 *
 * What the kernel has is what counts: every rule is found there by its cookie, whoever made it and
 * was killed since. A direction's rules are counted once: `offloads` says how much of their counters is
 * in the flow already, and is written first, so that a writer killed in between counts less and not
 * more.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/attach.h"
#include "loader/offload.h"

#define ASK_AGAIN_SECONDS 30

struct found_rule {
	__u32 ifindex;
	struct flower_seen seen;
};

/* All rules of all devices, those of a flow's direction behind each other. */
struct found_rules {
	struct found_rule *list;
	size_t count;
	size_t room;
	__u32 ifindex; /* being read */
};

static int keep_rule(const struct flower_seen *seen, void *context)
{
	struct found_rules *found = context;

	if (found->count == found->room) {
		size_t room = found->room ? 2 * found->room : 256;
		struct found_rule *list = realloc(found->list, room * sizeof(*list));

		if (!list)
			return -ENOMEM;
		found->list = list;
		found->room = room;
	}
	found->list[found->count++] = (struct found_rule){ .ifindex = found->ifindex, .seen = *seen };
	return 0;
}

static int compare_rules(const void *a, const void *b)
{
	const struct found_rule *left = a, *right = b;

	return (left->seen.cookie.key > right->seen.cookie.key) -
	       (left->seen.cookie.key < right->seen.cookie.key);
}

static int find_rules(const struct sluice_offloads *offloads, struct found_rules *found,
		      struct sluice_error *error)
{
	int result = 0;

	*found = (struct found_rules){};
	for (__u32 slot = 1; slot < offloads->port_count && !result; slot++) {
		found->ifindex = offloads->ports[slot].ifindex;
		if (found->ifindex)
			result = flower_each(found->ifindex, keep_rule, found);
	}
	if (result) {
		free(found->list);
		return sluice_error_set(error, result, "cannot read the rules of device %u: %s",
					found->ifindex, strerror(-result));
	}
	if (found->count)
		qsort(found->list, found->count, sizeof(*found->list), compare_rules);
	return 0;
}

int offload_count(const struct sluice *sw, const struct carried *carried,
		  struct sluice_error *error)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = carried,
		    .data_size_in = sizeof(*carried), .repeat = 1);

	if (bpf_prog_test_run_opts(sw->program.sluice_carried, &options))
		return sluice_error_set(error, -errno,
					"what a device carried can not be counted: %s",
					strerror(errno));
	return options.retval ? 1 : 0;
}

/* One direction's rules: they stand for one flow under one verdict, and are counted together. */
struct group {
	const struct found_rule *rules;
	size_t count;
	__u32 key;
};

static int remove_group(const struct sluice_offloads *offloads, const struct group *group,
			struct sluice_error *error)
{
	int result = 0;

	for (size_t i = 0; i < group->count && !result; i++)
		result = flower_remove(group->rules[i].ifindex, group->rules[i].seen.ipv6,
				       group->rules[i].seen.handle);
	if (result)
		return sluice_error_set(error, result, "cannot remove a rule from device %u: %s",
					group->rules[0].ifindex, strerror(-result));
	bpf_map_delete_elem(offloads->sw->map.offloads, &group->key);
	return 0;
}

/* Counts what the group carried since it was last read. 1: its flow is gone. */
static int count_group(const struct sluice_offloads *offloads, const struct group *group,
		       struct offload *offload, bool goes_on, struct sluice_error *error)
{
	struct carried carried = { .place = group->key >> 1,
				   .direction = group->key & 1,
				   .claim = offload->claim,
				   .idle = ~0U,
				   .goes_on = goes_on };

	for (size_t i = 0; i < group->count; i++) {
		__u32 idle = (__u32)((__u64)group->rules[i].seen.idle_ms * 1000000 >>
				     FLOW_TICK_SHIFT);

		carried.packets += group->rules[i].seen.packets;
		carried.bytes += group->rules[i].seen.bytes;
		if (group->rules[i].seen.packets && idle < carried.idle)
			carried.idle = idle;
	}
	/* A device that counts anew, after a reset, has carried that much at least. */
	if (carried.packets >= offload->packets) {
		carried.packets -= offload->packets;
		carried.bytes -= offload->bytes;
	}
	if (!carried.packets && goes_on)
		return 0;
	offload->packets += carried.packets;
	offload->bytes += carried.bytes;
	bpf_map_update_elem(offloads->sw->map.offloads, &group->key, offload, BPF_EXIST);
	return offload_count(offloads->sw, &carried, error);
}

/* Whether the flow in this place is the one that was handed over, and would be again. */
static bool still_right(const struct sluice_offloads *offloads, __u32 key,
			const struct offload *offload)
{
	const struct sluice *sw = offloads->sw;
	__u32 bucket = (key >> 1) / FLOWS_PER_BUCKET, way = (key >> 1) % FLOWS_PER_BUCKET, claim;
	struct flower_rule rules[FLOWER_RULES];
	struct sluice_flow flow;
	size_t count;

	return bucket < sw->flow_buckets && offload->version == offloads->root->version &&
	       flow_copy(&sw->flows[bucket].way[way], &sw->flow_details[bucket].way[way], &flow,
			 &claim) &&
	       claim == offload->claim &&
	       !offload_rules(offloads, &flow, (int)(key & 1), rules, &count);
}

static int read_group(const struct sluice_offloads *offloads, const struct group *group,
		      bool withdraw, bool *kept, struct sluice_error *error)
{
	const struct flower_cookie *cookie = &group->rules[0].seen.cookie;
	struct offload offload;
	int result;

	*kept = false;
	/* Made by a writer that was killed before it noted them. */
	if (bpf_map_lookup_elem(offloads->sw->map.offloads, &group->key, &offload) ||
	    offload.refused || offload.claim != cookie->claim ||
	    offload.version != cookie->version)
		return remove_group(offloads, group, error);
	*kept = !withdraw && still_right(offloads, group->key, &offload);
	result = count_group(offloads, group, &offload, *kept, error);
	if (result < 0)
		return result;
	*kept = *kept && !result;
	return *kept ? 0 : remove_group(offloads, group, error);
}

static int read_groups(const struct sluice_offloads *offloads, const struct found_rules *found,
		       bool withdraw, size_t *carrying, size_t *returned,
		       struct sluice_error *error)
{
	size_t next;

	for (size_t i = 0; i < found->count; i = next) {
		struct group group = { .rules = &found->list[i],
				       .key = found->list[i].seen.cookie.key };
		bool kept;
		int result;

		next = i;
		while (next < found->count && found->list[next].seen.cookie.key == group.key)
			next++;
		group.count = next - i;
		result = read_group(offloads, &group, withdraw, &kept, error);
		if (result)
			return result;
		*(kept ? carrying : returned) += 1;
	}
	return 0;
}

static bool was_found(const struct found_rules *found, __u32 key)
{
	struct found_rule sought = { .seen.cookie.key = key };

	return found->count && bsearch(&sought, found->list, found->count, sizeof(*found->list),
				       compare_rules);
}

/* Drops elements that say nothing any more: of other flows, of refusals that may be asked again, of
 * rules that went with their device. */
static void drop_void(const struct sluice_offloads *offloads, const struct found_rules *found)
{
	int map = offloads->sw->map.offloads;
	__u32 key, next, now = flow_tick();
	bool more = !bpf_map_get_next_key(map, NULL, &next);

	while (more) {
		struct offload offload;

		key = next;
		more = !bpf_map_get_next_key(map, &key, &next);
		if (bpf_map_lookup_elem(map, &key, &offload))
			continue;
		if (!still_right(offloads, key, &offload) ||
		    (offload.refused ? now - offload.refused >
					       ASK_AGAIN_SECONDS * FLOW_TICKS_PER_SECOND
				     : !was_found(found, key)))
			bpf_map_delete_elem(map, &key);
	}
}

int offload_read_back(const struct sluice_offloads *offloads, size_t *carrying, size_t *returned,
		      struct sluice_error *error)
{
	struct found_rules found;
	int result = find_rules(offloads, &found, error);

	if (result)
		return result;
	result = read_groups(offloads, &found, false, carrying, returned, error);
	if (!result)
		drop_void(offloads, &found);
	free(found.list);
	return result;
}

/* The qdisc goes as well, unless it is our program's. */
static int clear_device(const struct sluice *sw, __u32 ifindex, struct sluice_error *error)
{
	int result = flower_remove_all(ifindex);

	if (result)
		return sluice_error_set(error, result,
					"cannot take back what device %u carries: %s", ifindex,
					strerror(-result));
	return clsact_there(ifindex) ? 0 : clsact_detach(sw, ifindex, error);
}

int offload_withdraw(struct sluice *sw, struct sluice_error *error)
{
	struct sluice_offloads *offloads;
	struct found_rules found;
	size_t carrying = 0, returned = 0;
	int result;

	if (!offload_wanted(sw))
		return 0;
	result = sluice_offloads_open(sw, &offloads, error);
	if (result)
		return result;
	result = find_rules(offloads, &found, error);
	if (!result) {
		result = read_groups(offloads, &found, true, &carrying, &returned, error);
		free(found.list);
	}
	for (__u32 slot = 1; slot < offloads->port_count && !result; slot++)
		if (offloads->ports[slot].ifindex)
			result = clear_device(sw, offloads->ports[slot].ifindex, error);
	sluice_offloads_close(offloads);
	return result;
}
