/* SPDX-License-Identifier: BSD-2-Clause */
/* Random packets; see random_packet.h. */
#include "tests/harness/random_packet.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define FLAG_FIN 0x01
#define FLAG_SYN 0x02
#define FLAG_RST 0x04
#define FLAG_ACK 0x10

/* --- the pool --- */

static void add_address(struct random_pool *pool, const struct ip_address *address)
{
	int family = !reference_is_ipv4(address);

	if (pool->address_count[family] == pool->address_room[family]) {
		pool->address_room[family] = 2 * pool->address_room[family] + 16;
		pool->address[family] = reallocarray(pool->address[family],
						     pool->address_room[family], sizeof(*address));
	}
	pool->address[family][pool->address_count[family]++] = *address;
}

/* The address and its two neighbors, as far as the last byte reaches. */
static void add_around(struct random_pool *pool, const struct ip_address *address)
{
	struct ip_address neighbor = *address;

	add_address(pool, address);
	if (address->bytes[15] < 255) {
		neighbor.bytes[15] = (__u8)(address->bytes[15] + 1);
		add_address(pool, &neighbor);
	}
	if (address->bytes[15] > 0) {
		neighbor.bytes[15] = (__u8)(address->bytes[15] - 1);
		add_address(pool, &neighbor);
	}
}

static void add_port(struct random_pool *pool, int port)
{
	if (port < 0 || port > 65535)
		return;
	if (pool->port_count == pool->port_room) {
		pool->port_room = 2 * pool->port_room + 16;
		pool->port = reallocarray(pool->port, pool->port_room, sizeof(*pool->port));
	}
	pool->port[pool->port_count++] = (__u16)port;
}

static void add_selectors(struct random_pool *pool, const struct sluice_selector *list,
			  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].kind != SLUICE_SELECT_RANGE)
			continue;
		add_around(pool, &list[i].first);
		add_around(pool, &list[i].last);
	}
}

static void add_port_ranges(struct random_pool *pool, const struct sluice_port_range *list,
			    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		add_port(pool, list[i].first - 1);
		add_port(pool, list[i].first);
		add_port(pool, list[i].last);
		add_port(pool, list[i].last + 1);
	}
}

static void add_rules(struct random_pool *pool, const struct sluice_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		add_selectors(pool, rules[i].sources, rules[i].source_count);
		add_selectors(pool, rules[i].destinations, rules[i].destination_count);
		add_port_ranges(pool, rules[i].source_ports, rules[i].source_port_count);
		add_port_ranges(pool, rules[i].destination_ports, rules[i].destination_port_count);
	}
}

void random_pool_make(struct random_pool *pool, const struct sluice_config *config)
{
	static const char *const outside[] = { "198.51.100.1", "10.2.0.1", "2001:db8::1",
					       "fd00:2::1" };
	struct ip_address address;

	memset(pool, 0, sizeof(*pool));
	pool->config = config;
	for (int i = 0; i < 4; i++)
		if (!sluice_address_parse(outside[i], &address))
			add_address(pool, &address);
	for (size_t i = 0; i < config->port_count; i++)
		for (size_t j = 0; j < config->ports[i].address_count; j++)
			add_around(pool, &config->ports[i].addresses[j]);
	for (size_t i = 0; i < config->tag_count; i++)
		add_selectors(pool, config->tags[i].prefixes, config->tags[i].prefix_count);
	for (size_t i = 0; i < config->nsg_count; i++)
		add_rules(pool, config->nsgs[i].rules, config->nsgs[i].rule_count);
	for (size_t i = 0; i < config->acl_count; i++)
		add_rules(pool, config->acls[i].rules, config->acls[i].rule_count);
	for (int port = 0; port < 65536; port += 13107)
		add_port(pool, port);
}

void random_pool_free(struct random_pool *pool)
{
	free(pool->address[0]);
	free(pool->address[1]);
	free(pool->port);
	memset(pool, 0, sizeof(*pool));
}

