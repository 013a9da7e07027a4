/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the switch is, and where the host has drifted away from it.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/attach.h"
#include "loader/flow_share.h"
#include "loader/function.h"
#include "loader/offload.h"
#include "loader/status.h"
#include "loader/xsk.h"

static void say_drift(const struct sluice *sw, const struct attachment *attachment,
		      const struct devices *devices, char drift[160])
{
	const struct device *device = device_by_index(devices, attachment->ifindex);
	const char *wrong = attachment_drift(sw, attachment, devices);

	if (wrong)
		snprintf(drift, 160, "%s", wrong);
	else if (device && !(device->flags & IFF_UP))
		snprintf(drift, 160, "device down: 'ip link set %s up'", device->name);
	else
		drift[0] = '\0';
}

static const struct sluice_port *find_port(const struct sluice_config *config, const char *name)
{
	for (size_t i = 0; i < config->port_count; i++)
		if (!strcmp(config->ports[i].name, name))
			return &config->ports[i];
	return NULL;
}

/* Who reads at the far end, and how frames get there. */
static void fill_sockets(struct sluice *sw, const struct attachment *attachment,
			 const struct sluice_port *port, const struct devices *devices,
			 struct sluice_port_status *status)
{
	const struct device *near = device_by_index(devices, attachment->ifindex);
	struct peer far;

	xsk_map_path(sw, port->name, status->sockets);
	if (!near || peer_find(near, &far, NULL))
		return;
	snprintf(status->far_end, sizeof(status->far_end), "%s", far.name);
	xsk_far_end_get(&far, &status->queues, &status->zero_copy, &status->overrun);
	peer_free(&far);
	if (xsk_count_consumers(sw, status->slot, &status->consumers, NULL))
		status->consumers = 0;
	snprintf(status->why, sizeof(status->why), "%.70s, %s; %u of %u queues read",
		 attachment->placement.why,
		 status->zero_copy ? "zero-copy" : "copied: no zero-copy in the driver",
		 status->consumers, status->queues);
	if (status->overrun)
		snprintf(status->why + strlen(status->why),
			 sizeof(status->why) - strlen(status->why), ", too slowly for %llu frames",
			 status->overrun);
	if (!status->drift[0] && !xsk_in_place(sw, status->slot, attachment->ifindex))
		snprintf(status->drift, sizeof(status->drift), "AF_XDP program detached");
}

/* What the NIC makes of what it is asked. */
static void fill_offload(const struct offload_tally *tally, struct sluice_port_status *status)
{
	char why[sizeof(status->why)];

	snprintf(why, sizeof(why), "%s", status->why);
	status->carried = tally->carried;
	status->refused = tally->refused;
	snprintf(status->why, sizeof(status->why),
		 "established flows go to the NIC: %zu carried, %zu refused; others by %.80s",
		 tally->carried, tally->refused, why);
}

/* A VF that could carry the port does so as soon as its guest sends by it. */
static void fill_sending(const struct sluice *sw, const struct attachment *attachment,
			 struct sluice_port_status *status)
{
	const struct function *function = &attachment->placement.function;
	__u32 slot = status->slot, vlan = 0;

	if (status->delivery != DELIVERY_VF ||
	    bpf_map_lookup_elem(sw->map.sending_vfs, &slot, &vlan) || vlan == function_vlan(function))
		return;
	status->delivery = attachment_by_xdp(attachment) ? DELIVERY_XDP : DELIVERY_TC;
	snprintf(status->why, sizeof(status->why),
		 "VF %u of its NIC is there, its guest sends by %.60s, which it hears by, too",
		 function->number, attachment->ifname);
}

static void fill_port(struct sluice *sw, const struct attachment *attachment,
		      const struct sluice_port *port, const struct devices *devices,
		      const struct offload_tally *tallies, struct sluice_port_status *status)
{
	const char *wrong;

	snprintf(status->name, sizeof(status->name), "%s", port->name);
	snprintf(status->device, sizeof(status->device), "%s", port->device);
	snprintf(status->vnet, sizeof(status->vnet), "%s", port->vnet);
	snprintf(status->subnet, sizeof(status->subnet), "%s", port->subnet);
	status->slot = ids_find(sw->slots, port->name);
	status->flows = __atomic_load_n(&sw->flow_usage[status->slot], __ATOMIC_RELAXED);
	status->flow_limit = port->flow_limit;
	status->ifindex = attachment->ifindex;
	status->delivery = attachment->placement.delivery;
	snprintf(status->why, sizeof(status->why), "%s", attachment->placement.why);
	say_drift(sw, attachment, devices, status->drift);
	wrong = status->drift[0] ? NULL : function_drift(port, &attachment->placement.function);
	if (wrong)
		snprintf(status->drift, sizeof(status->drift), "%s", wrong);
	fill_sending(sw, attachment, status);
	if (attachment->xsk)
		fill_sockets(sw, attachment, port, devices, status);
	if (attachment->offload)
		fill_offload(&tallies[status->slot], status);
}

