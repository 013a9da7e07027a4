/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices by netlink: one dump of the namespace, and what a document's device text means in it.
 */
#include "loader/device.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "loader/netns.h"

static void parse_kind(const struct nlattr *info, struct device *device)
{
	const struct nlattr *attribute;

	mnl_attr_for_each_nested(attribute, info)
		if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
			snprintf(device->kind, sizeof(device->kind), "%s",
				 mnl_attr_get_str(attribute));
}

static void parse_xdp(const struct nlattr *xdp, struct device *device)
{
	const struct nlattr *attribute;

	mnl_attr_for_each_nested(attribute, xdp) {
		switch (mnl_attr_get_type(attribute)) {
		case IFLA_XDP_PROG_ID:
			device->xdp_program = mnl_attr_get_u32(attribute);
			break;
		case IFLA_XDP_DRV_PROG_ID:
		case IFLA_XDP_SKB_PROG_ID:
		case IFLA_XDP_HW_PROG_ID:
			if (!device->xdp_program)
				device->xdp_program = mnl_attr_get_u32(attribute);
			break;
		case IFLA_XDP_ATTACHED:
			device->xdp_mode = mnl_attr_get_u8(attribute);
			break;
		}
	}
}

static void parse_link(const struct nlmsghdr *message, struct device *device)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;

	*device = (struct device){ .ifindex = (__u32)link->ifi_index,
				   .type = link->ifi_type,
				   .flags = link->ifi_flags,
				   .link_nsid = -1 };
	mnl_attr_for_each(attribute, message, sizeof(*link)) {
		switch (mnl_attr_get_type(attribute)) {
		case IFLA_IFNAME:
			snprintf(device->name, sizeof(device->name), "%s",
				 mnl_attr_get_str(attribute));
			break;
		case IFLA_IFALIAS:
			snprintf(device->alias, sizeof(device->alias), "%.*s",
				 mnl_attr_get_payload_len(attribute), mnl_attr_get_str(attribute));
			break;
		case IFLA_MTU:
			device->mtu = mnl_attr_get_u32(attribute);
			break;
		case IFLA_LINK:
			device->link = mnl_attr_get_u32(attribute);
			break;
		case IFLA_MASTER:
			device->master = mnl_attr_get_u32(attribute);
			break;
		case IFLA_PROMISCUITY:
			device->promiscuity = mnl_attr_get_u32(attribute);
			break;
		case IFLA_LINK_NETNSID:
			device->link_nsid = (__s32)mnl_attr_get_u32(attribute);
			break;
		case IFLA_LINKINFO:
			parse_kind(attribute, device);
			break;
		case IFLA_XDP:
			parse_xdp(attribute, device);
			break;
		}
	}
}

struct dump {
	struct devices devices;
	size_t room;
};

static int dump_visit(const struct nlmsghdr *message, void *context)
{
	struct dump *dump = context;

	if (message->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	if (dump->devices.count == dump->room) {
		size_t room = dump->room ? 2 * dump->room : 64;
		struct device *more = realloc(dump->devices.list, room * sizeof(*more));

		if (!more)
			return MNL_CB_ERROR;
		dump->devices.list = more;
		dump->room = room;
	}
	parse_link(message, &dump->devices.list[dump->devices.count++]);
	return MNL_CB_OK;
}

/* Asks for one link (name) or for all (NULL) in a namespace, -1 for the caller's. */
static int links_request(int netns, const char *name, struct dump *dump)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *link;

	message->nlmsg_type = RTM_GETLINK;
	message->nlmsg_flags = NLM_F_REQUEST | (name ? 0 : NLM_F_DUMP);
	link = mnl_nlmsg_put_extra_header(message, sizeof(*link));
	link->ifi_family = AF_UNSPEC;
	if (name)
		mnl_attr_put_strz(message, IFLA_IFNAME, name);
	mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return netlink_talk(netns, message, dump_visit, dump);
}

static int compare_devices(const void *a, const void *b)
{
	const struct device *left = a, *right = b;

	return strcmp(left->name, right->name);
}

