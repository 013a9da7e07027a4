/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/harness/namespace.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static int transact(struct mnl_socket *socket, struct nlmsghdr *message)
{
	char buffer[8192];
	ssize_t length;

	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -errno;
	length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	if (length < 0)
		return -errno;
	if (mnl_cb_run(buffer, (size_t)length, message->nlmsg_seq, mnl_socket_get_portid(socket),
		       NULL, NULL) < 0)
		return -errno;
	return 0;
}

static int add_veth(struct mnl_socket *socket, int number)
{
	char buffer[1024], name[IFNAMSIZ];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nlattr *info, *data, *peer;

	message->nlmsg_type = RTM_NEWLINK;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	message->nlmsg_seq = (__u32)number;
	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	snprintf(name, sizeof(name), "p%d", number);
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	snprintf(name, sizeof(name), "p%dx", number);
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	mnl_attr_nest_end(message, peer);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	return transact(socket, message);
}

static int set_up(struct mnl_socket *socket, const char *name)
{
	char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *link;

	message->nlmsg_type = RTM_NEWLINK;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	message->nlmsg_seq = 1;
	link = mnl_nlmsg_put_extra_header(message, sizeof(*link));
	link->ifi_flags = link->ifi_change = IFF_UP;
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	return transact(socket, message);
}

/* A veth end can not come up before it has its other one. */
static int add_pair(struct mnl_socket *socket, int number)
{
	char near[IFNAMSIZ], far[IFNAMSIZ];
	int error = add_veth(socket, number);

	snprintf(near, sizeof(near), "p%d", number);
	snprintf(far, sizeof(far), "p%dx", number);
	return error ?: set_up(socket, near) ?: set_up(socket, far);
}

void enter_test_namespace(int devices)
{
	struct mnl_socket *socket;

	if (unshare(CLONE_NEWNET))
		fail_msg("a network namespace needs root: %s", strerror(errno));
	socket = mnl_socket_open(NETLINK_ROUTE);
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID))
		fail_msg("rtnetlink: %s", strerror(errno));
	for (int i = 1; i <= devices; i++) {
		int error = add_pair(socket, i);

		if (error)
			fail_msg("veth p%d: %s", i, strerror(-error));
	}
	mnl_socket_close(socket);
}
