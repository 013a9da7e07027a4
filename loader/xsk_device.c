/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices of AF_XDP ports: a veth pair of which the switch has the near end and sockets the far
 * one. It has as many queues as its sockets need.
 */
#include "loader/xsk.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>

#include "loader/netns.h"
#include "loader/xdp_features.h"

/* What is added to the near end's name, cut if need be, for the far end's. */
#define FAR_END_SUFFIX "-xsk"

bool xsk_is_made(const char *device, bool xsk)
{
	return xsk && !strchr(device, '/');
}

static bool is_missing(const struct sluice_port *port, const struct devices *devices)
{
	return xsk_is_made(port->device, port->acceleration == SLUICE_ACCELERATION_AF_XDP) &&
	       !device_by_name(devices, port->device);
}

bool xsk_devices_missing(const struct sluice_config *config, const struct devices *devices)
{
	for (size_t i = 0; i < config->port_count; i++)
		if (is_missing(&config->ports[i], devices))
			return true;
	return false;
}

/* --- made ---------------------------------------------------------------------------------- */

static void alias_of(const struct sluice *sw, const char *port, char alias[DEVICE_ALIAS_MAX])
{
	snprintf(alias, DEVICE_ALIAS_MAX, "sluice:%s:%s", sw->name, port);
}

