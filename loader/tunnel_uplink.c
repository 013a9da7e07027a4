/* SPDX-License-Identifier: BSD-2-Clause */
/* Which uplink frames to remotes leave by. */
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "loader/attach.h"

static bool is_local(const struct ifaddrs *entry, const struct ip_address *local)
{
	const struct sockaddr *address = entry->ifa_addr;

	if (!address)
		return false;
	if (sluice_address_is_ipv4(local))
		return address->sa_family == AF_INET &&
		       ((const struct sockaddr_in *)address)->sin_addr.s_addr == local->words[3];
	return address->sa_family == AF_INET6 &&
	       !memcmp(&((const struct sockaddr_in6 *)address)->sin6_addr, local, sizeof(*local));
}

/* The uplink that has tunnel.local; when none has, as where it is on `lo`, the first that is there. */
const struct placement *tunnel_uplink(const struct sluice_config *config,
				      const struct attachments *attachments)
{
	struct ifaddrs *addresses = NULL;
	const struct placement *first = NULL, *found = NULL;

	if (!config->remote_count)
		return NULL;
	if (getifaddrs(&addresses))
		addresses = NULL;
	for (size_t i = 0; i < attachments->count && !found; i++) {
		const struct attachment *attachment = &attachments->list[i];

		if (!attachment->uplink || !attachment->ifindex)
			continue;
		first = first ?: &attachment->placement;
		for (const struct ifaddrs *entry = addresses; entry; entry = entry->ifa_next)
			if (!strcmp(entry->ifa_name, attachment->ifname) &&
			    is_local(entry, &config->tunnel_local))
				found = &attachment->placement;
	}
	freeifaddrs(addresses);
	return found ?: first;
}
