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

/* --- the pool -------------------------------------------------------------------------------- */

static void add_address(struct random_pool *pool, const struct ip_address *address)
{
	int family = !reference_is_ipv4(address);

	if (pool->address_count[family] == pool->address_room[family]) {
		pool->address_room[family] = 2 * pool->address_room[family] + 16;
		pool->address[family] =
			reallocarray(pool->address[family], pool->address_room[family],
				     sizeof(*address));
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
	static const char *const outside[] = {"198.51.100.1", "10.2.0.1", "2001:db8::1",
					      "fd00:2::1"};
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

/* --- protocols ------------------------------------------------------------------------------- */

static bool has_ports(unsigned int protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

static unsigned int draw_protocol(struct random *random, int family)
{
	static const unsigned int protocols[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP,
						 IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ESP, IPPROTO_AH,
						 IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_ICMP};
	unsigned int protocol = protocols[random_below(random, 11)];

	return protocol == IPPROTO_ICMP && family ? IPPROTO_ICMPV6 : protocol;
}

/* Types that ask for nothing special of the switch: no errors, no neighbor discovery. */
static void draw_icmp(struct random *random, int family, unsigned int *type, unsigned int *code)
{
	static const unsigned int types4[] = {8, 8, 8, 0, 13, 14, 10, 17};
	static const unsigned int types6[] = {128, 128, 128, 129, 130, 139, 143, 151};

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
