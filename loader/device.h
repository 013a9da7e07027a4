/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's network devices: which there are, where the far end of a veth pair is, and what can be
 * changed there.
 */
#ifndef SLUICE_LOADER_DEVICE_H
#define SLUICE_LOADER_DEVICE_H

#include <net/if.h>

#include "loader/sluice.h"

#define DEVICE_ALIAS_MAX 160

struct device {
	__u32 ifindex;
	char name[IFNAMSIZ];
	char kind[16];      /* "veth", "tun", "bridge", ...; "" for a physical one */
	char alias[DEVICE_ALIAS_MAX]; /* what somebody noted there; a longer one is cut */
	__u16 type;         /* ARPHRD_* */
	__u32 flags;        /* IFF_* */
	__u32 mtu;
	__u32 link;         /* ifindex of the device it hangs on or pairs with; 0: none */
	__u32 master;       /* ifindex of the bridge, bond ... it is a port of; 0: none */
	__u32 promiscuity;  /* how many want it to take frames for every MAC */
	__s32 link_nsid;    /* the namespace that one is in, as this one numbers it; -1: this one */
	__u32 xdp_program;  /* id of an XDP program on it; 0: none */
	__u8 xdp_mode;      /* XDP_ATTACHED_* */
};

/* All devices of the calling thread's namespace, by name. */
struct devices {
	struct device *list;
	size_t count;
};

int devices_read(struct devices *devices, struct sluice_error *error);
void devices_free(struct devices *devices);
const struct device *device_by_name(const struct devices *devices, const char *name);
const struct device *device_by_index(const struct devices *devices, __u32 ifindex);

/* The device a document's text means: IFNAME, or for NETNS/IFNAME the other end of that veth
 * pair. -ENODEV with a sentence when it is not there, -EINVAL when it can not be meant. */
int device_find(const struct devices *devices, const char *text, const struct device **device,
		struct sluice_error *error);
/* The driver's name as ethtool says it; "" when it says none. */
void device_driver(const struct device *device, char driver[32]);

/* Where the device is on its bus: "0000:01:00.0"; "" when it is on none. */
void device_address(const struct device *device, char address[32]);

/* The far end of a veth pair, wherever it is. */
struct peer {
	int netns;      /* descriptor of its namespace; owned by the peer */
	__u64 cookie;   /* that namespace's cookie */
	__u32 ifindex;  /* there */
	char name[IFNAMSIZ];
};

/* -ENOENT with a sentence when no process and no name leads to its namespace. */
int peer_find(const struct device *device, struct peer *peer, struct sluice_error *error);
void peer_free(struct peer *peer);
/* The namespace of a cookie, among names and processes: a descriptor, or -ENOENT. */
int netns_by_cookie(__u64 cookie);

/* What is switched on and off at a far end, or at a NIC. */
enum feature {
	FEATURE_GRO,
	FEATURE_TX_CHECKSUM,
	FEATURE_RX_VLAN,       /* the NIC takes VLAN tags off before XDP sees a frame */
	FEATURE_TX_VLAN,       /* it puts tags on itself; where its switch does not see those */
	FEATURE_ALL_MULTICAST, /* it takes every multicast frame in */
	FEATURE_COUNT,
};

const char *feature_name(enum feature feature);
/* Reads and sets a feature of device `name` in a namespace. 0 or -errno. */
int feature_get(int netns, const char *name, enum feature feature, bool *on);
int feature_set(int netns, const char *name, enum feature feature, bool on);
/* How many queues device `name` in a namespace receives on now, and can at most. 0 or -errno. */
int queues_get(int netns, const char *name, unsigned int *now, unsigned int *most);
/* Sets how many it receives on and how many it sends on. */
int queues_set(int netns, const char *name, unsigned int receive, unsigned int send);
/* Sets a device of the calling thread's namespace down and up again, if it is up. 0 or -errno. */
int device_reopen(const char *name);
/* The name of an ifindex in a namespace. 0 or -errno. */
int name_by_index(int netns, __u32 ifindex, char name[IFNAMSIZ]);

#endif
