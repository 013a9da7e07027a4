/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A rule as the kernel's flower wants it: what it matches, and the actions behind it.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_csum.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/tc_act/tc_pedit.h>
#include <string.h>

#include "loader/flower.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* Rules that the kernel carries out itself must be asked before our program where that is a filter
 * too; those of a device are best behind it, where no packet walks past them. */
#define PRIORITY_SOFTWARE 0x41
#define PRIORITY_DEVICE   0x61

__attribute__((weak)) bool sluice_test_software_flower(void)
{
	return false;
}

__u16 flower_priority(bool ipv6)
{
	return (sluice_test_software_flower() ? PRIORITY_SOFTWARE : PRIORITY_DEVICE) + ipv6;
}

__u32 flower_handle(const struct flower_rule *rule)
{
	return (rule->cookie.key << 1 | (rule->ttl_bit == 0x80)) + 1;
}

/* --- what it matches --- */

static void put_masked(struct nlmsghdr *message, __u16 key, const void *value, __u16 mask_key,
		       size_t length)
{
	unsigned char mask[16];

	memset(mask, 0xff, sizeof(mask));
	mnl_attr_put(message, key, length, value);
	mnl_attr_put(message, mask_key, length, mask);
}

static void put_addresses(struct nlmsghdr *message, const struct flower_rule *rule)
{
	if (rule->ipv6) {
		put_masked(message, TCA_FLOWER_KEY_IPV6_SRC, rule->source.bytes,
			   TCA_FLOWER_KEY_IPV6_SRC_MASK, 16);
		put_masked(message, TCA_FLOWER_KEY_IPV6_DST, rule->destination.bytes,
			   TCA_FLOWER_KEY_IPV6_DST_MASK, 16);
	} else {
		put_masked(message, TCA_FLOWER_KEY_IPV4_SRC, rule->source.bytes + 12,
			   TCA_FLOWER_KEY_IPV4_SRC_MASK, 4);
		put_masked(message, TCA_FLOWER_KEY_IPV4_DST, rule->destination.bytes + 12,
			   TCA_FLOWER_KEY_IPV4_DST_MASK, 4);
	}
}

static void put_ports(struct nlmsghdr *message, const struct flower_rule *rule)
{
	if (rule->protocol == IPPROTO_UDP) {
		put_masked(message, TCA_FLOWER_KEY_UDP_SRC, &rule->source_port,
			   TCA_FLOWER_KEY_UDP_SRC_MASK, 2);
		put_masked(message, TCA_FLOWER_KEY_UDP_DST, &rule->destination_port,
			   TCA_FLOWER_KEY_UDP_DST_MASK, 2);
		return;
	}
	put_masked(message, TCA_FLOWER_KEY_TCP_SRC, &rule->source_port,
		   TCA_FLOWER_KEY_TCP_SRC_MASK, 2);
	put_masked(message, TCA_FLOWER_KEY_TCP_DST, &rule->destination_port,
		   TCA_FLOWER_KEY_TCP_DST_MASK, 2);
	/* What flow_stays() asks in bpf/tcp.h. */
	mnl_attr_put_u16(message, TCA_FLOWER_KEY_TCP_FLAGS, htons(TCP_ACK));
	mnl_attr_put_u16(message, TCA_FLOWER_KEY_TCP_FLAGS_MASK,
			 htons(TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK));
}

static void put_keys(struct nlmsghdr *message, const struct flower_rule *rule)
{
	mnl_attr_put_u16(message, TCA_FLOWER_KEY_ETH_TYPE,
			 htons(rule->ipv6 ? ETH_P_IPV6 : ETH_P_IP));
	put_masked(message, TCA_FLOWER_KEY_ETH_SRC, rule->sender, TCA_FLOWER_KEY_ETH_SRC_MASK, 6);
	put_masked(message, TCA_FLOWER_KEY_ETH_DST, rule->own, TCA_FLOWER_KEY_ETH_DST_MASK, 6);
	mnl_attr_put_u8(message, TCA_FLOWER_KEY_IP_PROTO, rule->protocol);
	put_addresses(message, rule);
	put_ports(message, rule);
	mnl_attr_put_u32(message, TCA_FLOWER_KEY_FLAGS, 0);
	mnl_attr_put_u32(message, TCA_FLOWER_KEY_FLAGS_MASK,
			 htonl(TCA_FLOWER_KEY_FLAGS_IS_FRAGMENT));
	if (rule->ttl_bit) {
		mnl_attr_put_u8(message, TCA_FLOWER_KEY_IP_TTL, rule->ttl_bit);
		mnl_attr_put_u8(message, TCA_FLOWER_KEY_IP_TTL_MASK, rule->ttl_bit);
	}
	mnl_attr_put_u32(message, TCA_FLOWER_FLAGS,
			 sluice_test_software_flower() ? TCA_CLS_FLAGS_SKIP_HW
						       : TCA_CLS_FLAGS_SKIP_SW);
}

/* --- what is done with it --- */

#define PEDIT_KEYS 4

/* What is written into the headers: 32 bits at a time, of which `keep` stay. */
struct edit_list {
	struct tc_pedit_sel head;
	struct tc_pedit_key key[PEDIT_KEYS];
	__u16 header[PEDIT_KEYS];
	__u16 command[PEDIT_KEYS];
};

