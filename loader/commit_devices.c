/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The maps `devices` and `devices_tc`: slot -> device. The kernel empties an element when its device goes.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "loader/commit.h"
#include "loader/tunnel_ends.h"
#include "maps/tunnel.h"

static __u32 device_in(int map, __u32 slot)
{
	struct bpf_devmap_val value = {};

	if (bpf_map_lookup_elem(map, &slot, &value))
		return 0;
	return value.ifindex;
}

static int put_in(int map, __u32 slot, __u32 ifindex)
{
	struct bpf_devmap_val value = { .ifindex = ifindex };

	if (device_in(map, slot) == ifindex)
		return 0;
	if (ifindex)
		return bpf_map_update_elem(map, &slot, &value, BPF_ANY) ? -errno : 0;
	return bpf_map_delete_elem(map, &slot) && errno != ENOENT ? -errno : 0;
}

static int put(const struct sluice *sw, __u32 slot, __u32 ifindex, struct sluice_error *error)
{
	int result = put_in(sw->map.devices, slot, ifindex) ?:
		     put_in(sw->map.devices_tc, slot, ifindex);

	if (result)
		return sluice_error_set(error, result, "cannot set the device of slot %u: %s", slot,
					strerror(-result));
	return 0;
}

/* The NIC's own device leads to its VFs. It stays there while the VF does not carry the port, so that no
 * version's packets, which are tagged for the VF or not, find another device than they are for. */
static __u32 second_of(const struct placement *placement)
{
	return placement->function.ifindex ?: placement->second;
}

/* Both devices of a port's slot. */
static int put_both(const struct sluice *sw, __u32 slot, __u32 first, __u32 second,
		    struct sluice_error *error)
{
	return put(sw, slot, first, error) ?: put(sw, slot + SLUICE_MAX_PORTS, second, error);
}

static bool holds(const struct sluice *sw, __u32 slot, __u32 ifindex)
{
	return device_in(sw->map.devices, slot) == ifindex &&
	       device_in(sw->map.devices_tc, slot) == ifindex;
}

/* --- ends of tunnels --- */

/* XDP reaches no remote: what leaves by a tunnel needs the kernel's next hop, which tc asks for. */
static int put_end(const struct sluice *sw, __u32 slot, __u32 uplink, struct sluice_error *error)
{
	int result = put_in(sw->map.devices, slot, 0) ?: put_in(sw->map.devices_tc, slot, uplink);

	if (result)
		return sluice_error_set(error, result, "cannot set the uplink of slot %u: %s", slot,
					strerror(-result));
	return 0;
}

/* Calls use for the slot of each end; a non-zero return ends it and is returned. */
static int each_end(const struct commit *commit, struct sluice_error *error,
		    int (*use)(const struct commit *commit, __u32 slot, struct sluice_error *error))
{
	struct tunnel_ends ends;
	char key[TUNNEL_END_KEY_MAX];
	int result = 0;

	if (tunnel_ends_find(commit->config, &ends))
		return sluice_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < ends.count && !result; i++) {
		tunnel_end_key(commit->config, &ends.list[i], key);
		result = use(commit, ids_find(commit->sw->slots, key), error);
	}
	tunnel_ends_free(&ends);
	return result;
}

static __u32 uplink_ifindex(const struct commit *commit)
{
	return commit->uplink ? commit->uplink->ifindex : 0;
}

static int end_lacks(const struct commit *commit, __u32 slot, struct sluice_error *error)
{
	(void)error;
	return device_in(commit->sw->map.devices_tc, slot) != uplink_ifindex(commit);
}

static int fill_end(const struct commit *commit, __u32 slot, struct sluice_error *error)
{
	return put_end(commit->sw, slot, uplink_ifindex(commit), error);
}

/* Of the running version. */
static __u32 uplink_of_slot(const struct sluice *sw, __u32 slot)
{
	const struct root *root = switch_root(sw);
	const struct port *port = (const struct port *)&sw->lines[root->ports + slot];

	if (slot >= root->port_count || !(port->flags & PORT_IN_USE) ||
	    port->delivery != DELIVERY_TUNNEL)
		return 0;
	return ((const struct tunnel *)&sw->lines[port->tunnel])->uplink;
}

/* --- all --- */

bool devices_in_place(const struct commit *commit)
{
	for (size_t i = 0; i < commit->config->port_count; i++) {
		__u32 slot = ids_find(commit->sw->slots, commit->config->ports[i].name);
		const struct placement *placement = &commit->placements[i];

		if (!holds(commit->sw, slot, placement->ifindex) ||
		    !holds(commit->sw, slot + SLUICE_MAX_PORTS, second_of(placement)))
			return false;
	}
	return !each_end(commit, NULL, end_lacks);
}

