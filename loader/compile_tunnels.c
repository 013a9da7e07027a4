/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tunnels to remotes (maps/tunnel.h): the outer headers of each end, the way in, and what stands for
 * an end among the ports.
 */
#include "loader/compiler.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#define OUTER_HOP_LIMIT 64
#define VXLAN_HAS_VNI 0x08000000 /* RFC 7348: of the header's first word, the I flag */

static const struct {
	unsigned char bytes; /* behind the outer IP header */
	__u16 port;
} types[TUNNEL_TYPE_COUNT] = {
#define X(identifier, name, bytes, port) [TUNNEL_##identifier] = { bytes, port },
	TUNNEL_TYPES(X)
#undef X
};

static __u16 tunnel_port(const struct sluice_config *config)
{
	return (__u16)(config->tunnel_port ?: types[config->tunnel_type].port);
}

int place_tunnel_ends(struct compiler *compiler)
{
	const struct sluice_config *config = compiler->config;
	char key[TUNNEL_END_KEY_MAX];

	if (tunnel_ends_find(config, &compiler->ends))
		return compiler_no_memory(compiler);
	compiler->end_slot = calloc(compiler->ends.count + 1, sizeof(*compiler->end_slot));
	compiler->end_line = calloc(compiler->ends.count + 1, sizeof(*compiler->end_line));
	if (!compiler->end_slot || !compiler->end_line)
		return compiler_no_memory(compiler);
	for (size_t i = 0; i < compiler->ends.count; i++) {
		tunnel_end_key(config, &compiler->ends.list[i], key);
		compiler->end_slot[i] = ids_take(compiler->slots, key, NULL);
		if (!compiler->end_slot[i] || compiler->end_slot[i] >= SLUICE_MAX_PORTS)
			return sluice_error_set(compiler->error, -ENOSPC,
						"no slot is left for %s: one switch can have %u ports "
						"and tunnels; remove some", key, SLUICE_MAX_PORTS - 1);
	}
	return 0;
}

