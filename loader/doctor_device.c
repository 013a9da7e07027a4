/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel says of one interface, by ethtool, netlink and bpf().
 */
#include <errno.h>
#include <linux/devlink.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "loader/device.h"
#include "loader/doctor.h"
#include "loader/generic_netlink.h"
#include "loader/netns.h"
#include "loader/xdp_features.h"

struct subject {
	const char *device;
	int socket;
};

static int ethtool(const struct subject *subject, void *command)
{
	struct ifreq request = { 0 };

	memcpy(request.ifr_name, subject->device,
	       strnlen(subject->device, sizeof(request.ifr_name) - 1));
	request.ifr_data = command;
	return ioctl(subject->socket, SIOCETHTOOL, &request) ? -errno : 0;
}

/* The names of a set of strings, count of them; freed by the caller. */
static struct ethtool_gstrings *strings_of(const struct subject *subject, __u32 set)
{
	struct {
		struct ethtool_sset_info info;
		__u32 count;
	} query = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << set } };
	struct ethtool_gstrings *strings;

	if (ethtool(subject, &query) || !query.info.sset_mask || query.count > 4096)
		return NULL;
	strings = calloc(1, sizeof(*strings) + (size_t)query.count * ETH_GSTRING_LEN);
	if (!strings)
		return NULL;
	strings->cmd = ETHTOOL_GSTRINGS;
	strings->string_set = set;
	strings->len = query.count;
	if (ethtool(subject, strings)) {
		free(strings);
		return NULL;
	}
	return strings;
}

static enum offload_state offload_state(const struct ethtool_get_features_block *block, __u32 bit)
{
	bool on = block->active >> bit & 1;
	bool fixed = block->never_changed >> bit & 1 || !(block->available >> bit & 1);

	if (on)
		return fixed ? OFFLOAD_ON_FIXED : OFFLOAD_ON;
	return fixed ? OFFLOAD_OFF_FIXED : OFFLOAD_OFF;
}

static void read_offloads(const struct subject *subject, enum offload_state offloads[])
{
	static const char *const wanted[OFFLOAD_COUNT] = {
#define X(identifier, kernel, ethtool) [OFFLOAD_##identifier] = kernel,
		OFFLOADS(X)
#undef X
	};
	struct ethtool_gstrings *names = strings_of(subject, ETH_SS_FEATURES);
	struct ethtool_gfeatures *features = NULL;
	__u32 blocks = names ? (names->len + 31) / 32 : 0;

	for (int offload = 0; offload < OFFLOAD_COUNT; offload++)
		offloads[offload] = OFFLOAD_OFF_FIXED;
	if (blocks)
		features = calloc(1, sizeof(*features) + blocks * sizeof(features->features[0]));
	if (features) {
		features->cmd = ETHTOOL_GFEATURES;
		features->size = blocks;
		if (ethtool(subject, features))
			names->len = 0;
		for (__u32 i = 0; i < names->len; i++)
			for (int offload = 0; offload < OFFLOAD_COUNT; offload++)
				if (!strcmp((char *)names->data + i * ETH_GSTRING_LEN,
					    wanted[offload]))
					offloads[offload] =
						offload_state(&features->features[i / 32], i % 32);
	}
	free(features);
	free(names);
}

static void read_program(struct device_facts *facts)
{
	struct bpf_prog_info info = { 0 };
	__u32 id = 0, length = sizeof(info);
	int program;

	if (bpf_xdp_query_id((int)facts->ifindex, 0, &id) || !id)
		return;
	facts->program_id = id;
	program = bpf_prog_get_fd_by_id(id);
	if (program >= 0) {
		bpf_obj_get_info_by_fd(program, &info, &length);
		close(program);
	}
	facts->ours = !strncmp(info.name, "sluice", strlen("sluice"));
	snprintf(facts->program, sizeof(facts->program), "%s",
		 info.name[0] ? info.name : "unknown");
}

static void put_pci_handle(struct nlmsghdr *message, const void *context)
{
	mnl_attr_put_strz(message, DEVLINK_ATTR_BUS_NAME, "pci");
	mnl_attr_put_strz(message, DEVLINK_ATTR_DEV_NAME, context);
}

static enum embedded_switch read_embedded(const char *address)
{
	struct generic_question question = { .family = DEVLINK_GENL_NAME,
					     .command = DEVLINK_CMD_ESWITCH_GET,
					     .attribute = DEVLINK_ATTR_ESWITCH_MODE,
					     .size = sizeof(uint16_t),
					     .put = put_pci_handle,
					     .context = address };
	uint64_t mode;