/* Delivery by a VF that did not carry the port begins with the first frame that the guest sends by it. */
static int forget_sending(const struct commit *commit, size_t index, __u32 slot,
			  struct sluice_error *error)
{
	const struct port *before = (const struct port *)&commit->sw->lines[commit->before.ports] + slot;
	__u32 none = 0;

	if (slot < commit->before.port_count && before->flags & PORT_IN_USE &&
	    before->delivery == DELIVERY_VF)
		return 0;
	if (!commit->placements[index].function.carries)
		return 0;
	if (bpf_map_update_elem(commit->sw->map.sending_vfs, &slot, &none, BPF_ANY))
		return sluice_error_set(error, -errno, "cannot note that slot %u is new: %s", slot,
					strerror(errno));
	return 0;
}

int devices_fill(const struct commit *commit, struct sluice_error *error)
{
	int result = 0;

	for (size_t i = 0; i < commit->config->port_count && !result; i++) {
		__u32 slot = ids_find(commit->sw->slots, commit->config->ports[i].name);

		result = put_both(commit->sw, slot, commit->placements[i].ifindex,
				  second_of(&commit->placements[i]), error) ?:
			 forget_sending(commit, i, slot, error);
	}
	return result ?: each_end(commit, error, fill_end);
}

static bool slot_used(const struct sluice *sw, const struct root *root, __u32 slot)
{
	const struct port *ports = (const struct port *)&sw->lines[root->ports];

	return slot < root->port_count && (ports[slot].flags & PORT_IN_USE);
}

int devices_remove_gone(const struct commit *commit, struct sluice_error *error)
{
	const struct root *now = switch_root(commit->sw);
	int result = 0;

	for (__u32 slot = 1; slot < commit->before.port_count && !result; slot++)
		if (slot_used(commit->sw, &commit->before, slot) &&
		    !slot_used(commit->sw, now, slot))
			result = put_both(commit->sw, slot, 0, 0, error);
	return result;
}

/* A NIC is the second device of the ports that its VFs are. */
static void put_functions(const struct sluice *sw, const struct device_bucket *bucket,
			  __u32 *ifindex)
{
	for (int at = 0; at < DEVICES_PER_BUCKET; at++) {
		const struct function_slots *slots =
			(const struct function_slots *)&sw->lines[bucket->entry[at].functions];

		for (size_t i = 0; bucket->entry[at].ifindex && i < FUNCTIONS_PER_DEVICE; i++) {
			__u16 slot = slots[i / FUNCTIONS_PER_LINE].slot[i % FUNCTIONS_PER_LINE];

			if (slot)
				ifindex[slot + SLUICE_MAX_PORTS] = bucket->entry[at].ifindex;
		}
	}
}

int devices_heal(const struct sluice *sw, struct sluice_error *error)
{
	const struct root *root = switch_root(sw);
	const struct device_bucket *buckets =
		(const struct device_bucket *)&sw->lines[root->devices];
	const struct device_bucket *functions =
		(const struct device_bucket *)&sw->lines[root->functions];
	__u32 *ifindex = calloc(2 * SLUICE_MAX_PORTS, sizeof(*ifindex));
	int result = 0;

	if (!ifindex)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	for (__u32 i = 0; i <= root->device_mask; i++)
		for (int at = 0; at < DEVICES_PER_BUCKET; at++)
			if (buckets[i].entry[at].ifindex)
				ifindex[buckets[i].entry[at].slot +
					(buckets[i].entry[at].second ? SLUICE_MAX_PORTS : 0)] =
					buckets[i].entry[at].ifindex;
	for (__u32 i = 0; root->functions && i <= root->function_mask; i++)
		put_functions(sw, &functions[i], ifindex);
	for (__u32 slot = 1; slot < 2 * SLUICE_MAX_PORTS && !result; slot++) {
		__u32 uplink = uplink_of_slot(sw, slot);

		/* A device that vanished since leaves its slot empty, as it should be. */
		if (uplink && !put_end(sw, slot, uplink, NULL))
			continue;
		result = put(sw, slot, ifindex[slot], error);
		/* The device vanished since: its slot is empty, as it should be. */
		if (result && ifindex[slot])
			result = put(sw, slot, 0, error);
	}
	free(ifindex);
	return result;
}
