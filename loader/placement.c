/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a document's ports and uplinks to devices of this host: which device, how frames get
 * there, what must be prepared at its far end, and why.
 */
#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/attach.h"
#include "loader/function.h"
#include "loader/netns.h"
#include "loader/xsk.h"

void placement_narrow(struct placement *placement, const struct device *device)
{
	if (device && (!placement->mtu || device->mtu < placement->mtu))
		placement->mtu = device->mtu;
}

static bool is_veth(const struct device *device)
{
	return !strcmp(device->kind, "veth");
}

static bool is_tap(const struct device *device)
{
	return !strcmp(device->kind, "tun");
}

static bool asks_xdp(const struct attachment *attachment)
{
	return attachment->wanted == SLUICE_HOOK_XDP ||
	       attachment->wanted == SLUICE_HOOK_XDP_GENERIC;
}

bool attachment_by_xdp(const struct attachment *attachment)
{
	return !attachment->uplink && asks_xdp(attachment);
}

static void place_port(const struct device *device, struct attachment *attachment)
{
	struct placement *placement = &attachment->placement;
	const char *kind = is_veth(device) ? "veth" : is_tap(device) ? "tap" : "device";
	const char *wish = attachment->wanted == SLUICE_HOOK_TC ? ", as asked" : "";

	if (attachment->xsk) {
		placement->delivery = DELIVERY_AF_XDP;
		snprintf(placement->why, sizeof(placement->why), "far end: AF_XDP sockets%s",
			 asks_xdp(attachment) ? "; near end: xdp, as asked" : "");
		return;
	}
	placement->delivery = asks_xdp(attachment) ? DELIVERY_XDP : DELIVERY_TC;
	placement->redirect_peer = is_veth(device) && device->link_nsid >= 0 &&
				   !asks_xdp(attachment);
	if (asks_xdp(attachment))
		snprintf(placement->why, sizeof(placement->why),
			 "%s: %s, as asked, no GSO", kind,
			 attachment->wanted == SLUICE_HOOK_XDP ?
				 "xdp: more packets a second" :
				 "generic xdp: slower than xdp and tc");
	else if (placement->redirect_peer)
		snprintf(placement->why, sizeof(placement->why),
			 "%s: tc keeps GSO and hands frames straight into the container%s", kind,
			 wish);
	else
		snprintf(placement->why, sizeof(placement->why), "%s: tc keeps GSO%s", kind, wish);
	if (attachment->offload)
		placement->delivery = DELIVERY_OFFLOAD;
}

static int check_device(const struct device *device, const struct attachment *attachment,
			struct sluice_error *error)
{
	const char *role = attachment->uplink ? "uplink" : "port";

	if (device->type != ARPHRD_ETHER)
		return sluice_error_set(error, -EINVAL,
					"%s %s: %s is no Ethernet device: name one that is%s", role,
					attachment->owner, device->name,
					is_tap(device) ? ", such as a tap in place of a tun" : "");
	if (attachment->xsk && !is_veth(device))
		return sluice_error_set(error, -EINVAL,
					"port %s: acceleration.mode af_xdp needs a veth, to whose far "
					"end sockets are bound, and %s is none: name a veth, or a "
					"device that is not there, which the switch then makes",
					attachment->owner, device->name);
	return 0;
}

/* Whether the running version has this owner on this device text: it may have vanished. */
static bool was_there(const struct attachments *running, const struct attachment *attachment)
{
	for (size_t i = 0; i < running->count; i++)
		if (running->list[i].uplink == attachment->uplink &&
		    !strcmp(running->list[i].owner, attachment->owner) &&
		    !strcmp(running->list[i].device, attachment->device))
			return true;
	return false;
}

/* An AF_XDP port's near end gets its feature back when the port becomes another kind. */
static void take_over_changes(struct attachment *attachment, const struct attachment *old)
{
	__u64 here = 0;

	if (old->xsk && !attachment->xsk && netns_cookie(-1, &here))
		return;
	for (size_t i = 0; i < old->change_count; i++)
		if (!here || old->change[i].ifindex != old->ifindex || old->change[i].netns != here)
			attachment->change[attachment->change_count++] = old->change[i];
	attachment->prepared = old->prepared && attachment->xsk == old->xsk;
}

static int resolve_one(struct attachment *attachment, const struct devices *devices,
		       const struct attachments *running, bool tolerate_missing,
		       struct sluice_error *error)
{
	const struct attachment *old;
	const struct device *device;
	struct sluice_error said;
	int result;