	if (!*address || generic_ask(&question, &mode))
		return EMBEDDED_UNKNOWN;
	return mode == DEVLINK_ESWITCH_MODE_SWITCHDEV ? EMBEDDED_SWITCHDEV : EMBEDDED_LEGACY;
}

struct name_search {
	struct stat sought;
	char *name;
	size_t size;
};

static bool is_sought(const char *entry, void *context)
{
	struct name_search *search = context;
	struct stat info;
	char path[300];

	snprintf(path, sizeof(path), "/run/netns/%s", entry);
	if (stat(path, &info) || info.st_ino != search->sought.st_ino ||
	    info.st_dev != search->sought.st_dev)
		return true;
	snprintf(search->name, search->size, "%s", entry);
	return false;
}

static void read_far_end(const struct device *device, struct far_end *far_end)
{
	const struct survey real = { .root = "" };
	struct name_search search = { .name = far_end->netns, .size = sizeof(far_end->netns) };
	struct peer peer;

	if (peer_find(device, &peer, NULL))
		return;
	far_end->found =
		!feature_get(peer.netns, peer.name, FEATURE_GRO, &far_end->gro) &&
		!feature_get(peer.netns, peer.name, FEATURE_TX_CHECKSUM, &far_end->tx_checksum);
	snprintf(far_end->name, sizeof(far_end->name), "%s", peer.name);
	far_end->elsewhere = device->link_nsid >= 0;
	if (far_end->elsewhere && !fstat(peer.netns, &search.sought))
		survey_each(&real, is_sought, &search, "/run/netns");
	peer_free(&peer);
}

static void read_by_ethtool(const struct subject *subject, struct device_facts *facts)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };

	if (ethtool(subject, &driver))
		snprintf(driver.driver, sizeof(driver.driver), "unknown");
	snprintf(facts->driver, sizeof(facts->driver), "%s", driver.driver);
	snprintf(facts->bus_info, sizeof(facts->bus_info), "%s", driver.bus_info);
	if (!ethtool(subject, &channels)) {
		facts->queues = channels.combined_count;
		facts->most_queues = channels.max_combined;
	}
	read_offloads(subject, facts->offloads);
}

static void read_link(const struct devices *devices, const struct device *device,
		      struct device_facts *facts)
{
	const struct device *master = device_by_index(devices, device->master);

	snprintf(facts->name, sizeof(facts->name), "%s", device->name);
	facts->ifindex = device->ifindex;
	facts->mtu = device->mtu;
	facts->up = device->flags & IFF_UP;
	facts->promiscuous = device->promiscuity || device->flags & IFF_PROMISC;
	if (device->master && master)
		snprintf(facts->master, sizeof(facts->master), "%s", master->name);
}

void device_facts_place(const struct devices *devices, const struct device *device,
			struct device_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	read_link(devices, device, facts);
	device_driver(device, facts->driver);
}

int device_facts_quick(const struct devices *devices, const struct device *device,
		       struct device_facts *facts, struct sluice_error *error)
{
	struct subject subject = { .device = device->name };

	subject.socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (subject.socket < 0)
		return sluice_error_set(error, -errno, "no socket: %s", strerror(errno));
	memset(facts, 0, sizeof(*facts));
	read_link(devices, device, facts);
	read_by_ethtool(&subject, facts);
	facts->features_known = !xdp_features_get(facts->ifindex, &facts->xdp_features);
	read_program(facts);
	close(subject.socket);
	return 0;
}

int device_facts_read(const char *name, struct device_facts *facts, struct sluice_error *error)
{
	struct device_facts read = { 0 };
	const struct device *device;
	struct devices devices;
	int result = devices_read(&devices, error);

	if (result)
		return result;
	device = device_by_name(&devices, name);
	if (!device)
		result = sluice_error_set(error, -ENODEV, "there is no device %.64s here", name);
	else
		result = device_facts_quick(&devices, device, &read, error);
	if (!result) {
		if (!strcmp(device->kind, "veth"))
			read_far_end(device, &read.far_end);
		read.embedded = read_embedded(read.bus_info);
		read.carries_ssh = device_carries_ssh(name);
		*facts = read;
	}
	devices_free(&devices);
	return result;
}
