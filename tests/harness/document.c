// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/document.h"
#include "tests/harness/random.h"
#include "tests/harness/unit.h"

const char document_full[] =
	"apiVersion: sluice/v1\n"
	"switch: {name: sw7, tcp: loose}\n"
	"uplinks:\n"
	"  - {device: eth0, hook: xdp}\n"
	"  - {device: eth1}\n"
	"vnets:\n"
	"  - name: blue\n"
	"    vni: 5001\n"
	"    prefixes: [10.1.0.0/16, \"fd00:1::/48\"]\n"
	"    subnets:\n"
	"      - {name: web, prefixes: [10.1.1.0/24, \"fd00:1:0:1::/64\"], nsg: web}\n"
	"      - {name: db, prefixes: [10.1.2.0/24]}\n"
	"  - name: green\n"
	"    vni: 7\n"
	"    prefixes: [10.1.0.0/16]\n"
	"    subnets:\n"
	"      - {name: web, prefixes: [10.1.1.0/24]}\n"
	"tags:\n"
	"  admin: [198.51.100.0/24, 203.0.113.7, \"2001:db8::1-2001:db8::9\"]\n"
	"  nobody: []\n"
	"asgs: [frontends, \"123\"]\n"
	"acls:\n"
	"  - name: platform\n"
	"    rules:\n"
	"      - {name: no-smtp, direction: Outbound, access: Deny, protocol: Tcp, "
	"destinationPorts: [\"25\"]}\n"
	"      - {name: rest, direction: Inbound, access: Allow}\n"
	"  - name: own\n"
	"    appliesTo: ports\n"
	"    rules:\n"
	"      - {name: \"off\", direction: Inbound, access: Deny, protocol: 99}\n"
	"nsgs:\n"
	"  web:\n"
	"    existingFlows: keep\n"
	"    rules:\n"
	"      - {name: https, priority: 100, direction: Inbound, access: Allow, protocol: Tcp, "
	"sources: [Internet, admin, 10.0.0.1-10.0.0.9], sourcePorts: [\"1024-65535\"], "
	"destinations: [\"asg:frontends\", \"asg:123\"], destinationPorts: [\"443\", "
	"\"8080-8090\"]}\n"
	"      - {name: ping, priority: 100, direction: Outbound, access: Deny, protocol: Icmp, "
	"icmpType: 8, icmpCode: 0, sources: [VirtualNetwork]}\n"
	"  empty: {}\n"
	"ports:\n"
	"  - name: vm1\n"
	"    device: red/eth0\n"
	"    hook: tc\n"
	"    vnet: blue\n"
	"    subnet: web\n"
	"    mac: \"52:54:00:12:34:56\"\n"
	"    addresses: [10.1.1.4, \"fd00:1:0:1::4\"]\n"
	"    nsg: web\n"
	"    acl: own\n"
	"    asgs: [frontends, \"123\"]\n"
	"    guards: {spoofing: allow, dhcpServer: allow, routerAdvert: allow}\n"
	"    flowLimit: 500\n"
	"  - name: vm2\n"
	"    device: tap-vm2\n"
	"    vnet: green\n"
	"    subnet: web\n"
	"    mac: \"52:54:00:12:34:56\"\n"
	"    addresses: [10.1.1.4]\n"
	"    guards: {dhcpServer: allow}\n"
	"nat:\n"
	"  - {name: web-ip, type: public, address: 203.0.113.10, port: vm1}\n"
	"  - {name: out, type: gateway, vnet: blue, subnets: [web], addresses: [203.0.113.20, "
	"\"2001:db8::20\"], ports: \"2000-3999\"}\n"
	"  - {name: all, type: gateway, vnet: green, addresses: [203.0.113.21]}\n"
	"  - {name: ssh, type: forward, address: \"2001:db8::20\", protocol: Tcp, "
	"destinationPort: 2222, to: \"vm1:22\"}\n"
	"lbs:\n"
	"  - {name: www, vnet: blue, frontend: \"10.1.0.100:443\", protocol: Tcp, backends: [vm1], "
	"backendPort: 8443, affinity: \"3-tuple\"}\n"
	"  - {name: dns, vnet: green, frontend: \"203.0.113.21:53\", protocol: Udp, "
	"backends: [vm2]}\n";

struct sluice_config *document_read(const char *text)
{
	struct sluice_config *config = NULL;
	struct sluice_error error;

	if (sluice_config_parse(text, strlen(text), "test.yaml", &config, &error))
		fail_msg("%s:%u:%u: %s", error.file, error.line, error.column, error.message);
	return config;
}

