// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whether remotes, and the addresses of vnets that live there, make sense.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/tunnel_ends.h"
#include "loader/validate.h"

static bool is_zero(const struct ip_address *address)
{
	return !address->halves[0] && !address->halves[1];
}

/* Why no host can have the address in the network between hosts, or NULL. */
static const char *no_host(const struct ip_address *address)
{
	static const struct ip_address loopback = { .bytes = { [15] = 1 } };
	const unsigned char *ipv4 = address->bytes + 12;

	if (sluice_address_is_ipv4(address))
		return ipv4[0] == 127		    ? "a loopback address"
		       : (ipv4[0] & 0xf0) == 0xe0   ? "a multicast address"
		       : !ipv4[0] || ipv4[0] >= 240 ? "not an address of a host"
						    : NULL;
	if (address->bytes[0] == 0xff)
		return "a multicast address";
	/* The other hosts' names for their links are not ours. */
	if (address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80)
		return "a link-local address";
	if (is_zero(address) || !memcmp(address, &loopback, sizeof(loopback)))
		return "not an address of another host";
	return NULL;
}

static int validate_remote(struct validation *validation, const struct sluice_remote *remote)
{
	const struct sluice_config *config = validation->config;
	const char *why = no_host(&remote->address);
	char text[TEXT_MAX];

	sluice_address_text(&remote->address, text);
	if (why)
		return refuse(validation, remote, "address", 0, "remote \"%s\": %s is %s",
			      remote->name, text, why);
	for (size_t i = 0; i < config->uplink_count; i++)
		if (config->uplinks[i].hook == SLUICE_HOOK_XDP ||
		    config->uplinks[i].hook == SLUICE_HOOK_XDP_GENERIC)
			return refuse(validation, &config->uplinks[i], "hook", 0,
				      "uplink \"%s\": what comes from remotes is unwrapped by tc: set "
				      "hook: auto", config->uplinks[i].device);
	if (is_zero(&config->tunnel_local))
		return refuse(validation, remote, NULL, 0,
			      "remote \"%s\": frames need an address to come from: give tunnel.local, "
			      "this host's own", remote->name);
	if (!config->uplink_count)
		return refuse(validation, remote, NULL, 0,
			      "remote \"%s\": the switch has no uplink by which to reach it",
			      remote->name);
	if (sluice_address_is_ipv4(&remote->address) !=
	    sluice_address_is_ipv4(&config->tunnel_local))
		return refuse(validation, remote, "address", 0,
			      "remote \"%s\": %s is of another IP version than tunnel.local",
			      remote->name, text);
	if (!address_compare(&remote->address, &config->tunnel_local))
		return refuse(validation, remote, "address", 0,
			      "remote \"%s\": %s is this host's own, tunnel.local", remote->name,
			      text);
	for (const struct sluice_remote *other = config->remotes; other < remote; other++)
		if (!address_compare(&other->address, &remote->address))
			return refuse(validation, remote, "address", 0,
				      "remote \"%s\": address %s is remote \"%s\"'s already",
				      remote->name, text, other->name);
	return 0;
}

/* --- addresses that live there --- */

/* Who has an address already: one of the list before it, or a port of the vnet. */
struct holder {
	struct ip_address address;
	const char *port;                          /* or */
	const struct sluice_vnet_address *listed;
};

static int compare_holders(const void *a, const void *b)
{
	const struct holder *first = a, *second = b;
	int order = address_compare(&first->address, &second->address);

	/* A port's first, then by their order in the document. */
	if (!order)
		order = !first->port - !second->port;
	return order ? order : (first->listed > second->listed) - (first->listed < second->listed);
}

static int refuse_held(struct validation *validation, const struct sluice_vnet *vnet,
		       const struct holder *first, const struct holder *second)
{
	if (first->port)
		return refuse(validation, second->listed, "address", 0,
			      "vnet \"%s\": address %s is port \"%s\"'s, on this host", vnet->name,
			      second->listed->address, first->port);
	return refuse(validation, second->listed, "address", 0,
		      "vnet \"%s\": address %s is there twice, on remote \"%s\" and on \"%s\"",
		      vnet->name, second->listed->address, first->listed->remote,
		      second->listed->remote);
}

static int validate_holders(struct validation *validation, const struct sluice_vnet *vnet)
{
	const struct sluice_config *config = validation->config;
	size_t room = vnet->address_count + 1, count = 0;
	struct holder *holders;
	int code = 0;

	for (size_t i = 0; i < config->port_count; i++)
		room += config->ports[i].address_count;
	holders = calloc(room, sizeof(*holders));
	if (!holders)
		return sluice_error_set(validation->error, -ENOMEM, "memory is short");
	for (size_t i = 0; i < vnet->address_count; i++, count++) {
		holders[count].listed = &vnet->addresses[i];
		sluice_address_parse(vnet->addresses[i].address, &holders[count].address);
	}
	for (size_t i = 0; i < config->port_count; i++)
		for (size_t j = 0; j < config->ports[i].address_count; j++)
			if (!strcmp(config->ports[i].vnet, vnet->name))
				holders[count++] = (struct holder){ config->ports[i].addresses[j],
								    config->ports[i].name, NULL };
	qsort(holders, count, sizeof(*holders), compare_holders);
	for (size_t i = 1; i < count && !code; i++)
		if (holders[i].listed &&
		    !address_compare(&holders[i - 1].address, &holders[i].address))
			code = refuse_held(validation, vnet, &holders[i - 1], &holders[i]);
	free(holders);
	return code;
}

