/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random packets for a document: of the addresses and ports that the document's own edges make
 * interesting, so that a wrong comparison anywhere is hit soon.
 */
#ifndef SLUICE_TESTS_RANDOM_PACKET_H
#define SLUICE_TESTS_RANDOM_PACKET_H

#include "tests/harness/random.h"
#include "tests/harness/reference.h"
#include "tests/harness/reference_policy.h"

struct random_pool {
	const struct sluice_config *config;
	struct ip_address *address[2]; /* by family: IPv4, IPv6 */
	size_t address_count[2];
	size_t address_room[2];
	__u16 *port;
	size_t port_count;
	size_t port_room;
};

void random_pool_make(struct random_pool *pool, const struct sluice_config *config);
void random_pool_free(struct random_pool *pool);

/* Any tuple, no matter who could send it. */
void random_tuple_draw(const struct random_pool *pool, struct random *random,
		       struct reference_tuple *tuple);

/* A frame that a port of the document sends: most of them proper, some with one thing wrong, some
 * on or about a live connection of the reference. The document has at least one port. */
void random_packet_draw(const struct random_pool *pool, struct reference *reference,
			struct random *random, struct reference_packet *packet);

#endif