static struct ip_address draw_address(const struct random_pool *pool, struct random *random,
				      int family)
{
	size_t count = pool->address_count[family];

	return pool->address[family][random_below(random, (unsigned int)count)];
}

static unsigned int draw_port(const struct random_pool *pool, struct random *random)
{
	return pool->port[random_below(random, (unsigned int)pool->port_count)];
}

/* --- protocols --- */

static bool has_ports(unsigned int protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

static unsigned int draw_protocol(struct random *random, int family)
{
	static const unsigned int protocols[] = { IPPROTO_TCP,  IPPROTO_TCP, IPPROTO_TCP,
						  IPPROTO_UDP,  IPPROTO_UDP, IPPROTO_SCTP,
						  IPPROTO_ESP,  IPPROTO_AH,  IPPROTO_GRE,
						  IPPROTO_ICMP, IPPROTO_ICMP };
	unsigned int protocol = protocols[random_below(random, 11)];

	return protocol == IPPROTO_ICMP && family ? IPPROTO_ICMPV6 : protocol;
}

/* Types that ask for nothing special of the switch: no errors, no neighbor discovery. */
static void draw_icmp(struct random *random, int family, unsigned int *type, unsigned int *code)
{
	static const unsigned int types4[] = { 8, 8, 8, 0, 13, 14, 10, 17 };
	static const unsigned int types6[] = { 128, 128, 128, 129, 130, 139, 143, 151 };

	*type = (family ? types6 : types4)[random_below(random, 8)];
	*code = random_chance(random, 80) ? 0 : random_below(random, 3);
}

void random_tuple_draw(const struct random_pool *pool, struct random *random,
		       struct reference_tuple *tuple)
{
	int family = random_chance(random, 40);

	memset(tuple, 0, sizeof(*tuple));
	tuple->source = draw_address(pool, random, family);
	tuple->destination = draw_address(pool, random, family);
	tuple->protocol = draw_protocol(random, family);
	if (has_ports(tuple->protocol)) {
		tuple->source_port = draw_port(pool, random);
		tuple->destination_port = draw_port(pool, random);
	} else if (tuple->protocol == IPPROTO_ICMP || tuple->protocol == IPPROTO_ICMPV6) {
		draw_icmp(random, family, &tuple->icmp_type, &tuple->icmp_code);
		if (random_chance(random, 30)) /* errors too: rules may name them */
			tuple->icmp_type = family ? 1 : 3;
	}
}

/* --- frames --- */

static const unsigned char broadcast_mac[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const unsigned char some_mac[6] = { 0x02, 0xde, 0xad, 0, 0, 1 };

/* An address of the port, of the family when it has one. False: it has none of that family. */
static bool own_address(const struct sluice_port *port, int family, struct random *random,
			struct ip_address *address)
{
	size_t start = random_below(random, (unsigned int)port->address_count);

	for (size_t i = 0; i < port->address_count; i++) {
		const struct ip_address *one = &port->addresses[(start + i) % port->address_count];

		if (reference_is_ipv4(one) != !family)
			continue;
		*address = *one;
		return true;
	}
	return false;
}

/* An address of the pool that a host can have: the edges of 0.0.0.0/0 and ::/0 are none. */
static struct ip_address draw_host(const struct random_pool *pool, struct random *random,
				   int family)
{
	struct ip_address address;
	unsigned int first;

	do {
		address = draw_address(pool, random, family);
		first = address.bytes[family ? 0 : 12];
	} while (first == 0 || first == 127 || first > (family ? 254 : 223));
	return address;
}

/* Mostly somebody: another port of the same vnet. Else any address of the pool, or a gateway. */
static struct ip_address draw_destination(const struct random_pool *pool, struct random *random,
					  const struct sluice_port *from, int family)
{
	const struct sluice_config *config = pool->config;
	struct ip_address address = draw_host(pool, random, family);
	unsigned int kind = random_below(random, 10);

	for (int tries = 0; kind < 8 && tries < 10; tries++) {
		const struct sluice_port *to =
			&config->ports[random_below(random, (unsigned int)config->port_count)];

		if (to != from && !strcmp(to->vnet, from->vnet) &&
		    own_address(to, family, random, &address))
			return address;
	}
	if (kind == 8 && own_address(from, family, random, &address))
		address.bytes[15] = 1; /* the gateway of its subnet */
	return address;
}

/* TCP as it begins, goes on and ends; sometimes what does not fit. */
static void draw_tcp(struct random *random, struct reference_packet *packet, bool on_connection)
{
	static const unsigned int usual[] = { FLAG_ACK,
					      FLAG_ACK,
					      FLAG_ACK,
					      FLAG_SYN,
					      FLAG_SYN | FLAG_ACK,
					      FLAG_SYN | FLAG_ACK,
					      FLAG_FIN | FLAG_ACK,
					      FLAG_RST,
					      FLAG_RST | FLAG_ACK };

	packet->tcp_flags = FLAG_SYN;
	if (on_connection)
		packet->tcp_flags = usual[random_below(random, 9)];
	else if (random_chance(random, 10))
		packet->tcp_flags = random_below(random, 64);
	if (!on_connection || random_chance(random, 10))
		packet->tcp_sequence = (unsigned int)random_next(random);
	if (!on_connection || random_chance(random, 10))
		packet->tcp_acknowledgment = (unsigned int)random_next(random);
	if (on_connection && random_chance(random, 30))
		packet->tcp_sequence += random_below(random, 5000000);
}

static void draw_transport(const struct random_pool *pool, struct random *random, int family,
			   struct reference_packet *packet)
{
	packet->protocol = draw_protocol(random, family);
	if (has_ports(packet->protocol)) {
		packet->source_port = draw_port(pool, random);
		packet->destination_port = draw_port(pool, random);
	} else if (packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6) {
		draw_icmp(random, family, &packet->icmp_type, &packet->icmp_code);
		packet->icmp_id = random_below(random, 4);
	}
	if (packet->protocol == IPPROTO_TCP)
		draw_tcp(random, packet, false);
}

/* A new packet of a port. */
static void draw_fresh(const struct random_pool *pool, struct random *random,
		       const struct sluice_port *from, struct reference_packet *packet)
{
	int family = random_chance(random, 40);

	if (!own_address(from, family, random, &packet->source)) {
		family = !family;
		own_address(from, family, random, &packet->source);
	}
	packet->destination = draw_destination(pool, random, from, family);
	draw_transport(pool, random, family, packet);
}

/* An error about a packet of a connection, or about none; packet is a packet of the connection,
 * sent by whom the error comes from. */
static void make_error(const struct random_pool *pool, struct random *random,
		       struct reference_packet *packet)
{
	bool ipv4 = reference_is_ipv4(&packet->source);

	packet->kind = REFERENCE_ICMP_ERROR;
	packet->quoted.source = packet->destination;
	packet->quoted.destination = packet->source;
	packet->quoted.protocol = packet->protocol;
	packet->quoted.source_port = packet->destination_port;
	packet->quoted.destination_port = packet->source_port;
	packet->quoted.icmp_type = packet->icmp_type;
	packet->quoted.icmp_code = packet->icmp_code;
	packet->quoted.icmp_id = packet->icmp_id;
	if (random_chance(random, 15) && has_ports(packet->protocol))
		packet->quoted.source_port = draw_port(pool, random);
	if (random_chance(random, 10))
		packet->source = draw_host(pool, random, !ipv4);
	packet->protocol = ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	packet->icmp_type =
		ipv4 ? (random_chance(random, 50) ? 3 : 11) : 1 + random_below(random, 4);
	packet->icmp_code = random_below(random, 4);
	packet->source_port = 0;
	packet->destination_port = 0;
}

/* A packet that belongs to a connection, or an error about it. */
static bool draw_on_connection(const struct random_pool *pool, const struct reference *reference,
			       struct random *random, struct reference_packet *packet)
{
	bool reply = random_chance(random, 50);
	bool error = random_chance(random, 12);
	unsigned int which = (unsigned int)random_next(random);

	if (error) {
		/* The error runs against the packet it quotes: a packet of the other end's. */
		struct reference_packet quoted = *packet;

		if (!reference_pick_connection(reference, which, reply, &quoted) ||
		    !reference_pick_connection(reference, which, !reply, packet))
			return false;
		packet->icmp_type = quoted.icmp_type;
		packet->icmp_code = quoted.icmp_code;
		make_error(pool, random, packet);
		return true;
	}
	if (!reference_pick_connection(reference, which, reply, packet))
		return false;
	if (packet->protocol == IPPROTO_TCP)
		draw_tcp(random, packet, true);
	return true;
}

/* Makes an ARP request or a solicitation of an IP packet to the same destination. */
static void make_neighbor(struct random *random, struct reference_packet *packet)
{
	bool ipv4 = reference_is_ipv4(&packet->source);

	packet->kind = ipv4 ? REFERENCE_ARP : REFERENCE_SOLICIT;
	packet->target = packet->destination;
	memcpy(packet->destination_mac, broadcast_mac, 6);
	packet->ttl = 255;
	if (random_chance(random, 10))
		memcpy(packet->sender_mac, some_mac, 6);
	if (ipv4)
		return;
	packet->protocol = IPPROTO_ICMPV6;
	packet->icmp_type = 135;
	packet->icmp_code = 0;
	/* The solicited-node multicast address (RFC 4291, 2.7.1). */
	memset(packet->destination.bytes, 0, 13);
	packet->destination.bytes[0] = 0xff;
	packet->destination.bytes[1] = 0x02;
	packet->destination.bytes[11] = 0x01;
	packet->destination.bytes[12] = 0xff;
}

/* One thing that a guest must not do. */
static void spoil(const struct random_pool *pool, struct random *random,
		  struct reference_packet *packet)
{
	bool ipv4 = reference_is_ipv4(&packet->source);

	switch (random_below(random, 7)) {
	case 0:
		memcpy(packet->source_mac, some_mac, 6);
		break;
	case 1:
		memcpy(packet->destination_mac, broadcast_mac, 6);
		break;
	case 2:
		packet->source = draw_host(pool, random, !ipv4);
		break;
	case 3:
		packet->vlan_count = 1 + random_below(random, 3);
		break;
	case 4:
		packet->later_fragment = true;
		break;
	case 5:
		packet->protocol = IPPROTO_UDP;
		packet->source_port = ipv4 ? 67 : 547;
		break;
	default:
		packet->protocol = ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
		packet->icmp_type = ipv4 ? 9 : 134;
		packet->icmp_code = 0;
		packet->source_port = 0;
		packet->destination_port = 0;
	}
}

void random_packet_draw(const struct random_pool *pool, struct reference *reference,
			struct random *random, struct reference_packet *packet)
{
	const struct sluice_config *config = pool->config;
	const struct sluice_port *from;

	memset(packet, 0, sizeof(*packet));
	packet->ttl = random_chance(random, 4) ? 1 : 64;
	if (!random_chance(random, 45) || !draw_on_connection(pool, reference, random, packet)) {
		from = &config->ports[random_below(random, (unsigned int)config->port_count)];
		snprintf(packet->port, sizeof(packet->port), "%s", from->name);
		draw_fresh(pool, random, from, packet);
	}
	for (size_t i = 0; i < config->port_count; i++) {
		if (strcmp(config->ports[i].name, packet->port))
			continue;
		memcpy(packet->source_mac, config->ports[i].mac, 6);
		memcpy(packet->sender_mac, config->ports[i].mac, 6);
	}
	memcpy(packet->destination_mac, some_mac, 6); /* any unicast address does */
	if (packet->kind != REFERENCE_IP)
		return;
	if (random_chance(random, 5))
		make_neighbor(random, packet);
	else if (random_chance(random, 6))
		spoil(pool, random, packet);
}