static void fill_uplink(const struct sluice *sw, const struct attachment *attachment,
			const struct devices *devices, struct sluice_uplink_status *status)
{
	static const char *const names[ATTACH_HOOK_COUNT] = {
		[ATTACH_NONE] = "none", [ATTACH_TCX] = "tc",
		[ATTACH_CLSACT] = "tc", [ATTACH_XDP] = "xdp",
		[ATTACH_XDP_GENERIC] = "xdp-generic", [ATTACH_DISPATCHER] = "xdp",
	};

	snprintf(status->device, sizeof(status->device), "%s", attachment->owner);
	status->ifindex = attachment->ifindex;
	snprintf(status->hook, sizeof(status->hook), "%s", names[attachment->hook]);
	status->dispatcher = attachment->hook == ATTACH_DISPATCHER;
	snprintf(status->why, sizeof(status->why), "%s", attachment->placement.why);
	say_drift(sw, attachment, devices, status->drift);
}

/* While a writer is at it, the record holds what was and what will be: the first is what will be. */
static bool seen_before(const struct attachments *attachments, size_t index)
{
	const struct attachment *attachment = &attachments->list[index];

	for (size_t i = 0; i < index; i++)
		if (attachments->list[i].uplink == attachment->uplink &&
		    !strcmp(attachments->list[i].owner, attachment->owner))
			return true;
	return false;
}

static void fill(struct sluice *sw, const struct sluice_config *config,
		 const struct attachments *attachments, const struct devices *devices,
		 const struct offload_tally *tallies, struct sluice_status *status)
{
	const struct root *root = switch_root(sw);
	unsigned int share = flow_share(config);

	snprintf(status->name, sizeof(status->name), "%s", sw->name);
	snprintf(status->netns, sizeof(status->netns), "%s", sw->netns);
	status->version = root->version;
	status->table_lines = sw->line_count;
	status->flow_capacity = (unsigned long long)sw->flow_buckets * FLOWS_PER_BUCKET;
	flow_limits_check(config, status->flow_warning, sizeof(status->flow_warning));
	for (__u32 slot = 0; slot < SLUICE_MAX_PORTS; slot++)
		status->flows += __atomic_load_n(&sw->flow_usage[slot], __ATOMIC_RELAXED);
	memcpy(status->mac, root->mac, sizeof(status->mac));
	for (size_t i = 0; i < attachments->count; i++) {
		const struct attachment *attachment = &attachments->list[i];
		const struct sluice_port *port =
			attachment->uplink ? NULL : find_port(config, attachment->owner);

		if (seen_before(attachments, i))
			continue;
		if (attachment->uplink)
			fill_uplink(sw, attachment, devices,
				    &status->uplinks[status->uplink_count++]);
		else if (port)
			fill_port(sw, attachment, port, devices, tallies,
				  &status->ports[status->port_count++]);
	}
	for (size_t i = 0; i < status->port_count; i++)
		if (!status->ports[i].flow_limit)
			status->ports[i].flow_limit = share;
}

int sluice_status_get(struct sluice *sw, struct sluice_status **status, struct sluice_error *error)
{
	const struct sluice_config *config = switch_config(sw, error);
	struct attachments attachments = {};
	struct offload_tally *tallies;
	struct sluice_status *made;
	struct devices devices = {};
	int result;

	if (!config)
		return -EIO;
	result = attachments_read(sw, &attachments, error) ?: devices_read(&devices, error) ?:
		 switch_read_ids(sw, error);
	tallies = calloc(SLUICE_MAX_PORTS, sizeof(*tallies));
	made = calloc(1, sizeof(*made));
	if (made) {
		made->ports = calloc(attachments.count + 1, sizeof(*made->ports));
		made->uplinks = calloc(attachments.count + 1, sizeof(*made->uplinks));
	}
	if (!result)
		attachments_look_at_far_ends(&attachments);
	if (!result && (!tallies || !made || !made->ports || !made->uplinks))
		result = sluice_error_set(error, -ENOMEM, "out of memory");
	if (!result && tables_count_lines(sw->lines, switch_root(sw), &made->table_lines_used))
		result = sluice_error_set(error, -ENOMEM, "out of memory");
	result = result ?: switch_memory(sw, &made->memory, error);
	if (!result) {
		offload_tally(sw, tallies);
		fill(sw, config, &attachments, &devices, tallies, made);
		status_queues(config, &devices, made);
		*status = made;
	} else {
		sluice_status_free(made);
	}
	free(tallies);
	attachments_free(&attachments);
	devices_free(&devices);
	return result;
}

void sluice_status_free(struct sluice_status *status)
{
	if (!status)
		return;
	free(status->ports);
	free(status->uplinks);
	free(status);
}
