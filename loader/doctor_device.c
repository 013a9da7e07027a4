/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one interface can do for a switch: XDP, offloads that get in its way, who else is there.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "loader/doctor.h"
#include "loader/xdp_features.h"

struct subject {
	struct findings *findings;
	const char *device;
	unsigned int ifindex;
	int socket;
	char driver[32];
};

/* What drivers take with native XDP when frames are not split, from their sources. */
static const struct {
	const char *driver;
	int mtu;
} xdp_mtu_limits[] = {
	{"ixgbe", 3050}, {"ixgbevf", 3050}, {"i40e", 3046}, {"virtio_net", 3506},
	{"ena", 3498},   {"veth", 3506},    {"tun", 1500},
};

/* Drivers with native XDP, for kernels that can not be asked (before 6.3). */
static const char *const xdp_drivers[] = {
	"veth", "tun",  "virtio_net", "ixgbe", "ixgbevf", "i40e", "iavf", "ice",   "igb",  "igc",
	"ena",  "mlx4", "mlx5_core",  "bnxt",  "nfp",     "qede", "mvneta", "mvpp2", "cpsw", "stmmac",
	"enetc", "dpaa2-eth", "hv_netvsc", "thunder-nicvf", "xen_netfront", "mana", "gve", "sfc",
};

static void say(const struct subject *subject, enum sluice_finding_level level, const char *what,
		const char *remedy, const char *text)
{
	char title[64];

	snprintf(title, sizeof(title), "%s: %s", subject->device, what);
	finding_add(subject->findings, level, title, remedy, "%s", text);
}

static int ethtool(const struct subject *subject, void *command)
{
	struct ifreq request = {0};

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
	} query = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << set}};
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

/* Whether the offload of that name is on; false as well when the device has none of that name. */
static bool feature_is_on(const struct subject *subject, const char *name)
{
	struct ethtool_gstrings *names = strings_of(subject, ETH_SS_FEATURES);
	struct ethtool_gfeatures *features;
	bool on = false;
	__u32 blocks;

	if (!names)
		return false;
	blocks = (names->len + 31) / 32;
	features = calloc(1, sizeof(*features) + blocks * sizeof(features->features[0]));
	if (features) {
		features->cmd = ETHTOOL_GFEATURES;
		features->size = blocks;
		if (!ethtool(subject, features))
			for (__u32 i = 0; i < names->len; i++)
				if (!strcmp((char *)names->data + i * ETH_GSTRING_LEN, name))
					on = features->features[i / 32].active >> (i % 32) & 1;
	}
	free(features);
	free(names);
	return on;
}

static bool driver_is_known(const char *driver)
{
	for (size_t i = 0; i < sizeof(xdp_drivers) / sizeof(*xdp_drivers); i++)
		if (!strcmp(xdp_drivers[i], driver))
			return true;
	return false;
}

static void check_native_xdp(const struct subject *subject)
{
	unsigned long long features;
	int failure = xdp_features_get(subject->ifindex, &features);
	bool native = failure ? driver_is_known(subject->driver) : features & XDP_FEATURE_BASIC;
	char text[256];

	snprintf(text, sizeof(text), "driver %s %s native XDP%s", subject->driver,
		 native ? "has" : "has no",
		 failure ? " by the table of drivers; this kernel can not be asked" : "");
	if (native)
		say(subject, SLUICE_OK, "native XDP", "", text);
	else
		say(subject, SLUICE_SLOWER, "native XDP", "",
		    strcat(text, "; tc is used, or generic XDP (slower) with hook: xdp-generic"));
	if (native && !failure && !(features & XDP_FEATURE_REDIRECT))
		say(subject, SLUICE_SLOWER, "XDP redirect", "",
		    "the driver's XDP can not redirect: delivery goes through tc");
}

