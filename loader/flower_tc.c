/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules in the kernel: added, read back, removed.
 *
 * Ours are known by their priorities and by the cookie of their first action. What the kernel
 * and a driver say of a refusal is passed on in their words.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/gen_stats.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_pedit.h>
#include <string.h>
#include <unistd.h>

#include "loader/flower.h"
#include "loader/netns.h"

#define REQUEST_SIZE 2048

static struct tcmsg *begin(struct nlmsghdr *message, __u16 type, __u16 flags, __u32 ifindex,
			   bool ipv6)
{
	struct tcmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	head->tcm_family = AF_UNSPEC;
	head->tcm_ifindex = (int)ifindex;
	head->tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
	head->tcm_info = TC_H_MAKE((__u32)flower_priority(ipv6) << 16,
				   htons(ipv6 ? ETH_P_IPV6 : ETH_P_IP));
	return head;
}

/* --- adding, with the kernel's words --- */

static int keep_words(const struct nlattr *attribute, void *context)
{
	if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG)
		*(const char **)context = mnl_attr_get_str(attribute);
	return MNL_CB_OK;
}

/* What an answer says: 0 or -errno with words. */
static int read_answer(const struct nlmsghdr *answer, struct sluice_error *error)
{
	const struct nlmsgerr *said = mnl_nlmsg_get_payload(answer);
	const char *words = NULL;
	size_t offset = sizeof(*said);

	if (!said->error)
		return 0;
	/* The request stands between the number and the words, unless it was left out. */
	if (!(answer->nlmsg_flags & NLM_F_CAPPED))
		offset += said->msg.nlmsg_len - sizeof(said->msg);
	if (answer->nlmsg_flags & NLM_F_ACK_TLVS)
		mnl_attr_parse(answer, (unsigned int)offset, keep_words, &words);
	return sluice_error_set(error, said->error, "%s%s%s", words ? words : "",
				words ? ": " : "", strerror(-said->error));
}

static int ask(struct nlmsghdr *message, struct sluice_error *error)
{
	int fd = netns_socket(-1, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), on = 1, result = 0;
	char answer[8192] __attribute__((aligned(8)));
	ssize_t length;

	if (fd < 0)
		return sluice_error_set(error, fd, "%s", strerror(-fd));
	if (setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) ||
	    send(fd, message, message->nlmsg_len, 0) < 0)
		result = sluice_error_set(error, -errno, "%s", strerror(errno));
	while (!result) {
		length = recv(fd, answer, sizeof(answer), 0);
		if (length < 0 && errno == EINTR)
			continue;
		if (!mnl_nlmsg_ok((struct nlmsghdr *)answer, (int)length))
			result = sluice_error_set(error, -EPROTO, "no answer from the kernel");
		else
			result = read_answer((struct nlmsghdr *)answer, error);
		break;
	}
	close(fd);
	return result;
}

int flower_add(const struct flower_rule *rule, struct sluice_error *error)
{
	char buffer[REQUEST_SIZE] __attribute__((aligned(8)));
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct tcmsg *head;

	head = begin(message, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, rule->in,
		     rule->ipv6);
	head->tcm_handle = flower_handle(rule);
	flower_write(message, rule);
	return ask(message, error);
}

/* --- removing --- */

/* Which answers mean that there is nothing to remove: no filter of that handle or priority, no qdisc
 * (-EINVAL, as there is no such parent), no device. */
static int gone_is_done(int result)
{
	return result == -ENOENT || result == -ENODEV || result == -EINVAL ? 0 : result;
}

int flower_remove(__u32 ifindex, bool ipv6, __u32 handle)
{
	char buffer[REQUEST_SIZE] __attribute__((aligned(8)));
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	begin(message, RTM_DELTFILTER, 0, ifindex, ipv6)->tcm_handle = handle;
	return gone_is_done(netlink_talk(-1, message, NULL, NULL));
}

/* A request without a handle is for every rule of its priority. */
int flower_remove_all(__u32 ifindex)
{
	return flower_remove(ifindex, false, 0) ?: flower_remove(ifindex, true, 0);
}

/* --- reading --- */

struct reading {
	bool ipv6;
	int (*visit)(const struct flower_seen *seen, void *context);
	void *context;
	int result;
};

static int read_edit(const struct nlattr *attribute, void *context)
{
	struct flower_seen *seen = context;
	struct tcf_t times;

	if (mnl_attr_get_type(attribute) != TCA_PEDIT_TM ||
	    mnl_attr_get_payload_len(attribute) < sizeof(times))
		return MNL_CB_OK;
	memcpy(&times, mnl_attr_get_payload(attribute), sizeof(times));
	seen->idle_ms = (__u32)(times.lastuse * 1000 / (__u64)sysconf(_SC_CLK_TCK));
	return MNL_CB_OK;
}