	result = device_find(devices, attachment->device, &device, &said);
	if (result == -ENODEV && (tolerate_missing || was_there(running, attachment) ||
				  xsk_is_made(attachment->device, attachment->xsk))) {
		snprintf(attachment->placement.why, sizeof(attachment->placement.why),
			 "the device is not there");
		return 0;
	}
	if (result)
		return sluice_error_set(error, result, "%s %s: %s",
					attachment->uplink ? "uplink" : "port", attachment->owner,
					said.message);
	result = check_device(device, attachment, error);
	if (result)
		return result;
	attachment->ifindex = device->ifindex;
	attachment->placement.ifindex = device->ifindex;
	snprintf(attachment->ifname, sizeof(attachment->ifname), "%s", device->name);
	place_port(device, attachment);
	old = attachments_match(running, attachment);
	if (old) {
		attachment->hook = old->hook;
		attachment->program = old->program;
		attachment->since = old->since;
		take_over_changes(attachment, old);
		if (attachment->uplink)
			attachment->placement = old->placement;
	}
	attachment->placement.ifindex = device->ifindex;
	attachment->placement.mtu = device->mtu;
	return 0;
}

static int compare_ifindex(const void *a, const void *b)
{
	const struct attachment *const *left = a, *const *right = b;

	return ((*left)->ifindex > (*right)->ifindex) - ((*left)->ifindex < (*right)->ifindex);
}

/* Two names can mean one device: "eth0" in a container and its veth's end here. */
static int refuse_shared_devices(const struct attachments *attachments, struct sluice_error *error)
{
	struct attachment **order;
	int result = 0;

	order = calloc(attachments->count + 1, sizeof(struct attachment *));
	if (!order)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < attachments->count; i++)
		order[i] = &attachments->list[i];
	qsort(order, attachments->count, sizeof(struct attachment *), compare_ifindex);
	for (size_t i = 1; i < attachments->count && !result; i++)
		if (order[i]->ifindex && order[i]->ifindex == order[i - 1]->ifindex)
			result = sluice_error_set(error, -EINVAL,
						  "%s and %s are both on device %s: each needs its own",
						  order[i - 1]->owner, order[i]->owner,
						  order[i]->ifname);
	free(order);
	return result;
}

/* Where the document names what its host has not. */
static void say_place(const struct sluice_config *config, const struct sluice_place *place,
		      struct sluice_error *error)
{
	if (!error || !config->file || !place->line)
		return;
	snprintf(error->file, sizeof(error->file), "%s", config->file);
	error->line = place->line;
	error->column = place->column;
}

/* Whether a device of a port can carry it now. */
static bool can_carry(const struct devices *devices, const char *text)
{
	const struct device *device;

	return !device_find(devices, text, &device, NULL) && device->flags & IFF_UP &&
	       device->flags & IFF_RUNNING;
}

/* Which of its devices carries a port, and by what word of the document. */
static const char *carrying_device(const struct devices *devices, const struct sluice_port *port)
{
	if (port->acceleration == SLUICE_ACCELERATION_AUTO && can_carry(devices, port->fast_device))
		return port->fast_device;
	return port->device;
}

/* The port's other device, when it has two and both are there: what comes from it is the port's, and
 * what is for the port goes there when the first vanishes, before anybody looks. */
static int resolve_second(const struct sluice_port *port, const struct devices *devices,
			  const struct attachments *running, struct attachment *first,
			  struct attachments *made, struct sluice_error *error)
{
	bool fast = !strcmp(first->device, port->device);
	struct attachment second = { .second = true, .wanted = port->hook };
	char why[sizeof(first->placement.why)];
	const struct device *device;
	int result;

	snprintf(second.owner, sizeof(second.owner), "%s", port->name);
	snprintf(second.device, sizeof(second.device), "%s", fast ? port->fast_device : port->device);
	snprintf(why, sizeof(why), "%s", first->placement.why);
	if (port->acceleration == SLUICE_ACCELERATION_AUTO)
		snprintf(first->placement.why, sizeof(first->placement.why),
			 "auto: %.20s %s, %.90s", port->fast_device, fast ? "is not up" : "is up",
			 why);
	if (device_find(devices, second.device, &device, NULL))
		return 0;
	result = resolve_one(&second, devices, running, true, error);
	if (result)
		return result;
	first->placement.second = second.ifindex;
	placement_narrow(&first->placement, device);
	/* Both or none: the flag is the port's. */
	first->placement.redirect_peer &= second.placement.redirect_peer;
	made->list[made->count++] = second;
	return 0;
}

/* The VFs of ports, when devices and uplinks are known. */
static int resolve_functions(const struct sluice_config *config, const struct devices *devices,
			     const struct attachments *running, bool tolerate_missing,
			     struct attachments *made, struct sluice_error *error)
{
	size_t wrong = 0;
	int result = functions_resolve(config, devices, running, tolerate_missing, made, &wrong, error);

	if (result)
		say_place(config, &config->ports[wrong].place, error);
	return result;
}

