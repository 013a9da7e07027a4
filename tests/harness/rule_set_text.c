/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule sets as documents; see rule_set.h. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/rule_set.h"

#define FIRST_PRIORITY 100

static void write_address(const struct ip_address *address, FILE *stream)
{
	char text[INET6_ADDRSTRLEN];
	bool ipv4 = reference_is_ipv4(address);

	inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? &address->bytes[12] : address->bytes, text,
		  sizeof(text));
	fputs(text, stream);
}

/* The length of the prefix that is exactly the range, or -1. */
static int prefix_length(const struct address_range *range)
{
	address_number low = address_to_number(&range->first);
	address_number differing = low ^ address_to_number(&range->last);
	int bits = 0;

	if (differing & (differing + 1) || low & differing)
		return -1;
	for (; differing; differing >>= 1)
		bits++;
	return (reference_is_ipv4(&range->first) ? 32 : 128) - bits;
}

static void write_ranges(const struct address_range *ranges, size_t count, FILE *stream)
{
	for (size_t i = 0; i < count; i++) {
		int length = prefix_length(&ranges[i]);

		fputs(i ? ", \"" : "\"", stream);
		write_address(&ranges[i].first, stream);
		if (length >= 0) {
			fprintf(stream, "/%d", length);
		} else {
			fputc('-', stream);
			write_address(&ranges[i].last, stream);
		}
		fputc('"', stream);
	}
}

static void write_addresses(const struct rule_set *set, const char *key, bool any,
			    const struct address_range *ranges, size_t count, FILE *stream)
{
	size_t list = 0;

	if (any)
		return;
	while (list < set->list_count && set->list[list] != ranges)
		list++;
	fprintf(stream, ", %s: [", key);
	if (list < set->list_count)
		fprintf(stream, "list%zu", list);
	else
		write_ranges(ranges, count, stream);
	fputc(']', stream);
}

static void write_ports(const char *key, const struct sluice_port_range *ranges, size_t count,
			FILE *stream)
{
	if (!count)
		return;
	fprintf(stream, ", %s: [", key);
	for (size_t i = 0; i < count; i++)
		fprintf(stream, "%s\"%u-%u\"", i ? ", " : "", ranges[i].first, ranges[i].last);
	fputc(']', stream);
}

static void write_rule(const struct rule_set *set, size_t number, enum rule_set_form form,
		       const char *direction, FILE *stream)
{
	const struct classifier_rule *rule = &set->rule[number];

	fprintf(stream, "    - {name: r%zu, direction: %s, access: %s", number + 1, direction,
		rule->access == ACCESS_ALLOW ? "Allow" : "Deny");
	if (form == RULE_SET_AS_NSG)
		fprintf(stream, ", priority: %zu", FIRST_PRIORITY + number);
	if (rule->protocol != SLUICE_ANY)
		fprintf(stream, ", protocol: %d", rule->protocol);
	if (rule->icmp_type != SLUICE_ANY)
		fprintf(stream, ", icmpType: %d", rule->icmp_type);
	if (rule->icmp_code != SLUICE_ANY)
		fprintf(stream, ", icmpCode: %d", rule->icmp_code);
	write_addresses(set, "sources", rule->any_source, rule->sources, rule->source_count,
			stream);
	write_ports("sourcePorts", rule->source_ports, rule->source_port_count, stream);
	write_addresses(set, "destinations", rule->any_destination, rule->destinations,
			rule->destination_count, stream);
	write_ports("destinationPorts", rule->destination_ports, rule->destination_port_count,
		    stream);
	fputs("}\n", stream);
}

void rule_set_write_rules(const struct rule_set *set, enum rule_set_form form,
			  const char *direction, FILE *stream)
{
	for (size_t i = 0; i < set->count; i++)
		write_rule(set, i, form, direction, stream);
}

void rule_set_write(const struct rule_set *set, enum rule_set_form form, FILE *stream)
{
	bool nsg = form == RULE_SET_AS_NSG;

	fprintf(stream,
		"apiVersion: sluice/v1\n"
		"vnets:\n"
		"  - name: blue\n"
		"    prefixes: [10.1.0.0/16, \"fd00:1::/48\"]\n"
		"    subnets: [{name: web, prefixes: [10.1.1.0/24, \"fd00:1:0:1::/64\"]%s}]\n"
		"ports:\n"
		"  - {name: p1, device: p1, vnet: blue, subnet: web, mac: \"02:00:00:00:00:01\","
		" addresses: [10.1.1.4, \"fd00:1:0:1::4\"]}\n",
		nsg ? ", nsg: set" : "");
	if (set->list_count)
		fputs("tags:\n", stream);
	for (size_t i = 0; i < set->list_count; i++) {
		fprintf(stream, "  list%zu: [", i);
		write_ranges(set->list[i], set->list_length[i], stream);
		fputs("]\n", stream);
	}
	fputs(nsg ? "nsgs:\n  set:\n    rules:\n"
		  : "acls:\n  - name: set\n    appliesTo: switch\n    rules:\n",
	      stream);
	rule_set_write_rules(set, form, "Inbound", stream);
}

struct sluice_config *rule_set_config(const struct rule_set *set, enum rule_set_form form)
{
	struct sluice_config *config = NULL;
	struct sluice_error error = { 0 };
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);

	if (!stream)
		abort();
	rule_set_write(set, form, stream);
	fclose(stream);
	if (sluice_config_parse(text, length, "rule set", &config, &error))
		fprintf(stderr, "rule set:%u:%u: %s\n", error.line, error.column, error.message);
	free(text);
	return config;
}
