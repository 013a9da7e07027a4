// SPDX-License-Identifier: BSD-2-Clause
/*
 * next-hop: where a packet of a port would go.
 */
#include <string.h>

#include "cli/cli.h"

static const char *given(const char *text)
{
	return text[0] ? text : NULL;
}

static void print_hop(const struct sluice_next_hop *hop)
{
	if (hop->table[0])
		printf("%s%s%s%s%s, by route %s/%s\n", hop->type, hop->to[0] ? " " : "", hop->to,
		       hop->address[0] ? " " : "", hop->address, hop->table, hop->prefix);
	else if (strcmp(hop->type, "None") != 0 && hop->subnet[0])
		printf("%s %s, by route %s (subnet %s)\n", hop->type, hop->to, hop->prefix,
		       hop->subnet);
	else if (strcmp(hop->type, "None") != 0)
		printf("%s %s, by route %s\n", hop->type, hop->to, hop->prefix);
	else
		printf("None: %s%s\n", hop->prefix[0] ? "nobody has the address in " : "no route",
		       hop->prefix);
}

int run_next_hop(struct invocation *invocation)
{
	const char *text = option_text(invocation, "dest-ip");
	struct sluice_error error = { 0 };
	struct ip_address destination;
	struct sluice_next_hop hop;
	struct sluice *sw;
	int code;

	if (sluice_address_parse(text, &destination))
		return usage_error(invocation, "--dest-ip wants an address, not \"%s\"", text);
	code = open_switch(invocation, &sw);
	if (code)
		return code;
	if (sluice_next_hop(sw, invocation->arguments[0], &destination, &hop, &error)) {
		code = refuse(invocation, &error);
	} else if (invocation->json) {
		print_json(json_pack("{ss ss? ss? ss? ss? ss?}", "nextHopType", hop.type,
				     "nextHop", given(hop.to), "nextHopIpAddress",
				     given(hop.address), "prefix", given(hop.prefix), "subnet",
				     given(hop.subnet), "routeTable", given(hop.table)));
	} else {
		print_hop(&hop);
	}
	sluice_close(sw);
	return code;
}
