/* SPDX-License-Identifier: BSD-2-Clause */
/* The document that packet tests share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/bpf_switch.h"

static const char *or_nothing(const char *text)
{
	return text ? text : "";
}

static void put_vnet(FILE *out, const char *name, int vni, const char *web, const char *db)
{
	fprintf(out,
		"  - name: %s\n    vni: %d\n    prefixes: [10.1.0.0/16, \"fd00:1::/48\"]\n"
		"    subnets:\n"
		"      - {name: web, prefixes: [10.1.1.0/24, \"fd00:1:0:1::/64\"]%s%s}\n"
		"      - {name: db, prefixes: [10.1.2.0/24, \"fd00:1:0:2::/64\"]%s%s}\n",
		name, vni, web ? ", " : "", or_nothing(web), db ? ", " : "", or_nothing(db));
}

static void put_port(FILE *out, const struct actor *actor, const char *vnet, const char *subnet,
		     const char *keys)
{
	fprintf(out,
		"  - {name: %s, device: %s, vnet: %s, subnet: %s, "
		"mac: \"%02x:%02x:%02x:%02x:%02x:%02x\", addresses: [%s, \"%s\"]%s%s}\n",
		actor->name, actor->device, vnet, subnet, actor->mac[0], actor->mac[1],
		actor->mac[2], actor->mac[3], actor->mac[4], actor->mac[5], actor->address4,
		actor->address6, keys ? ", " : "", or_nothing(keys));
}

void town_apply(struct bpf_switch *sw, const struct town *town)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	fprintf(out, "apiVersion: sluice/v1\nswitch: {name: town%s%s}\nvnets:\n",
		town->switch_keys ? ", " : "", or_nothing(town->switch_keys));
	put_vnet(out, "blue", 5001, town->web, town->db);
	put_vnet(out, "red", 5002, NULL, NULL);
	fprintf(out, "ports:\n");
	put_port(out, &alice, "blue", "web", town->alice);
	put_port(out, &bob, "blue", "web", town->bob);
	put_port(out, &carol, "blue", "db", town->carol);
	put_port(out, &dave, "red", "web", town->dave);
	put_port(out, &erin, "red", "web", town->erin);
	fprintf(out, "%s\n", or_nothing(town->rest));
	fclose(out);
	switch_mac("town", switch_address);
	bpf_switch_apply(sw, text);
	free(text);
}