int attachments_resolve(const struct sluice_config *config, const struct devices *devices,
			const struct attachments *running, bool tolerate_missing,
			struct attachments *resolved, struct sluice_error *error)
{
	struct attachments made = {};
	int result = 0;

	made.list = calloc(2 * config->port_count + config->uplink_count + 1, sizeof(*made.list));
	if (!made.list)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	/* Ports first: attachment i is port i's, as compile() wants its placements. */
	for (size_t i = 0; i < config->port_count && !result; i++) {
		struct attachment *attachment = &made.list[made.count++];

		snprintf(attachment->owner, sizeof(attachment->owner), "%s", config->ports[i].name);
		snprintf(attachment->device, sizeof(attachment->device), "%s",
			 carrying_device(devices, &config->ports[i]));
		attachment->wanted = config->ports[i].hook;
		attachment->xsk = config->ports[i].acceleration == SLUICE_ACCELERATION_AF_XDP;
		attachment->offload =
			config->ports[i].acceleration == SLUICE_ACCELERATION_OFFLOAD;
		result = resolve_one(attachment, devices, running, tolerate_missing, error);
		if (result)
			say_place(config, &config->ports[i].place, error);
	}
	for (size_t i = 0; i < config->uplink_count && !result; i++) {
		struct attachment *attachment = &made.list[made.count++];

		attachment->uplink = true;
		snprintf(attachment->owner, sizeof(attachment->owner), "%s",
			 config->uplinks[i].device);
		snprintf(attachment->device, sizeof(attachment->device), "%s",
			 config->uplinks[i].device);
		attachment->wanted = config->uplinks[i].hook;
		/* What comes from remotes is unwrapped by tc. */
		if (config->remote_count && attachment->wanted == SLUICE_HOOK_AUTO)
			attachment->wanted = SLUICE_HOOK_TC;
		result = resolve_one(attachment, devices, running, tolerate_missing, error);
		if (result)
			say_place(config, &config->uplinks[i].place, error);
	}
	for (size_t i = 0; i < config->port_count && !result; i++) {
		/* Switched off, it is still the guest's: what it sends there is policed. */
		if (!config->ports[i].fast_device || function_uplink(config, &config->ports[i]) ||
		    config->ports[i].acceleration == SLUICE_ACCELERATION_AF_XDP)
			continue;
		result = resolve_second(&config->ports[i], devices, running, &made.list[i], &made,
					error);
		if (result)
			say_place(config, &config->ports[i].place, error);
	}
	result = result ?: refuse_shared_devices(&made, error) ?:
		 resolve_functions(config, devices, running, tolerate_missing, &made, error);
	if (result) {
		attachments_free(&made);
		return result;
	}
	*resolved = made;
	return 0;
}

/* --- what XDP needs at far ends --- */

static const struct feature_change *find_change(const struct attachment *attachment, __u64 netns,
						__u32 ifindex, enum feature feature)
{
	for (size_t i = 0; i < attachment->change_count; i++)
		if (attachment->change[i].netns == netns &&
		    attachment->change[i].ifindex == ifindex &&
		    attachment->change[i].feature == feature)
			return &attachment->change[i];
	return NULL;
}

/* Notes that a feature must be `on`. What an attachment before this one switched is taken over
 * from it, so that the true state comes back in the end. */
static int note_change(struct attachment *attachment, const struct attachments *running,
		       const struct peer *peer, enum feature feature, bool on,
		       struct sluice_error *error)
{
	struct feature_change *change = &attachment->change[attachment->change_count];
	bool is;
	int result;

	if (find_change(attachment, peer->cookie, peer->ifindex, feature))
		return 0;
	for (size_t i = 0; i < running->count; i++) {
		const struct feature_change *old =
			running->list[i].ifindex != attachment->ifindex ?
				NULL :
				find_change(&running->list[i], peer->cookie, peer->ifindex, feature);

		if (old) {
			*change = *old;
			attachment->change_count++;
			return 0;
		}
	}
	result = feature_get(peer->netns, peer->name, feature, &is);
	if (result && attachment->uplink)
		return sluice_error_set(error, result, "uplink %s: cannot ask it for its feature '%s': %s",
					attachment->owner, feature_name(feature), strerror(-result));
	if (result)
		return sluice_error_set(error, result,
					"port %s: cannot ask the other end of %s for its feature "
					"'%s' (%s): set hook: tc", attachment->owner,
					attachment->ifname, feature_name(feature),
					strerror(-result));
	*change = (struct feature_change){ .netns = peer->cookie,
					   .ifindex = peer->ifindex,
					   .feature = feature,
					   .on = on,
					   .was = is };
	attachment->change_count++;
	return 0;
}

/* What was switched at a far end that has gone to another namespace since can not be found again: it
 * took the feature along as it was switched. */
