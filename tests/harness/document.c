// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "tests/harness/document.h"
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
	"    guards: {dhcpServer: allow}\n";

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