char *document_text(const struct sluice_config *config)
{
	struct sluice_error error;
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	assert_non_null(stream);
	if (sluice_config_write(config, stream, &error))
		fail_msg("%s", error.message);
	fclose(stream);
	return text;
}

static const char *check_written(const struct sluice_config *config)
{
	struct sluice_config *again = NULL;
	struct sluice_error error;
	const char *wrong = NULL;
	char *text = document_text(config), *second = NULL;
	json_t *changes = NULL;

	if (sluice_config_parse(text, strlen(text), "again.yaml", &again, &error)) {
		wrong = "what was written is refused";
	} else {
		second = document_text(again);
		changes = sluice_config_diff(config, again);
		if (strcmp(text, second))
			wrong = "it is written differently the second time";
		else if (json_array_size(changes))
			wrong = "what was written means something else";
	}
	sluice_config_free(again);
	json_decref(changes);
	free(second);
	free(text);
	return wrong;
}

const char *document_check(const char *text, size_t length)
{
	struct sluice_config *config = NULL;
	struct sluice_error error;
	const char *wrong;
	int code = sluice_config_parse(text, length, "bent.yaml", &config, &error);

	if (code) {
		if (code != -EINVAL || !error.message[0] || strcmp(error.file, "bent.yaml"))
			return "it is refused without a reason";
		return error.line && error.column ? NULL : "it is refused without a place";
	}
	wrong = check_written(config);
	sluice_config_free(config);
	return wrong;
}

/* The words a bent document is mended with: what has a meaning somewhere. */
static const char *const words[] = {
	"[]",
	"{}",
	"[\"*\"]",
	"null",
	"\"\"",
	"off",
	"Inbound",
	"web",
	"asg:frontends",
	"10.1.1.0/24",
	"\"fd00:1::/48\"",
	"::/0",
	"0",
	"4096",
	"65535",
	"1-2",
	"Icmp",
	"vm1",
	"name: x",
	"nsg: empty",
	"rules: []",
	"prefixes",
	"&a",
	"*a",
	"!!str",
	"priority: 7",
	"|\n  x",
	"? a",
	"---\n",
	"\xff",
};

static size_t line_start(const char *text, size_t at)
{
	while (at && text[at - 1] != '\n')
		at--;
	return at;
}

static size_t line_length(const char *text, size_t start)
{
	size_t length = strcspn(text + start, "\n");

	return length + (text[start + length] == '\n');
}

/* Replaces count bytes at a place by others; text has room. */
static void splice(char *text, size_t at, size_t count, const char *with, size_t with_length)
{
	char held[512];

	if (with_length > sizeof(held))
		with_length = sizeof(held);
	memcpy(held, with, with_length);
	memmove(text + at + with_length, text + at + count, strlen(text + at + count) + 1);
	memcpy(text + at, held, with_length);
}

static void bend(struct random *random, char *text)
{
	size_t at = random_below(random, strlen(text)), other = random_below(random, strlen(text));
	const char *word = words[random_below(random, sizeof(words) / sizeof(words[0]))];
	size_t end;

	switch (random_below(random, 5)) {
	case 0: /* a line lost */
		at = line_start(text, at);
		splice(text, at, line_length(text, at), "", 0);
		break;
	case 1: /* a line doubled somewhere else */
		at = line_start(text, at);
		other = line_start(text, other);
		splice(text, other, 0, text + at, line_length(text, at));
		break;
	case 2: /* a byte changed */
		text[at] = " \n{}[],:\"'#-*&!%0aZ\t\x80"[random_below(random, 22)];
		break;
	default: /* a word exchanged: by one with a meaning, or by another of the document's */
		at += strcspn(text + at, " [");
		at += text[at] != '\0';
		end = strcspn(text + at, " ,]}\n");
		other += strcspn(text + other, " [");
		other += text[other] != '\0';
		if (random_chance(random, 50))
			splice(text, at, end, text + other, strcspn(text + other, " ,]}\n"));
		else
			splice(text, at, end, word, strlen(word));
		break;
	}
}

char *document_bent(uint64_t seed, size_t *length)
{
	struct random random = { .state = seed };
	unsigned int times = 1 + random_below(&random, 6);
	char *text = calloc(1, strlen(document_full) + 8 * 512);

	assert_non_null(text);
	strcpy(text, document_full);
	while (times-- && text[0])
		bend(&random, text);
	*length = strlen(text);
	return text;
}