static void check_mtu(const struct subject *subject)
{
	struct ifreq request = {0};
	char remedy[128], text[256];

	memcpy(request.ifr_name, subject->device,
	       strnlen(subject->device, sizeof(request.ifr_name) - 1));
	if (ioctl(subject->socket, SIOCGIFMTU, &request))
		return;
	for (size_t i = 0; i < sizeof(xdp_mtu_limits) / sizeof(*xdp_mtu_limits); i++) {
		if (strcmp(xdp_mtu_limits[i].driver, subject->driver) ||
		    request.ifr_mtu <= xdp_mtu_limits[i].mtu)
			continue;
		snprintf(remedy, sizeof(remedy), "ip link set %s mtu %d", subject->device,
			 xdp_mtu_limits[i].mtu);
		snprintf(text, sizeof(text), "MTU %d is above %d, the most %s takes with native XDP; "
			 "lower it or use hook: tc", request.ifr_mtu, xdp_mtu_limits[i].mtu,
			 subject->driver);
		say(subject, SLUICE_SLOWER, "MTU", remedy, text);
	}
}

static void check_offloads(const struct subject *subject)
{
	static const struct {
		const char *feature;
		const char *flag;
		const char *text;
	} harmful[] = {
		{"rx-vlan-hw-parse", "rxvlan", "the NIC strips VLAN tags before XDP sees them"},
		{"rx-lro", "lro", "LRO merges frames, which native XDP refuses"},
		{"rx-gro-hw", "rx-gro-hw", "hardware GRO merges frames, which native XDP refuses"},
	};
	char remedy[128];

	for (size_t i = 0; i < sizeof(harmful) / sizeof(*harmful); i++) {
		if (!feature_is_on(subject, harmful[i].feature))
			continue;
		/* veth only pretends to strip: it hands the tag over in the skb's metadata. */
		if (!strcmp(subject->driver, "veth"))
			continue;
		snprintf(remedy, sizeof(remedy), "ethtool -K %s %s off", subject->device,
			 harmful[i].flag);
		say(subject, SLUICE_SLOWER, harmful[i].flag, remedy, harmful[i].text);
	}
}

static void check_channels(const struct subject *subject)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	char remedy[128], text[256];
	__u32 wanted;

	if (ethtool(subject, &channels) || !channels.max_combined)
		return;
	wanted = channels.max_combined < processors ? channels.max_combined : (__u32)processors;
	/* These two give XDP transmit queues of its own out of the same pool. */
	if (!strcmp(subject->driver, "ena") || !strcmp(subject->driver, "virtio_net"))
		wanted = channels.max_combined / 2 ? channels.max_combined / 2 : 1;
	if (channels.combined_count == wanted)
		return;
	if (channels.combined_count > wanted && strcmp(subject->driver, "ena") &&
	    strcmp(subject->driver, "virtio_net"))
		return;
	snprintf(remedy, sizeof(remedy), "ethtool -L %s combined %u", subject->device, wanted);
	snprintf(text, sizeof(text), "%u of %u queues in use with %ld CPUs; %u serve XDP best",
		 channels.combined_count, channels.max_combined, processors, wanted);
	say(subject, SLUICE_SLOWER, "queues", remedy, text);
}

static void check_other_program(const struct subject *subject)
{
	struct bpf_prog_info info = {0};
	__u32 id = 0, length = sizeof(info);
	char text[256];
	int program;

	if (bpf_xdp_query_id(subject->ifindex, 0, &id) || !id)
		return;
	program = bpf_prog_get_fd_by_id(id);
	if (program >= 0) {
		bpf_obj_get_info_by_fd(program, &info, &length);
		close(program);
	}
	if (!strncmp(info.name, "sluice", strlen("sluice"))) {
		say(subject, SLUICE_OK, "XDP program", "", "ours");
	} else if (!strncmp(info.name, "xdp_dispatcher", strlen("xdp_dispatch"))) {
		say(subject, SLUICE_OK, "XDP program", "",
		    "libxdp's dispatcher is there; an uplink joins it");
	} else {
		snprintf(text, sizeof(text), "'%s' (id %u) is there and is not evicted; load it with "
			 "xdp-loader to share the device, or use hook: tc", info.name, id);
		say(subject, SLUICE_CANNOT, "XDP program", "", text);
	}
}