int devices_read(struct devices *devices, struct sluice_error *error)
{
	struct dump dump = {};
	int result = links_request(-1, NULL, &dump);

	if (result) {
		free(dump.devices.list);
		return sluice_error_set(error, result, "cannot list the network devices: %s",
					strerror(-result));
	}
	if (dump.devices.count)
		qsort(dump.devices.list, dump.devices.count, sizeof(*dump.devices.list),
		      compare_devices);
	*devices = dump.devices;
	return 0;
}

void devices_free(struct devices *devices)
{
	free(devices->list);
	*devices = (struct devices){};
}

const struct device *device_by_name(const struct devices *devices, const char *name)
{
	struct device key = {};

	if (!devices->count || strlen(name) >= sizeof(key.name))
		return NULL;
	strcpy(key.name, name);
	return bsearch(&key, devices->list, devices->count, sizeof(key), compare_devices);
}

const struct device *device_by_index(const struct devices *devices, __u32 ifindex)
{
	for (size_t i = 0; i < devices->count; i++)
		if (devices->list[i].ifindex == ifindex)
			return &devices->list[i];
	return NULL;
}

/* The end in this namespace of the veth pair whose other end is `name` in the namespace netns. */
static int find_other_end(const struct devices *devices, int netns, const char *space,
			  const char *name, const struct device **device,
			  struct sluice_error *error)
{
	const struct device *inside, *here = NULL;
	struct dump dump = {};
	int result, nsid;

	result = links_request(netns, name, &dump);
	if (result || dump.devices.count != 1) {
		free(dump.devices.list);
		return sluice_error_set(error, -ENODEV, "there is no device %s in namespace %s",
					name, space);
	}
	inside = dump.devices.list;
	if (strcmp(inside->kind, "veth")) {
		result = sluice_error_set(error, -EINVAL,
					  "%s in namespace %s is not a veth: name a device of the "
					  "switch's own namespace, or move the guest's end with "
					  "'ip link set DEV netns %s'", name, space, space);
	} else {
		result = netns_id_of_ours(netns, &nsid);
		if (!result && nsid >= 0 && nsid == inside->link_nsid)
			here = device_by_index(devices, inside->link);
		if (!here)
			result = sluice_error_set(error, -ENODEV,
						  "the other end of %s in namespace %s is not in the "
						  "switch's namespace: move it there with 'ip link "
						  "set DEV netns ...', or run the switch where it is "
						  "(-n)", name, space);
		else
			*device = here;
	}
	free(dump.devices.list);
	return result;
}

int device_find(const struct devices *devices, const char *text, const struct device **device,
		struct sluice_error *error)
{
	const char *slash = strchr(text, '/');
	const struct device *found;
	char space[64];
	int netns, result;

	if (!slash) {
		found = device_by_name(devices, text);
		if (!found)
			return sluice_error_set(error, -ENODEV,
						"there is no device %s: make it first, or see 'ip link' "
						"for those there are", text);
		*device = found;
		return 0;
	}
	snprintf(space, sizeof(space), "%.*s", (int)(slash - text), text);
	netns = netns_open(space);
	if (netns < 0)
		return sluice_error_set(error, -ENODEV,
					"there is no network namespace %s: see 'ip netns'", space);
	result = find_other_end(devices, netns, space, slash + 1, device, error);
	close(netns);
	return result;
}

/* One ethtool request in a namespace, -1 for the caller's. */
static int ethtool(int netns, const char *name, void *request)
{
	struct ifreq call = {};
	int fd, result = 0;

	fd = netns_socket(netns, AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		return fd;
	snprintf(call.ifr_name, sizeof(call.ifr_name), "%s", name);
	call.ifr_data = request;
	if (ioctl(fd, SIOCETHTOOL, &call))
		result = -errno;
	close(fd);
	return result;
}

void device_driver(const struct device *device, char driver[32])
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

	driver[0] = '\0';
	if (!ethtool(-1, device->name, &info))
		snprintf(driver, 32, "%s", info.driver);
}

void device_address(const struct device *device, char address[32])
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

	address[0] = '\0';
	if (!ethtool(-1, device->name, &info))
		snprintf(address, 32, "%s", info.bus_info);
}

