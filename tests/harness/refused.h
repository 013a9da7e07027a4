/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What bad documents get: a sentence, and the place. The place is where the document has its "@",
 * which is taken out before it is read.
 */
#ifndef SLUICE_TESTS_REFUSED_H
#define SLUICE_TESTS_REFUSED_H

#include <stddef.h>

struct bad {
	const char *what; /* the test's name */
	const char *document;
	const char *message;
};

#define HEAD "apiVersion: sluice/v1\n"
#define BLUE                                                                            \
	"vnets:\n  - {name: blue, prefixes: [10.1.0.0/16, \"fd00:1::/48\"], subnets: [" \
	"{name: web, prefixes: [10.1.1.0/24, \"fd00:1:0:1::/64\"]}]}\n"
#define PORT(rest) "ports:\n  - {name: vm1, device: tap1, vnet: blue, subnet: web, " rest "}\n"
#define MAC     "mac: \"52:54:00:00:00:01\""
#define ADDRESS ", addresses: [10.1.1.4]"

/* Runs a test for each document; returns what main() does. */
int refused_run(const struct bad *documents, size_t count);

#endif
