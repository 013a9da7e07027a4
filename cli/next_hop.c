// SPDX-License-Identifier: BSD-2-Clause
/*
 * next-hop: where a packet of a port would go.
 */
#include <string.h>

#include "cli/cli.h"

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
		print_json(json_pack("{ss ss? ss? ss?}", "nextHopType", hop.type, "nextHop",
				     hop.to[0] ? hop.to : NULL, "prefix",
				     hop.prefix[0] ? hop.prefix : NULL, "subnet",
				     hop.subnet[0] ? hop.subnet : NULL));
	} else if (!strcmp(hop.type, "None")) {
		printf("None: %s%s\n", hop.prefix[0] ? "nobody has the address in " : "no route",
		       hop.prefix);
	} else {
		printf("%s %s, by route %s (subnet %s)\n", hop.type, hop.to, hop.prefix,
		       hop.subnet);
	}
	sluice_close(sw);
	return code;
}