static void forget_moved(struct attachment *attachment, const struct peer *near,
			 const struct peer *far)
{
	size_t kept = 0;

	for (size_t i = 0; i < attachment->change_count; i++) {
		const struct feature_change *change = &attachment->change[i];

		if ((change->netns == near->cookie && change->ifindex == near->ifindex) ||
		    (change->netns == far->cookie && change->ifindex == far->ifindex))
			attachment->change[kept++] = *change;
	}
	attachment->change_count = kept;
}

/*
 * Frames that XDP sends into a veth vanish unless its far end polls for them, which GRO makes it do.
 * Frames that a far end sends to an XDP program carry unfinished checksums while it believes that
 * somebody behind finishes them. Without checksums a far end makes no GSO frames either: generic
 * XDP is handed them whole, and the kernel drops what is longer than the MTU when it redirects.
 */
static int prepare_veth(struct attachment *attachment, const struct attachments *running,
			const struct device *device, struct sluice_error *error)
{
	struct sluice_error said;
	struct peer peer;
	int result;

	if (attachment->prepared)
		return 0;
	result = peer_find(device, &peer, &said);
	if (result)
		return sluice_error_set(error, result, "port %s: %s", attachment->owner,
					said.message);
	forget_moved(attachment, &peer, &peer);
	result = note_change(attachment, running, &peer, FEATURE_GRO, true, error);
	if (!result && attachment_by_xdp(attachment))
		result = note_change(attachment, running, &peer, FEATURE_TX_CHECKSUM, false, error);
	peer_free(&peer);
	attachment->prepared = !result;
	return result;
}

/*
 * An AF_XDP port. Frames that a guest's stack began and that a socket ends must have their checksums:
 * the near end has it done by the kernel when it says that it cannot. The other way, sockets send
 * whole frames, but a stack at the far end (whenDead: pass) does not. The program there polls.
 */
static int prepare_sockets(struct attachment *attachment, const struct attachments *running,
			   const struct device *device, struct sluice_error *error)
{
	struct peer near = { .netns = -1, .ifindex = device->ifindex }, far;
	int result;

	if (netns_cookie(-1, &near.cookie))
		return sluice_error_set(error, -ENOTSUP, "port %s: the kernel does not tell network "
					"namespaces apart", attachment->owner);
	memcpy(near.name, device->name, sizeof(near.name));
	result = peer_find(device, &far, error);
	if (result)
		return result;
	forget_moved(attachment, &near, &far);
	result = note_change(attachment, running, &near, FEATURE_TX_CHECKSUM, false, error);
	if (!result && attachment_by_xdp(attachment))
		result = note_change(attachment, running, &far, FEATURE_TX_CHECKSUM, false, error);
	peer_free(&far);
	attachment->prepared = !result;
	return result;
}

/*
 * A NIC whose VFs are ports: their tags must be in the frames that XDP sees, and IPv6 asks for neighbors
 * by multicast.
 */
static int prepare_nic(struct attachment *attachment, const struct attachments *running,
		       const struct device *device, struct sluice_error *error)
{
	struct peer near = { .netns = -1, .ifindex = device->ifindex };
	int result;

	if (attachment->hook == ATTACH_TCX || attachment->hook == ATTACH_CLSACT)
		return refuse_tc_for_functions(attachment, error);
	if (netns_cookie(-1, &near.cookie))
		return sluice_error_set(error, -ENOTSUP, "uplink %s: the kernel does not tell network "
					"namespaces apart", attachment->owner);
	memcpy(near.name, device->name, sizeof(near.name));
	result = note_change(attachment, running, &near, FEATURE_RX_VLAN, false, error) ?:
		 note_change(attachment, running, &near, FEATURE_TX_VLAN, false, error) ?:
		 note_change(attachment, running, &near, FEATURE_ALL_MULTICAST, true, error);
	attachment->prepared = !result;
	return result;
}

int attachments_prepare(struct attachments *attachments, const struct attachments *running,
			const struct devices *devices, struct sluice_error *error)
{
	bool any = false;

	for (size_t i = 0; i < attachments->count; i++)
		any |= attachment_by_xdp(&attachments->list[i]) || attachments->list[i].functions;
	for (size_t i = 0; i < attachments->count; i++) {
		struct attachment *attachment = &attachments->list[i];
		const struct device *device;
		int result = 0;

		if (!any && !attachment->xsk)
			continue;
		device = device_by_index(devices, attachment->ifindex);
		if (device && attachment->xsk)
			result = prepare_sockets(attachment, running, device, error);
		else if (device && attachment->functions)
			result = prepare_nic(attachment, running, device, error);
		else if (device && !attachment->uplink && is_veth(device))
			result = prepare_veth(attachment, running, device, error);
		if (result)
			return result;
	}
	return 0;
}