/* The name of a pair that has no alias yet: one at a time, for the switch's lock is held. */
static void unfinished_name(const struct sluice *sw, char name[IFNAMSIZ])
{
	__u32 hash = 0x811c9dc5;

	for (const char *c = sw->name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x01000193;
	snprintf(name, IFNAMSIZ, "slx%08x", hash);
}

static struct nlmsghdr *link_request(void *buffer, __u16 type, __u32 ifindex, __u32 flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *link;

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	link = mnl_nlmsg_put_extra_header(message, sizeof(*link));
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = (int)ifindex;
	link->ifi_flags = flags;
	link->ifi_change = flags;
	return message;
}

static void put_end(struct nlmsghdr *message, const char *name, const unsigned char *mac)
{
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	mnl_attr_put_u32(message, IFLA_NUM_RX_QUEUES, SLUICE_XSK_QUEUES);
	mnl_attr_put_u32(message, IFLA_NUM_TX_QUEUES, SLUICE_XSK_QUEUES);
	if (mac)
		mnl_attr_put(message, IFLA_ADDRESS, 6, mac);
}

static int make_pair(const char *near, const char *far, const unsigned char mac[6])
{
	char buffer[1024] __attribute__((aligned(8)));
	struct nlmsghdr *message = link_request(buffer, RTM_NEWLINK, 0, 0);
	struct nlattr *info, *data, *peer;
	struct ifinfomsg *link;

	message->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	put_end(message, near, NULL);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
	link = mnl_nlmsg_put_extra_header(message, sizeof(*link));
	memset(link, 0, sizeof(*link));
	put_end(message, far, mac);
	mnl_attr_nest_end(message, peer);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	return netlink_talk(-1, message, NULL, NULL);
}

/* Up, and without an IPv6 address of its own making: whoever wants a stack there gives it one.
 * name and alias NULL: as they are. */
static int finish_end(__u32 ifindex, const char *name, const char *alias)
{
	char buffer[1024] __attribute__((aligned(8)));
	struct nlmsghdr *message = link_request(buffer, RTM_NEWLINK, ifindex, 0);
	struct nlattr *families, *ipv6;
	int result;

	if (name)
		mnl_attr_put_strz(message, IFLA_IFNAME, name);
	if (alias)
		mnl_attr_put_str(message, IFLA_IFALIAS, alias);
	families = mnl_attr_nest_start(message, IFLA_AF_SPEC);
	ipv6 = mnl_attr_nest_start(message, AF_INET6);
	mnl_attr_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(message, ipv6);
	mnl_attr_nest_end(message, families);
	result = netlink_talk(-1, message, NULL, NULL);
	/* A kernel without IPv6 knows no such family. */
	if (result == -EAFNOSUPPORT) {
		mnl_attr_nest_cancel(message, families);
		result = netlink_talk(-1, message, NULL, NULL);
	}
	return result
		       ?: netlink_talk(-1, link_request(buffer, RTM_NEWLINK, ifindex, IFF_UP), NULL,
				       NULL);
}

static int make_one(const struct sluice *sw, const struct sluice_port *port,
		    struct sluice_error *error)
{
	char near[IFNAMSIZ], far[IFNAMSIZ], alias[DEVICE_ALIAS_MAX];
	struct devices devices = {};
	const struct device *made;
	int result;

	unfinished_name(sw, near);
	alias_of(sw, port->name, alias);
	snprintf(far, sizeof(far), "%.*s" FAR_END_SUFFIX, (int)(IFNAMSIZ - sizeof(FAR_END_SUFFIX)),
		 port->device);
	result = make_pair(near, far, port->mac);
	if (result)
		return sluice_error_set(error, result,
					"port %s: cannot make the veth pair %s, %s: %s", port->name,
					port->device, far, strerror(-result));
	result = devices_read(&devices, error);
	made = result ? NULL : device_by_name(&devices, near);
	if (!result && !made)
		result = sluice_error_set(error, -ENODEV, "port %s: the device %s vanished",
					  port->name, near);
	if (!result) {
		result = finish_end(made->ifindex, port->device, alias)
				 ?: finish_end(made->link, NULL, NULL);
		if (result)
			sluice_error_set(error, result, "port %s: cannot set up the device %s: %s",
					 port->name, port->device, strerror(-result));
	}
	devices_free(&devices);
	return result;
}

int xsk_devices_make(const struct sluice *sw, const struct sluice_config *config,
		     const struct devices *devices, struct sluice_error *error)
{
	int result = 0;

	for (size_t i = 0; i < config->port_count && !result; i++)
		if (is_missing(&config->ports[i], devices))
			result = make_one(sw, &config->ports[i], error);
	return result;
}

/* --- removed ------------------------------------------------------------------------------- */

static bool is_ours(const struct sluice *sw, const struct device *device, const char **port)
{
	char prefix[DEVICE_ALIAS_MAX];

	alias_of(sw, "", prefix);
	*port = device->alias + strlen(prefix);
	return !strncmp(device->alias, prefix, strlen(prefix));
}

static bool is_wanted(const struct sluice_config *config, const char *port,
		      const struct device *device)
{
	for (size_t i = 0; config && i < config->port_count; i++)
		if (!strcmp(config->ports[i].name, port))
			return !strcmp(config->ports[i].device, device->name);
	return false;
}

int xsk_devices_remove_others(const struct sluice *sw, const struct sluice_config *config,
			      struct sluice_error *error)
{
	char buffer[256] __attribute__((aligned(8))), unfinished[IFNAMSIZ];
	struct devices devices;
	int result = devices_read(&devices, error);

	if (result)
		return result;
	unfinished_name(sw, unfinished);
	for (size_t i = 0; i < devices.count && !result; i++) {
		const struct device *device = &devices.list[i];
		const char *port;
		bool ours = is_ours(sw, device, &port);

		if ((!ours || is_wanted(config, port, device)) && strcmp(device->name, unfinished))
			continue;
		result = netlink_talk(-1, link_request(buffer, RTM_DELLINK, device->ifindex, 0),
				      NULL, NULL);
		if (result == -ENODEV)
			result = 0;
		if (result)
			sluice_error_set(error, result, "cannot remove the device %s: %s",
					 device->name, strerror(-result));
	}
	devices_free(&devices);
	return result;
}

/* --- queues -------------------------------------------------------------------------------- */

/* The kernel wants each end with XDP to receive on no fewer queues than the other sends on, at any
 * time: where the numbers grow, receiving grows first on both, where they shrink, sending shrinks. */
static int set_queues(const struct device *near, const struct peer *far, unsigned int now,
		      unsigned int wanted)
{
	unsigned int more = now > wanted ? now : wanted, fewer = now > wanted ? wanted : now;

	return queues_set(far->netns, far->name, more, fewer) ?:
	       queues_set(-1, near->name, more, fewer) ?:
	       queues_set(far->netns, far->name, wanted, wanted) ?:
	       queues_set(-1, near->name, wanted, wanted);
}

static int queues_of(const struct sluice *sw, const struct sluice_port *port,
		     const struct device *near, __u8 *queues, struct sluice_error *error)
{
	unsigned int wanted = port->queues ?: 1, now, most;
	const char *owner;
	struct peer far;
	int result = peer_find(near, &far, error);

	if (result)
		return result;
	result = queues_get(far.netns, far.name, &now, &most);
	if (!result && is_ours(sw, near, &owner) && now != wanted) {
		result = set_queues(near, &far, now, wanted);
		now = wanted;
	} else if (!result && port->queues && now != port->queues) {
		result = -ERANGE;
	}
	peer_free(&far);
	if (result == -ERANGE)
		return sluice_error_set(
			error, -EINVAL,
			"port %s: acceleration.queues is %u, but %s, which the switch "
			"has not made, has %u: take it out, or 'ethtool -L' both ends",
			port->name, port->queues, near->name, now);
	if (result == -EINVAL)
		return sluice_error_set(
			error, -EBUSY,
			"port %s: sockets are bound to queues of %s beyond the first %u: "
			"end their processes first, see 'ss --xdp -p'",
			port->name, far.name, wanted);
	if (result)
		return sluice_error_set(error, result, "port %s: cannot set the queues of %s: %s",
					port->name, near->name, strerror(-result));
	*queues = now < SLUICE_XSK_QUEUES ? (__u8)now : SLUICE_XSK_QUEUES;
	return 0;
}

static int stats_visit(const struct nlmsghdr *message, void *context)
{
	struct rtnl_link_stats64 stats = {};
	const struct nlattr *attribute;
	unsigned long long *dropped = context;

	mnl_attr_for_each(attribute, message, sizeof(struct ifinfomsg)) {
		if (mnl_attr_get_type(attribute) != IFLA_STATS64 ||
		    mnl_attr_get_payload_len(attribute) < sizeof(stats))
			continue;
		memcpy(&stats, mnl_attr_get_payload(attribute), sizeof(stats));
		*dropped = stats.rx_dropped;
	}
	return MNL_CB_OK;
}

void xsk_far_end_get(const struct peer *far, unsigned int *queues, bool *zero_copy,
		     unsigned long long *overrun)
{
	char buffer[256] __attribute__((aligned(8)));
	unsigned long long features = 0;
	unsigned int most;
	int own;

	if (queues_get(far->netns, far->name, queues, &most))
		*queues = 0;
	own = netns_enter(far->netns);
	if (own >= 0) {
		if (xdp_features_get(far->ifindex, &features))
			features = 0;
		netns_leave(own);
	}
	*zero_copy = features & XDP_FEATURE_ZEROCOPY;
	/* A program's redirect into a socket without room fails when the program is over; veth counts it
	 * as not received. */
	*overrun = 0;
	if (netlink_talk(far->netns, link_request(buffer, RTM_GETLINK, far->ifindex, 0), stats_visit,
			 overrun))
		*overrun = 0;
}

int xsk_queues(const struct sluice *sw, const struct sluice_config *config,
	       const struct devices *devices, struct attachments *attachments,
	       struct sluice_error *error)
{
	int result = 0;

	for (size_t i = 0; i < config->port_count && !result; i++) {
		struct attachment *attachment = &attachments->list[i];
		const struct device *near =
			attachment->ifindex ? device_by_index(devices, attachment->ifindex) : NULL;

		if (attachment->xsk && near)
			result = queues_of(sw, &config->ports[i], near,
					   &attachment->placement.queues, error);
	}
	return result;
}