static const struct {
	const char *name;
	__u32 get; /* 0: a flag of the device, not of ethtool */
	__u32 set;
	__u32 bits; /* of what is got and set */
} features[FEATURE_COUNT] = {
	[FEATURE_GRO] = { "gro", ETHTOOL_GGRO, ETHTOOL_SGRO, 1 },
	[FEATURE_TX_CHECKSUM] = { "tx", ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM, 1 },
	[FEATURE_RX_VLAN] = { "rxvlan", ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_RXVLAN },
	[FEATURE_TX_VLAN] = { "txvlan", ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_TXVLAN },
	[FEATURE_ALL_MULTICAST] = { "allmulticast", 0, 0, IFF_ALLMULTI },
};

const char *feature_name(enum feature feature)
{
	return features[feature].name;
}

/* The device's flags, read and, where set is not NULL, written in its place. */
static int device_flags(int netns, const char *name, const __u32 *set, __u32 *flags)
{
	struct ifreq call = {};
	int fd = netns_socket(netns, AF_INET, SOCK_DGRAM, 0), result = 0;

	if (fd < 0)
		return fd;
	snprintf(call.ifr_name, sizeof(call.ifr_name), "%s", name);
	if (set)
		call.ifr_flags = (short)*set;
	if (ioctl(fd, set ? SIOCSIFFLAGS : SIOCGIFFLAGS, &call))
		result = -errno;
	else if (!set)
		*flags = (__u16)call.ifr_flags;
	close(fd);
	return result;
}

/* All the bits that are read together. */
static int feature_bits(int netns, const char *name, enum feature feature, __u32 *bits)
{
	struct ethtool_value value = { .cmd = features[feature].get };
	int result;

	if (!value.cmd)
		return device_flags(netns, name, NULL, bits);
	result = ethtool(netns, name, &value);
	*bits = value.data;
	return result;
}

int feature_get(int netns, const char *name, enum feature feature, bool *on)
{
	__u32 bits;
	int result = feature_bits(netns, name, feature, &bits);

	if (!result)
		*on = bits & features[feature].bits;
	return result;
}

int feature_set(int netns, const char *name, enum feature feature, bool on)
{
	struct ethtool_value value = { .cmd = features[feature].set };
	int result = feature_bits(netns, name, feature, &value.data);

	if (result)
		return result;
	value.data = on ? value.data | features[feature].bits :
			  value.data & ~features[feature].bits;
	return value.cmd ? ethtool(netns, name, &value) :
			   device_flags(netns, name, &value.data, NULL);
}

int queues_get(int netns, const char *name, unsigned int *now, unsigned int *most)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	int result = ethtool(netns, name, &channels);

	if (result)
		return result;
	*now = channels.rx_count + channels.combined_count;
	*most = channels.max_rx + channels.max_combined;
	return 0;
}

int queues_set(int netns, const char *name, unsigned int receive, unsigned int send)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_SCHANNELS,
					     .rx_count = receive,
					     .tx_count = send };

	return ethtool(netns, name, &channels);
}

int device_reopen(const char *name)
{
	struct ifreq call = { .ifr_ifindex = 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result = 0;

	if (fd < 0)
		return -errno;
	snprintf(call.ifr_name, sizeof(call.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &call)) {
		result = -errno;
	} else if (call.ifr_flags & IFF_UP) {
		call.ifr_flags &= (short)~IFF_UP;
		if (ioctl(fd, SIOCSIFFLAGS, &call))
			result = -errno;
		call.ifr_flags |= IFF_UP;
		if (ioctl(fd, SIOCSIFFLAGS, &call))
			result = -errno;
	}
	close(fd);
	return result;
}

int name_by_index(int netns, __u32 ifindex, char name[IFNAMSIZ])
{
	struct ifreq call = { .ifr_ifindex = (int)ifindex };
	int fd, result = 0;

	fd = netns_socket(netns, AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		return fd;
	if (ioctl(fd, SIOCGIFNAME, &call))
		result = -errno;
	else
		snprintf(name, IFNAMSIZ, "%.*s", IFNAMSIZ - 1, call.ifr_name);
	close(fd);
	return result;
}