static void add_edit(struct edit_list *edits, __u16 header, __u16 command, __u32 offset,
		     const unsigned char value[4], const unsigned char keep[4])
{
	struct tc_pedit_key *key = &edits->key[edits->head.nkeys];

	key->off = offset;
	memcpy(&key->val, value, 4);
	memcpy(&key->mask, keep, 4);
	edits->header[edits->head.nkeys] = header;
	edits->command[edits->head.nkeys++] = command;
}

static void list_edits(struct edit_list *edits, const struct flower_rule *rule)
{
	static const unsigned char none[4], hop[4] = { 0xff }, keep_first[4] = { 0, 255, 255, 255 };
	static const unsigned char last_hop[4] = { 0, 0, 0, 0xff }, keep_last[4] = { 255, 255, 255 };
	unsigned char macs[12];

	memcpy(macs, rule->receiver, 6);
	memcpy(macs + 6, rule->own, 6);
	*edits = (struct edit_list){ .head = { .action = TC_ACT_PIPE } };
	for (__u32 offset = 0; offset < sizeof(macs); offset += 4)
		add_edit(edits, TCA_PEDIT_KEY_EX_HDR_TYPE_ETH, TCA_PEDIT_KEY_EX_CMD_SET, offset,
			 macs + offset, none);
	if (!rule->ttl_bit)
		return;
	/* Adding 255 to a byte takes one away. IPv4 has its TTL at 8, IPv6 its hop limit at 7. */
	if (rule->ipv6)
		add_edit(edits, TCA_PEDIT_KEY_EX_HDR_TYPE_IP6, TCA_PEDIT_KEY_EX_CMD_ADD, 4, last_hop,
			 keep_last);
	else
		add_edit(edits, TCA_PEDIT_KEY_EX_HDR_TYPE_IP4, TCA_PEDIT_KEY_EX_CMD_ADD, 8, hop,
			 keep_first);
}

static struct nlattr *begin_action(struct nlmsghdr *message, __u16 number, const char *kind,
				   struct nlattr **options)
{
	struct nlattr *action = mnl_attr_nest_start(message, number);

	mnl_attr_put_strz(message, TCA_ACT_KIND, kind);
	*options = mnl_attr_nest_start(message, TCA_ACT_OPTIONS);
	return action;
}

/* The first action: its counters and its cookie are what is read back of a rule. */
static void put_edits(struct nlmsghdr *message, const struct flower_rule *rule, __u16 number)
{
	struct nlattr *action, *options, *keys;
	struct edit_list edits;

	list_edits(&edits, rule);
	action = begin_action(message, number, "pedit", &options);
	mnl_attr_put(message, TCA_PEDIT_PARMS_EX,
		     sizeof(edits.head) + edits.head.nkeys * sizeof(edits.key[0]), &edits);
	keys = mnl_attr_nest_start(message, TCA_PEDIT_KEYS_EX);
	for (int i = 0; i < edits.head.nkeys; i++) {
		struct nlattr *key = mnl_attr_nest_start(message, TCA_PEDIT_KEY_EX);

		mnl_attr_put_u16(message, TCA_PEDIT_KEY_EX_HTYPE, edits.header[i]);
		mnl_attr_put_u16(message, TCA_PEDIT_KEY_EX_CMD, edits.command[i]);
		mnl_attr_nest_end(message, key);
	}
	mnl_attr_nest_end(message, keys);
	mnl_attr_nest_end(message, options);
	mnl_attr_put(message, TCA_ACT_COOKIE, sizeof(rule->cookie), &rule->cookie);
	mnl_attr_nest_end(message, action);
}

static void put_checksum(struct nlmsghdr *message, __u16 number)
{
	const struct tc_csum checksum = { .action = TC_ACT_PIPE,
					  .update_flags = TCA_CSUM_UPDATE_FLAG_IPV4HDR };
	struct nlattr *options, *action = begin_action(message, number, "csum", &options);

	mnl_attr_put(message, TCA_CSUM_PARMS, sizeof(checksum), &checksum);
	mnl_attr_nest_end(message, options);
	mnl_attr_nest_end(message, action);
}

static void put_redirect(struct nlmsghdr *message, const struct flower_rule *rule, __u16 number)
{
	const struct tc_mirred redirect = { .action = TC_ACT_STOLEN,
					    .eaction = TCA_EGRESS_REDIR,
					    .ifindex = rule->out };
	struct nlattr *options, *action = begin_action(message, number, "mirred", &options);

	mnl_attr_put(message, TCA_MIRRED_PARMS, sizeof(redirect), &redirect);
	mnl_attr_nest_end(message, options);
	mnl_attr_nest_end(message, action);
}

void flower_write(struct nlmsghdr *message, const struct flower_rule *rule)
{
	struct nlattr *options, *actions;
	__u16 number = 1;

	mnl_attr_put_strz(message, TCA_KIND, "flower");
	options = mnl_attr_nest_start(message, TCA_OPTIONS);
	put_keys(message, rule);
	actions = mnl_attr_nest_start(message, TCA_FLOWER_ACT);
	put_edits(message, rule, number++);
	if (rule->ttl_bit && !rule->ipv6)
		put_checksum(message, number++);
	put_redirect(message, rule, number);
	mnl_attr_nest_end(message, actions);
	mnl_attr_nest_end(message, options);
}
