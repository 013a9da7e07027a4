/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules of tc's flower classifier, which a NIC in switchdev mode carries out itself.
 *
 * A rule stands for one direction of one flow and equals that flow's verdict for exactly the packets it
 * matches: from the sender's MAC to the switch's, untagged, no fragment, of TCP only plain segments.
 * Whatever else belongs to the flow is not matched and comes to the program. Where the flow
 * is routed a packet must have a hop left; flower tells bits of a TTL, not whether it is more than one,
 * so the rule is made twice: for a TTL with bit 6 set, and with bit 7. Stacks begin with 64, 128
 * or 255; what has come down below 64 is for the program.
 */
#ifndef SLUICE_LOADER_FLOWER_H
#define SLUICE_LOADER_FLOWER_H

#include "loader/sluice.h"
#include "maps/offload.h"

/* Why a direction of a flow can not be with a device. X(IDENTIFIER, "text") */
#define FLOWER_OBSTACLES(X)                                                                   \
	X(NONE, "not handed over yet: 'sluice agent' or 'sluice accel hand-over' does it")     \
	X(SENDER, "its sender is no port of mode offload")                                     \
	X(RECEIVER, "its receiver is no port of mode offload")                                 \
	X(DEVICE, "a port's device is not there")                                              \
	X(NIC, "its ports' devices do not belong to one NIC")                                  \
	X(PROTOCOL, "only TCP and UDP are handed over")                                        \
	X(STATE, "not established in both directions")                                         \
	X(VERSION, "not judged under the running version yet")                                 \
	X(VERDICT, "no packet of this direction was judged under the running version yet")

enum flower_obstacle {
#define X(identifier, text) FLOWER_##identifier,
	FLOWER_OBSTACLES(X)
#undef X
	FLOWER_OBSTACLE_COUNT
};

const char *flower_obstacle_text(enum flower_obstacle obstacle);

#define SWITCH_ID_MAX 32

/* A port as rules see it. */
struct flower_port {
	bool offload;             /* its mode */
	__u32 ifindex;            /* 0: its device is not there */
	unsigned char mac[6];     /* the guest's */
	__u32 subnet;             /* a packet between two is routed */
	unsigned char nic[SWITCH_ID_MAX]; /* phys_switch_id */
	__u8 nic_length;          /* 0: the device belongs to no such NIC, or does not say so */
};

/* Kept with the rule in the kernel, so that whoever reads it there knows what it was made from. */
struct flower_cookie {
	__u32 magic;
	__u32 claim;
	__u32 version;
	__u32 key; /* in the map `offloads` */
};

#define FLOWER_MAGIC 0x51c0ffeeU

struct flower_rule {
	__u32 in;  /* ifindex */
	__u32 out;
	bool ipv6;
	__u8 protocol;
	struct ip_address source;
	struct ip_address destination;
	__be16 source_port;
	__be16 destination_port;
	unsigned char sender[6];
	unsigned char own[6]; /* the switch's MAC */
	unsigned char receiver[6];
	__u8 ttl_bit;         /* 0: not routed, the TTL stays what it is */
	struct flower_cookie cookie;
};

/* The most rules that one direction takes. */
#define FLOWER_RULES 2

/*
 * The rules of a direction of a flow: *count of them. ends: the ports at ends 0 and 1, of which one
 * may be NULL. flow: with place and claim. Pure; anything but FLOWER_NONE: none can be made.
 */
enum flower_obstacle flower_rules(const struct sluice_flow *flow, int direction,
				  const struct flower_port *const ends[2],
				  const unsigned char own[6], __u32 version,
				  struct flower_rule rules[FLOWER_RULES], size_t *count);

/* --- in the kernel (loader/flower_tc.c, loader/flower_message.c) --- */

/* A rule as the kernel has it. */
struct flower_seen {
	bool ipv6;
	__u32 handle;
	struct flower_cookie cookie;
	__u64 packets;
	__u64 bytes;
	__u32 idle_ms; /* since it last matched */
};

/* Whether the kernel's own flower is to carry rules out, and no device (skip_hw). A test says so by
 * a definition of its own. */
bool sluice_test_software_flower(void);

/* Adds a rule; the device has a clsact qdisc. The error's message is the kernel's reason alone. */
int flower_add(const struct flower_rule *rule, struct sluice_error *error);
/* 0 also when it is not there. */
int flower_remove(__u32 ifindex, bool ipv6, __u32 handle);
/* Removes every rule of ours from a device; 0 also when there is none, or no device. */
int flower_remove_all(__u32 ifindex);
/* Calls visit for every rule of ours on a device. 0 also when there is no device. */
int flower_each(__u32 ifindex, int (*visit)(const struct flower_seen *seen, void *context),
		void *context);
/* phys_switch_id of a device into port->nic. */
int flower_read_nic(struct flower_port *port);

/* The handle of a rule among those of its device. */
__u32 flower_handle(const struct flower_rule *rule);
/* The priority of rules of a family: its own in the kernel's chain. */
__u16 flower_priority(bool ipv6);
/* Writes the request that adds a rule: the kernel's attributes behind the header. */
struct nlmsghdr;
void flower_write(struct nlmsghdr *message, const struct flower_rule *rule);

#endif
