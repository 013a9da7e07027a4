// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses with ports, and protocols, as people write them.
 */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"

#define ADDRESS_BYTES   46
#define PROTOCOL_ICMP   1
#define PROTOCOL_TCP    6
#define PROTOCOL_UDP    17
#define PROTOCOL_ICMPV6 58
#define PROTOCOL_SCTP   132

bool protocol_has_ports(int protocol)
{
	return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP;
}

const char *protocol_text(int protocol)
{
	static char ring[4][16];
	static unsigned int next;
	char *text = ring[next++ % 4];

	/* One name for both, as in rules. */
	if (protocol == PROTOCOL_ICMPV6)
		protocol = PROTOCOL_ICMP;
	return sluice_protocol_text(protocol, text);
}

const char *packet_text(unsigned int ether_type, int protocol)
{
	return ether_type == ETHER_TYPE_ARP ? "Arp" : protocol_text(protocol);
}

static int wrong_endpoint(const char *text, struct sluice_error *error)
{
	return sluice_error_set(error, -EINVAL,
				"\"%s\" is not ADDRESS or ADDRESS:PORT, like 10.1.1.4:443 or "
				"[fd00::4]:443",
				text);
}

int parse_endpoint(const char *text, struct ip_address *address, __u16 *port, bool *has_port,
		   struct sluice_error *error)
{
	const char *begin = text, *end, *colon = NULL;
	unsigned long long number = 0;
	struct ip_address parsed;
	char host[64];

	if (text[0] == '[') {
		begin = text + 1;
		end = strchr(begin, ']');
		if (!end || (end[1] && end[1] != ':'))
			return wrong_endpoint(text, error);
		if (end[1])
			colon = end + 1;
	} else {
		/* Several colons without brackets are an IPv6 address without a port. */
		end = strchr(text, ':');
		if (end && !strchr(end + 1, ':'))
			colon = end;
		else
			end = text + strlen(text);
	}
	if ((size_t)(end - begin) >= sizeof(host))
		return wrong_endpoint(text, error);
	memcpy(host, begin, end - begin);
	host[end - begin] = '\0';
	if (sluice_address_parse(host, &parsed))
		return wrong_endpoint(text, error);
	if (colon && !parse_number(colon + 1, 65535, &number))
		return sluice_error_set(error, -EINVAL, "\"%s\": a port is 0 to 65535", text);
	*address = parsed;
	*port = number;
	*has_port = colon != NULL;
	return 0;
}

const char *endpoint_text(const struct ip_address *address, __u16 port, bool has_port)
{
	static char ring[4][ADDRESS_BYTES + 16];
	static unsigned int next;
	char *text = ring[next++ % 4];
	char host[ADDRESS_BYTES];

	sluice_address_text(address, host);
	if (!has_port)
		snprintf(text, sizeof(ring[0]), "%s", host);
	else if (strchr(host, ':'))
		snprintf(text, sizeof(ring[0]), "[%s]:%u", host, port);
	else
		snprintf(text, sizeof(ring[0]), "%s:%u", host, port);
	return text;
}