static __u16 header_checksum(const struct iphdr *header)
{
	__u16 words[sizeof(*header) / 2];
	__u32 sum = 0;

	memcpy(words, header, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static void put_ipv4(__u8 *to, const struct sluice_config *config, const struct sluice_remote *remote)
{
	struct iphdr header = {
		.version = 4,
		.ihl = sizeof(header) / 4,
		.frag_off = htons(IP_DF),
		.ttl = OUTER_HOP_LIMIT,
		.protocol = IPPROTO_UDP,
		.saddr = config->tunnel_local.words[3],
		.daddr = remote->address.words[3],
	};

	/* Of what is known now: programs add the length and the class. */
	header.check = header_checksum(&header);
	memcpy(to, &header, sizeof(header));
}

static void put_ipv6(__u8 *to, const struct sluice_config *config, const struct sluice_remote *remote)
{
	struct ip6_hdr header = {
		.ip6_flow = htonl(6u << 28),
		.ip6_nxt = IPPROTO_UDP,
		.ip6_hlim = OUTER_HOP_LIMIT,
	};

	memcpy(&header.ip6_src, &config->tunnel_local, sizeof(header.ip6_src));
	memcpy(&header.ip6_dst, &remote->address, sizeof(header.ip6_dst));
	memcpy(to, &header, sizeof(header));
}

/* UDP without checksum: the inner headers have their own (RFC 7348; over IPv6 RFC 6935). */
static void put_vxlan(__u8 *to, const struct sluice_config *config, __u32 vni)
{
	struct {
		struct udphdr udp;
		__be32 flags;
		__be32 vni;
	} headers = {
		.udp.dest = htons(tunnel_port(config)),
		.flags = htonl(VXLAN_HAS_VNI),
		.vni = htonl(vni << 8),
	};

	memcpy(to, &headers, sizeof(headers));
}

static int lay_tunnel(struct compiler *compiler, size_t index)
{
	const struct sluice_config *config = compiler->config;
	const struct tunnel_end *end = &compiler->ends.list[index];
	const struct sluice_remote *remote = &config->remotes[end->remote];
	bool ipv4 = sluice_address_is_ipv4(&remote->address);
	size_t ip_length = ipv4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
	struct tunnel *tunnel;

	compiler->end_line[index] = compiler_take(compiler, 1);
	if (!compiler->end_line[index])
		return -ENOSPC;
	tunnel = tables_line(compiler->tables, compiler->end_line[index]);
	(ipv4 ? put_ipv4 : put_ipv6)(tunnel->headers, config, remote);
	put_vxlan(tunnel->headers + ip_length, config, config->vnets[end->vnet].vni);
	tunnel->length = (__u8)(ip_length + types[config->tunnel_type].bytes);
	tunnel->type = (__u8)config->tunnel_type;
	tunnel->remote = (__u16)(end->remote + 1);
	tunnel->uplink = compiler->uplink ? compiler->uplink->ifindex : 0;
	return 0;
}

/* The vnets that have addresses on remotes, by VNI. */
static int lay_vnis(struct compiler *compiler, struct tunnel_entry *entry)
{
	const struct sluice_config *config = compiler->config;
	struct device_entry *entries = calloc(config->vnet_count + 1, sizeof(*entries));
	size_t count = 0;
	int result;

	if (!entries)
		return compiler_no_memory(compiler);
	for (size_t i = 0; i < config->vnet_count; i++)
		if (config->vnets[i].address_count)
			entries[count++] = (struct device_entry){
				.ifindex = config->vnets[i].vni, .vnet = compiler->vnet[i].line };
	result = lay_buckets(compiler, entries, count, &entry->vnis, &entry->vni_mask);
	free(entries);
	return result;
}

static int lay_remotes(struct compiler *compiler, struct tunnel_entry *entry)
{
	const struct sluice_config *config = compiler->config;
	struct endpoints endpoints = { 0 };
	struct vnet buckets = { 0 };
	int result;

	endpoints.endpoint = calloc(config->remote_count + 1, sizeof(*endpoints.endpoint));
	if (!endpoints.endpoint)
		return compiler_no_memory(compiler);
	for (size_t i = 0; i < config->remote_count; i++)
		add_endpoint(&endpoints, &config->remotes[i].address, ENDPOINT_REMOTE,
			     (__u32)i + 1);
	result = lay_endpoints(compiler, &endpoints, &buckets);
	entry->remotes = buckets.endpoints;
	entry->remote_mask = buckets.endpoint_mask;
	entry->remote_seed = buckets.endpoint_seed;
	free(endpoints.endpoint);
	return result;
}

static int lay_entry(struct compiler *compiler, struct root *root)
{
	struct tunnel_entry *entry;
	__u32 line = compiler_take(compiler, 1);
	int result;

	if (!line)
		return -ENOSPC;
	entry = tables_line(compiler->tables, line);
	entry->local = compiler->config->tunnel_local;
	entry->port = htons(tunnel_port(compiler->config));
	entry->type = (__u8)compiler->config->tunnel_type;
	result = lay_vnis(compiler, entry) ?: lay_remotes(compiler, entry);
	root->tunnels = line;
	return result;
}

int compile_tunnels(struct compiler *compiler, struct root *root)
{
	int result = 0;

	for (size_t i = 0; i < compiler->ends.count && !result; i++)
		result = lay_tunnel(compiler, i);
	return result || !compiler->config->remote_count ? result : lay_entry(compiler, root);
}

/* What is left of the uplink's MTU for an inner packet. */
static __u16 inner_mtu(const struct compiler *compiler, size_t end)
{
	const struct tunnel *tunnel = tables_line(compiler->tables, compiler->end_line[end]);
	__u16 mtu = compiler->uplink ? way_mtu(compiler->uplink) : SLUICE_MTU_ANY;
	__u16 headers = (__u16)(tunnel->length + ETH_HLEN);

	return mtu == SLUICE_MTU_ANY ? mtu : mtu > headers ? (__u16)(mtu - headers) : 1;
}

/* Whose flows they are is each host's to police at its own ports: an end has no NSGs and no ACLs. */
void lay_tunnel_ports(struct compiler *compiler, struct port *ports)
{
	for (size_t i = 0; i < compiler->ends.count; i++) {
		const struct tunnel_end *end = &compiler->ends.list[i];
		const struct vnet_build *build = &compiler->vnet[end->vnet];
		struct port *port = &ports[compiler->end_slot[i]];

		*port = (struct port){
			.slot = (__u16)compiler->end_slot[i],
			.mtu = inner_mtu(compiler, i),
			.vnet = build->line,
			.subnet = end->subnet == NO_SUBNET ? 0 : build->subnet_line[end->subnet],
			.tunnel = compiler->end_line[i],
			.flow_limit = compiler->flow_share,
			.vni = build->vnet->vni,
		};
		port->flags = PORT_IN_USE | PORT_MAY_SPOOF | PORT_KEEP_NSG_IN | PORT_KEEP_NSG_OUT;
		port->delivery = DELIVERY_TUNNEL;
	}
}
