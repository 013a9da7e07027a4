/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether somebody sits at the far end of an SSH session that runs over an interface: by the session's
 * own address on it, or by the way back to the person.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "loader/doctor.h"
#include "loader/netns.h"

#define SSH_PORT              22
#define TCP_STATE_ESTABLISHED 1

static bool has_address(const char *device, const struct in6_addr *local)
{
	struct ifaddrs *all, *one;
	bool found = false;

	if (getifaddrs(&all))
		return false;
	for (one = all; one && !found; one = one->ifa_next) {
		if (!one->ifa_addr || strcmp(one->ifa_name, device))
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

static int note_way(const struct nlmsghdr *message, void *context)
{
	const struct nlattr *attribute;
	unsigned int *ifindex = context;

	if (message->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	mnl_attr_for_each(attribute, message,
			  sizeof(struct rtmsg)) if (mnl_attr_get_type(attribute) ==
						    RTA_OIF) *ifindex = mnl_attr_get_u32(attribute);
	return MNL_CB_OK;
}

/* The interface that the route to an address leaves by; 0 for none. */
static unsigned int way_to(const struct in6_addr *address)
{
	bool ipv4 = IN6_IS_ADDR_V4MAPPED(address);
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	unsigned int ifindex = 0;
	struct rtmsg *route;

	message->nlmsg_type = RTM_GETROUTE;
	message->nlmsg_flags = NLM_F_REQUEST;
	route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
	route->rtm_family = ipv4 ? AF_INET : AF_INET6;
	route->rtm_dst_len = ipv4 ? 32 : 128;
	if (ipv4)
		mnl_attr_put(message, RTA_DST, 4, address->s6_addr + 12);
	else
		mnl_attr_put(message, RTA_DST, sizeof(*address), address);
	return netlink_talk(-1, message, note_way, &ifindex) ? 0 : ifindex;
}

/* The kernel prints each 32-bit word as the host reads it from memory. */
static bool read_connection(const char *line, bool ipv6, struct in6_addr *local,
			    struct in6_addr *remote)
{
	unsigned int near[4] = { 0, 0, htonl(0xffff) }, far[4] = { 0, 0, htonl(0xffff) };
	unsigned int port, state;
	int read, wanted = ipv6 ? 10 : 4;

	if (ipv6)
		read = sscanf(line, " %*d: %8x%8x%8x%8x:%x %8x%8x%8x%8x:%*x %x", &near[0], &near[1],
			      &near[2], &near[3], &port, &far[0], &far[1], &far[2], &far[3],
			      &state);
	else
		read = sscanf(line, " %*d: %8x:%x %8x:%*x %x", &near[3], &port, &far[3], &state);
	if (read != wanted || port != SSH_PORT || state != TCP_STATE_ESTABLISHED)
		return false;
	memcpy(local, near, sizeof(*local));
	memcpy(remote, far, sizeof(*remote));
	return true;
}

bool device_carries_ssh(const char *device)
{
	static const char *const lists[] = { "/proc/thread-self/net/tcp",
					     "/proc/thread-self/net/tcp6" };
	struct in6_addr local, remote;
	bool found = false;
	char line[512];

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		FILE *list = fopen(lists[ipv6], "re");

		while (list && !found && fgets(line, sizeof(line), list))
			found = read_connection(line, ipv6, &local, &remote) &&
				(has_address(device, &local) ||
				 way_to(&remote) == if_nametoindex(device));
		if (list)
			fclose(list);
	}
	return found;
}
