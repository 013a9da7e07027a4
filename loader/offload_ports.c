/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ports of the running version as rules see them, and what keeps a flow from being handed over.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/offload.h"

static const struct port *port_of(const struct sluice *sw, const struct root *root, __u32 slot)
{
	return &((const struct port *)&sw->lines[root->ports])[slot];
}

static bool is_offload(const struct port *port)
{
	return port->flags & PORT_IN_USE && port->delivery == DELIVERY_OFFLOAD;
}

bool offload_wanted(const struct sluice *sw)
{
	const struct root *root;

	if (!sw->control || !sw->control->root)
		return false;
	root = switch_root(sw);
	for (__u32 slot = 1; slot < root->port_count; slot++)
		if (is_offload(port_of(sw, root, slot)))
			return true;
	return false;
}

bool offload_device_there(const struct sluice *sw, __u32 slot, __u32 ifindex)
{
	struct bpf_devmap_val value = {};

	return !bpf_map_lookup_elem(sw->map.devices_tc, &slot, &value) && value.ifindex == ifindex;
}

/* The devices that the version was laid with. */
static void find_devices(const struct sluice_offloads *offloads)
{
	const struct root *root = offloads->root;
	const struct device_bucket *buckets =
		(const struct device_bucket *)&offloads->sw->lines[root->devices];

	for (__u32 i = 0; i <= root->device_mask; i++)
		for (int at = 0; at < DEVICES_PER_BUCKET; at++) {
			__u32 slot = buckets[i].entry[at].slot;

			if (buckets[i].entry[at].ifindex && slot < offloads->port_count &&
			    offloads->ports[slot].offload)
				offloads->ports[slot].ifindex = buckets[i].entry[at].ifindex;
		}
}

int sluice_offloads_open(struct sluice *sw, struct sluice_offloads **offloads,
			 struct sluice_error *error)
{
	const struct root *root = switch_root(sw);
	struct sluice_offloads *made = calloc(1, sizeof(*made));
	int result = 0;

	if (made)
		made->ports = calloc(root->port_count + 1, sizeof(*made->ports));
	if (!made || !made->ports) {
		free(made);
		return sluice_error_set(error, -ENOMEM, "out of memory");
	}
	made->sw = sw;
	made->root = root;
	made->port_count = root->port_count;
	for (__u32 slot = 1; slot < root->port_count; slot++) {
		const struct port *port = port_of(sw, root, slot);

		made->ports[slot].offload = is_offload(port);
		made->ports[slot].subnet = port->subnet;
		memcpy(made->ports[slot].mac, port->mac, sizeof(port->mac));
	}
	find_devices(made);
	for (__u32 slot = 1; slot < root->port_count && !result; slot++)
		if (made->ports[slot].ifindex)
			result = flower_read_nic(&made->ports[slot]);
	if (result) {
		sluice_offloads_close(made);
		return sluice_error_set(error, result, "cannot ask which NIC a device belongs to: %s",
					strerror(-result));
	}
	*offloads = made;
	return 0;
}

void sluice_offloads_close(struct sluice_offloads *offloads)
{
	if (offloads)
		free(offloads->ports);
	free(offloads);
}

static const struct flower_port *port_at(const struct sluice_offloads *offloads, __u16 slot)
{
	return slot < offloads->port_count ? &offloads->ports[slot] : NULL;
}

enum flower_obstacle offload_rules(const struct sluice_offloads *offloads,
				   const struct sluice_flow *flow, int direction,
				   struct flower_rule rules[FLOWER_RULES], size_t *count)
{
	const struct flower_port *const ends[2] = { port_at(offloads, flow->slot[0]),
						    port_at(offloads, flow->slot[1]) };

	return flower_rules(flow, direction, ends, offloads->root->mac, offloads->root->version,
			    rules, count);
}

void offload_tally(const struct sluice *sw, struct offload_tally by_slot[SLUICE_MAX_PORTS])
{
	__u32 key, version = switch_root(sw)->version;
	bool more = !bpf_map_get_next_key(sw->map.offloads, NULL, &key);

	while (more) {
		__u32 bucket = (key >> 1) / FLOWS_PER_BUCKET, way = (key >> 1) % FLOWS_PER_BUCKET;
		const struct flow *line = &sw->flows[bucket].way[way];
		__u16 sender = line->slot[key & 1];
		struct offload offload;

		if (!bpf_map_lookup_elem(sw->map.offloads, &key, &offload) &&
		    offload.version == version && offload.claim == line->claim &&
		    sender < SLUICE_MAX_PORTS)
			*(offload.refused ? &by_slot[sender].refused
					  : &by_slot[sender].carried) += 1;
		more = !bpf_map_get_next_key(sw->map.offloads, &key, &key);
	}
}

bool sluice_flow_offload(const struct sluice_offloads *offloads, const struct sluice_flow *flow,
			 int direction, bool *carried, char why[SLUICE_OFFLOAD_WHY])
{
	const struct flower_port *from = port_at(offloads, flow->slot[direction]);
	const struct flower_port *to = port_at(offloads, flow->slot[!direction]);
	__u32 key = flow->place << 1 | (__u32)direction;
	struct flower_rule rules[FLOWER_RULES];
	enum flower_obstacle obstacle;
	struct offload offload;
	size_t count;

	*carried = false;
	if (!(from && from->offload) && !(to && to->offload))
		return false;
	obstacle = offload_rules(offloads, flow, direction, rules, &count);
	snprintf(why, SLUICE_OFFLOAD_WHY, "%s", flower_obstacle_text(obstacle));
	if (obstacle || bpf_map_lookup_elem(offloads->sw->map.offloads, &key, &offload) ||
	    offload.claim != flow->claim || offload.version != offloads->root->version)
		return true;
	*carried = !offload.refused;
	if (offload.refused)
		snprintf(why, SLUICE_OFFLOAD_WHY, "the device refused it: %s", offload.why);
	else
		snprintf(why, SLUICE_OFFLOAD_WHY, "established, and the device took it");
	return true;
}