static void check_kind(const struct subject *subject)
{
	if (!strcmp(subject->driver, "802.1Q VLAN Support"))
		say(subject, SLUICE_CANNOT, "VLAN device", "",
		    "a VLAN's child device sees frames only after its parent: attach the parent");
	if (!strcmp(subject->driver, "veth"))
		say(subject, SLUICE_SLOWER, "veth", "",
		    "native XDP takes GSO away: one bulk TCP connection is several times slower "
		    "than through tc, which hook: auto chooses");
}

/* Whether the local end of an established SSH connection is an address of this device. */
static bool carries_ssh(const struct subject *subject, const struct in6_addr *local)
{
	struct ifaddrs *all, *one;
	bool found = false;

	if (getifaddrs(&all))
		return false;
	for (one = all; one && !found; one = one->ifa_next) {
		if (!one->ifa_addr || strcmp(one->ifa_name, subject->device))
			continue;
		if (one->ifa_addr->sa_family == AF_INET && IN6_IS_ADDR_V4MAPPED(local))
			found = !memcmp(&((struct sockaddr_in *)one->ifa_addr)->sin_addr,
					local->s6_addr + 12, 4);
		else if (one->ifa_addr->sa_family == AF_INET6)
			found = !memcmp(&((struct sockaddr_in6 *)one->ifa_addr)->sin6_addr, local,
					sizeof(*local));
	}
	freeifaddrs(all);
	return found;
}

static void check_ssh(const struct subject *subject)
{
	static const char *const lists[] = {"/proc/net/tcp", "/proc/net/tcp6"};
	unsigned int words[4], port, state;
	struct in6_addr local;
	bool found = false;
	char line[512];

	for (int six = 0; six < 2; six++) {
		FILE *list = fopen(lists[six], "re");

		while (list && !found && fgets(line, sizeof(line), list)) {
			/* The kernel prints each 32-bit word as the host reads it from memory. */
			memset(words, 0, sizeof(words));
			words[2] = htonl(0xffff);
			if (six ? sscanf(line, " %*d: %8x%8x%8x%8x:%x %*[^:]:%*x %x", &words[0],
					 &words[1], &words[2], &words[3], &port, &state) != 6
				: sscanf(line, " %*d: %8x:%x %*[^:]:%*x %x", &words[3], &port,
					 &state) != 3)
				continue;
			memcpy(&local, words, sizeof(local));
			found = port == 22 && state == 1 && carries_ssh(subject, &local);
		}
		if (list)
			fclose(list);
	}
	if (found)
		say(subject, SLUICE_SLOWER, "SSH", "sluice up -f FILE --confirm 60",
		    "an SSH session runs over this interface; with --confirm an attach that cuts "
		    "you off is undone unless you confirm it");
}

int doctor_device(struct findings *findings, const char *device, struct sluice_error *error)
{
	struct subject subject = {.findings = findings, .device = device};
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};

	subject.ifindex = if_nametoindex(device);
	if (!subject.ifindex)
		return sluice_error_set(error, -ENODEV, "there is no device %.64s here", device);
	subject.socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (subject.socket < 0)
		return sluice_error_set(error, -errno, "no socket: %s", strerror(errno));
	if (ethtool(&subject, &driver))
		snprintf(driver.driver, sizeof(driver.driver), "unknown");
	snprintf(subject.driver, sizeof(subject.driver), "%s", driver.driver);
	check_kind(&subject);
	check_native_xdp(&subject);
	check_mtu(&subject);
	check_offloads(&subject);
	check_channels(&subject);
	check_other_program(&subject);
	check_ssh(&subject);
	close(subject.socket);
	return 0;
}