static int read_counters(const struct nlattr *attribute, void *context)
{
	struct flower_seen *seen = context;
	struct gnet_stats_basic basic = { 0 };

	/* The last four bytes of it are padding that not every kernel sends. */
	if (mnl_attr_get_type(attribute) == TCA_STATS_BASIC &&
	    mnl_attr_get_payload_len(attribute) >= 12) {
		memcpy(&basic, mnl_attr_get_payload(attribute), 12);
		seen->bytes = basic.bytes;
		if (!seen->packets)
			seen->packets = basic.packets;
	} else if (mnl_attr_get_type(attribute) == TCA_STATS_PKT64 &&
		   mnl_attr_get_payload_len(attribute) >= sizeof(seen->packets)) {
		memcpy(&seen->packets, mnl_attr_get_payload(attribute), sizeof(seen->packets));
	}
	return MNL_CB_OK;
}

static int read_action(const struct nlattr *attribute, void *context)
{
	struct flower_seen *seen = context;

	switch (mnl_attr_get_type(attribute)) {
	case TCA_ACT_COOKIE:
		if (mnl_attr_get_payload_len(attribute) == sizeof(seen->cookie))
			memcpy(&seen->cookie, mnl_attr_get_payload(attribute),
			       sizeof(seen->cookie));
		break;
	case TCA_ACT_STATS:
		mnl_attr_parse_nested(attribute, read_counters, seen);
		break;
	case TCA_ACT_OPTIONS:
		mnl_attr_parse_nested(attribute, read_edit, seen);
		break;
	}
	return MNL_CB_OK;
}

/* The first action has what we look for. */
static int read_actions(const struct nlattr *attribute, void *context)
{
	if (mnl_attr_get_type(attribute) == 1)
		mnl_attr_parse_nested(attribute, read_action, context);
	return MNL_CB_OK;
}

static int read_flower(const struct nlattr *attribute, void *context)
{
	if (mnl_attr_get_type(attribute) == TCA_FLOWER_ACT)
		mnl_attr_parse_nested(attribute, read_actions, context);
	return MNL_CB_OK;
}

static int read_options(const struct nlattr *attribute, void *context)
{
	if (mnl_attr_get_type(attribute) == TCA_OPTIONS)
		mnl_attr_parse_nested(attribute, read_flower, context);
	return MNL_CB_OK;
}

static int read_filter(const struct nlmsghdr *message, void *context)
{
	const struct tcmsg *head = mnl_nlmsg_get_payload(message);
	struct reading *reading = context;
	struct flower_seen seen = { .ipv6 = reading->ipv6 };

	/* The first message of a priority describes the classifier and has no handle. */
	if (message->nlmsg_type != RTM_NEWTFILTER || !head->tcm_handle)
		return MNL_CB_OK;
	seen.handle = head->tcm_handle;
	mnl_attr_parse(message, sizeof(*head), read_options, &seen);
	if (seen.cookie.magic == FLOWER_MAGIC && !reading->result)
		reading->result = reading->visit(&seen, reading->context);
	return MNL_CB_OK;
}

int flower_each(__u32 ifindex, int (*visit)(const struct flower_seen *seen, void *context),
		void *context)
{
	struct reading reading = { .visit = visit, .context = context };
	int result = 0;

	for (int ipv6 = 0; ipv6 < 2 && !result; ipv6++) {
		char buffer[REQUEST_SIZE] __attribute__((aligned(8)));
		struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

		begin(message, RTM_GETTFILTER, NLM_F_DUMP, ifindex, ipv6);
		reading.ipv6 = ipv6;
		result = gone_is_done(netlink_talk(-1, message, read_filter, &reading))
				 ?: reading.result;
	}
	return result;
}

/* --- the NIC that a device belongs to --- */

static int read_link(const struct nlattr *attribute, void *context)
{
	struct flower_port *port = context;
	size_t length = mnl_attr_get_payload_len(attribute);

	if (mnl_attr_get_type(attribute) != IFLA_PHYS_SWITCH_ID || length > sizeof(port->nic))
		return MNL_CB_OK;
	port->nic_length = (__u8)length;
	memcpy(port->nic, mnl_attr_get_payload(attribute), length);
	return MNL_CB_OK;
}

static int visit_link(const struct nlmsghdr *message, void *context)
{
	if (message->nlmsg_type == RTM_NEWLINK)
		mnl_attr_parse(message, sizeof(struct ifinfomsg), read_link, context);
	return MNL_CB_OK;
}

int flower_read_nic(struct flower_port *port)
{
	char buffer[REQUEST_SIZE] __attribute__((aligned(8)));
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));

	message->nlmsg_type = RTM_GETLINK;
	message->nlmsg_flags = NLM_F_REQUEST;
	head->ifi_family = AF_UNSPEC;
	head->ifi_index = (int)port->ifindex;
	return gone_is_done(netlink_talk(-1, message, visit_link, port));
}