/* The kernel's next hops are asked for by tc. */
static int validate_ports_of(struct validation *validation, const struct sluice_vnet *vnet)
{
	const struct sluice_config *config = validation->config;

	for (size_t i = 0; i < config->port_count; i++) {
		const struct sluice_port *port = &config->ports[i];
		bool xdp = port->hook == SLUICE_HOOK_XDP || port->hook == SLUICE_HOOK_XDP_GENERIC;

		if (strcmp(port->vnet, vnet->name) != 0)
			continue;
		if (xdp || port->acceleration == SLUICE_ACCELERATION_VF)
			return refuse(validation, port, xdp ? "hook" : "acceleration.mode", 0,
				      "port \"%s\": remotes, on which vnet \"%s\" has addresses, are "
				      "reached by tc only: set %s", port->name, vnet->name,
				      xdp ? "hook: auto" : "acceleration.mode: off");
	}
	return 0;
}

static int validate_address(struct validation *validation, const struct sluice_vnet *vnet,
			    const struct sluice_vnet_address *from)
{
	static const unsigned char no_mac[6];
	const struct sluice_prefix *prefix;
	struct ip_address address;
	char text[128];
	const char *why;
	size_t subnet;

	sluice_address_parse(from->address, &address);
	prefix = prefix_that_has(vnet->prefixes, vnet->prefix_count, &address);
	if (!prefix)
		return refuse(validation, from, "address", 0,
			      "vnet \"%s\": address %s is outside its prefixes (%s%s)", vnet->name,
			      from->address, text_prefix(&vnet->prefixes[0], text),
			      vnet->prefix_count > 1 ? ", ..." : "");
	subnet = subnet_of_address(vnet, &address);
	if (subnet != NO_SUBNET)
		prefix = prefix_that_has(vnet->subnets[subnet].prefixes,
					 vnet->subnets[subnet].prefix_count, &address);
	why = subnet == NO_SUBNET ? no_host(&address) : why_unusable(prefix, &address);
	if (why)
		return refuse(validation, from, "address", 0, "vnet \"%s\": address %s is %s",
			      vnet->name, from->address, why);
	if (!memcmp(from->mac, no_mac, sizeof(no_mac)) || from->mac[0] & 1)
		return refuse(validation, from, "mac", 0,
			      "vnet \"%s\": MAC %s of address %s is not a device's", vnet->name,
			      text_mac(from->mac, text), from->address);
	if (names_find(&validation->remotes, from->remote) < 0)
		return refuse(validation, from, "remote", 0,
			      "remote \"%s\" %s, but address %s of vnet \"%s\" is there%s",
			      from->remote, names_missing(validation), from->address, vnet->name,
			      names_suggest(validation, &validation->remotes, from->remote, text));
	return 0;
}

int validate_remotes(struct validation *validation)
{
	const struct sluice_config *config = validation->config;
	const struct ip_address *local = &config->tunnel_local;
	struct tunnel_ends ends;
	int code = 0;

	if (config->remote_count > 0xffff)
		return refuse(validation, &config->remotes[0xffff], NULL, 0,
			      "%zu remotes are too many; a switch has at most %u",
			      config->remote_count, 0xffff);
	if (!is_zero(local) && no_host(local)) {
		char text[TEXT_MAX];

		return sluice_error_set(validation->error, -EINVAL, "tunnel.local: %s is %s",
					sluice_address_text(local, text), no_host(local));
	}
	for (size_t i = 0; i < config->remote_count && !code; i++)
		code = validate_remote(validation, &config->remotes[i]);
	for (size_t i = 0; i < config->vnet_count && !code; i++) {
		for (size_t j = 0; j < config->vnets[i].address_count && !code; j++)
			code = validate_address(validation, &config->vnets[i],
						&config->vnets[i].addresses[j]);
		if (!code && config->vnets[i].address_count)
			code = validate_holders(validation, &config->vnets[i]);
		if (!code && config->vnets[i].address_count)
			code = validate_ports_of(validation, &config->vnets[i]);
	}
	if (code)
		return code;
	if (tunnel_ends_find(config, &ends))
		return sluice_error_set(validation->error, -ENOMEM, "memory is short");
	if (ends.count + config->port_count >= SLUICE_MAX_PORTS)
		code = sluice_error_set(validation->error, -EINVAL,
					"%zu ports and %zu tunnels, one for each remote in each subnet, "
					"are too many; a switch has at most %u of both",
					config->port_count, ends.count, SLUICE_MAX_PORTS - 1);
	tunnel_ends_free(&ends);
	return code;
}
