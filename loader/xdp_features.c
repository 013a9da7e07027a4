/* SPDX-License-Identifier: BSD-2-Clause */
/* The family "netdev", and what it says of one device; see xdp_features.h. */
#include "loader/xdp_features.h"

#include "loader/generic_netlink.h"

/* From linux/netdev.h, which headers before Linux 6.3 do not have. */
#define NETDEV_COMMAND_DEVICE_GET     1
#define NETDEV_ATTRIBUTE_IFINDEX      1
#define NETDEV_ATTRIBUTE_XDP_FEATURES 3

static void put_ifindex(struct nlmsghdr *message, const void *context)
{
	mnl_attr_put_u32(message, NETDEV_ATTRIBUTE_IFINDEX, *(const unsigned int *)context);
}

int xdp_features_get(unsigned int ifindex, unsigned long long *features)
{
	struct generic_question question = { .family = "netdev",
					     .command = NETDEV_COMMAND_DEVICE_GET,
					     .attribute = NETDEV_ATTRIBUTE_XDP_FEATURES,
					     .size = sizeof(uint64_t),
					     .put = put_ifindex,
					     .context = &ifindex };
	uint64_t value;
	int failure = generic_ask(&question, &value);

	if (!failure)
		*features = value;
	return failure;
}
