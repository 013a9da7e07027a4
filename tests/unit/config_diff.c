// SPDX-License-Identifier: BSD-2-Clause
/*
 * What changes from one document to another.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/sluice.h"
#include "tests/harness/document.h"
#include "tests/harness/unit.h"

#define HEAD       "apiVersion: sluice/v1\n"
#define RULE(name) "{name: " name ", direction: Inbound, access: Deny}"

/* The changes in short: "update nsg rule web/https, add asg x". */
static void assert_changes(const char *from_text, const char *to_text, const char *expected)
{
	struct sluice_config *from = document_read(from_text), *to = document_read(to_text);
	json_t *changes = sluice_config_diff(from, to), *change;
	char text[1024] = "";
	size_t i;

	assert_non_null(changes);
	json_array_foreach(changes, i, change)
	{
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s%s %s %s", used ? ", " : "",
			 json_string_value(json_object_get(change, "change")),
			 json_string_value(json_object_get(change, "kind")),
			 json_string_value(json_object_get(change, "name")));
	}
	assert_string_equal(text, expected);
	json_decref(changes);
	sluice_config_free(from);
	sluice_config_free(to);
}

static void a_document_is_the_same_as_itself(void **state)
{
	(void)state;
	assert_changes(document_full, document_full, "");
}

static void order_means_nothing_where_names_tell_things_apart(void **state)
{
	(void)state;
	assert_changes(
		HEAD "asgs: [a, b]\nnsgs: {x: {}, y: {}}\ntags: {t: [10.0.0.1, 10.0.0.2], u: []}\n"
		     "vnets: [{name: v, prefixes: [10.0.0.0/8], subnets: [{name: s, prefixes: "
		     "[10.1.0.0/16]}, {name: t, prefixes: [10.2.0.0/16]}]}, {name: w, prefixes: "
		     "[10.0.0.0/8]}]\n",
		HEAD "asgs: [b, a]\nnsgs: {y: {}, x: {}}\ntags: {u: [], t: [10.0.0.2, 10.0.0.1]}\n"
		     "vnets: [{name: w, prefixes: [10.0.0.0/8]}, {name: v, prefixes: [10.0.0.0/8], "
		     "subnets: [{name: t, prefixes: [10.2.0.0/16]}, {name: s, prefixes: "
		     "[10.1.0.0/16]}]}]\n",
		"");
	assert_changes(HEAD "tags: {t: [10.0.0.1, 10.0.0.2]}\n",
		       HEAD "tags: {t: [10.0.0.1, 10.0.0.3]}\n", "update tag t");
}

/* The switch speaks for a subnet with the gateway of its first prefix. */
static void the_order_of_a_subnets_prefixes_counts(void **state)
{
	(void)state;
	assert_changes(
		HEAD "vnets: [{name: v, prefixes: [10.0.0.0/8], subnets: [{name: s, prefixes: "
		     "[10.1.0.0/16, 10.2.0.0/16]}]}]\n",
		HEAD "vnets: [{name: v, prefixes: [10.0.0.0/8], subnets: [{name: s, prefixes: "
		     "[10.2.0.0/16, 10.1.0.0/16]}]}]\n",
		"update subnet v/s");
}

static void defaults_spelled_out_are_no_change(void **state)
{
	(void)state;
	assert_changes(
		HEAD "nsgs: {x: {rules: [{name: a, priority: 100, direction: Inbound, access: "
		     "Deny}]}}\n",
		HEAD
		"nsgs: {x: {existingFlows: recheck, rules: [{name: a, priority: 100, direction: "
		"Inbound, access: Deny, protocol: \"*\", sources: [\"*\"], icmpType: \"*\"}]}}\n",
		"");
}

static void each_thing_that_differs_is_one_change(void **state)
{
	(void)state;
	assert_changes(
		HEAD
		"switch: {name: a}\nasgs: [a]\nuplinks: [{device: eth0}]\n"
		"nsgs: {x: {rules: [{name: a, priority: 100, direction: Inbound, access: Deny}]}}\n",
		HEAD
		"switch: {name: a, tcp: loose}\nasgs: [b]\nuplinks: [{device: eth0, hook: tc}]\n"
		"nsgs: {x: {existingFlows: keep, rules: [{name: a, priority: 100, direction: Inbound, "
		"access: Allow}, {name: b, priority: 101, direction: Inbound, access: Deny}]}}\n",
		"update switch a, update uplink eth0, remove asg a, add asg b, update nsg x, "
		"update nsg rule x/a, add nsg rule x/b");
}

static void what_is_in_a_thing_comes_and_goes_with_it(void **state)
{
	(void)state;
	assert_changes(HEAD, HEAD "acls: [{name: p, rules: [" RULE("b") ", " RULE("a") "]}]\n",
		       "add acl p, add acl rule p/a, add acl rule p/b");
	assert_changes(HEAD
		       "vnets: [{name: v, prefixes: [10.0.0.0/8], subnets: [{name: s, prefixes: "
		       "[10.1.0.0/16]}]}]\n",
		       HEAD, "remove vnet v, remove subnet v/s");
}

static void the_order_of_an_acl_decides(void **state)
{
	(void)state;
	assert_changes(
		HEAD "acls: [{name: p, rules: [" RULE("a") ", " RULE("b") ", " RULE("c") "]}]\n",
		HEAD "acls: [{name: p, rules: [" RULE("a") ", " RULE("c") ", " RULE("b") "]}]\n",
		"update acl p");
	/* What stays has the same order: nothing but the change itself is said. */
	assert_changes(
		HEAD "acls: [{name: p, rules: [" RULE("a") ", " RULE("b") ", " RULE("c") "]}]\n",
		HEAD "acls: [{name: p, rules: [" RULE("x") ", " RULE("a") ", " RULE("c") "]}]\n",
		"remove acl rule p/b, add acl rule p/x");
	assert_changes(HEAD "acls: [{name: p}, {name: q}]\n", HEAD "acls: [{name: q}, {name: p}]\n",
		       "update switch sw0");
	assert_changes(HEAD "acls: [{name: p, appliesTo: ports}, {name: q}]\n",
		       HEAD "acls: [{name: q}, {name: p, appliesTo: ports}]\n", "");
}

static void a_change_shows_both_sides(void **state)
{
	struct sluice_config *from =
		document_read(HEAD "acls: [{name: p, rules: [" RULE("a") "]}]\n");
	struct sluice_config *to = document_read(
		HEAD
		"acls: [{name: p, rules: [{name: b, direction: Inbound, access: Deny, protocol: Udp}, " RULE(
			"a") "]}]\nuplinks: [{device: eth0}]\n");
	json_t *changes = sluice_config_diff(from, to);
	char *text = json_dumps(changes, JSON_COMPACT);

	(void)state;
	assert_string_equal(
		text,
		"[{\"change\":\"add\",\"kind\":\"uplink\",\"name\":\"eth0\",\"to\":{\"device\":"
		"\"eth0\",\"hook\":\"auto\",\"vfs\":null,\"cpus\":null}},{\"change\":\"add\",\"kind\":\"acl rule\",\"name\":"
		"\"p/b\",\"to\":{\"name\":\"b\",\"direction\":\"Inbound\",\"access\":\"Deny\","
		"\"protocol\":\"Udp\",\"icmpType\":\"*\",\"icmpCode\":\"*\",\"sources\":[\"*\"],"
		"\"sourcePorts\":[\"*\"],\"destinations\":[\"*\"],\"destinationPorts\":[\"*\"],"
		"\"position\":1}}]");
	free(text);
	json_decref(changes);
	sluice_config_free(from);
	sluice_config_free(to);
}

/* Every key of the full document, changed by itself, is seen. */
static void a_change_of_any_key_is_seen(void **state)
{
	static const struct {
		const char *from;
		const char *to;
		const char *changes;
	} edits[] = {
		{ "tcp: loose", "tcp: strict", "update switch sw7" },
		{ "name: sw7", "name: sw8", "update switch sw8" },
		{ "hook: xdp}", "hook: tc}", "update uplink eth0" },
		{ "vni: 5001", "vni: 5002", "update vnet blue" },
		{ "10.1.0.0/16, \"fd00:1::/48\"", "10.0.0.0/8, \"fd00:1::/48\"",
		  "update vnet blue" },
		{ "[10.1.2.0/24]", "[10.1.3.0/24]", "update subnet blue/db" },
		{ ", nsg: web}", ", nsg: empty}", "update subnet blue/web" },
		{ "203.0.113.7", "203.0.113.8", "update tag admin" },
		{ "existingFlows: keep", "existingFlows: recheck", "update nsg web" },
		{ "priority: 100, direction: Inbound", "priority: 101, direction: Inbound",
		  "update nsg rule web/https" },
		{ "priority: 100, direction: Outbound", "priority: 102, direction: Inbound",
		  "update nsg rule web/ping" },
		{ "access: Allow, protocol: Tcp", "access: Deny, protocol: Tcp",
		  "update nsg rule web/https" },
		{ "protocol: Tcp, sources", "protocol: Udp, sources", "update nsg rule web/https" },
		{ "icmpType: 8", "icmpType: 9", "update nsg rule web/ping" },
		{ "icmpCode: 0", "icmpCode: 1", "update nsg rule web/ping" },
		{ "[Internet, admin", "[Internet, nobody", "update nsg rule web/https" },
		{ "1024-65535", "1025-65535", "update nsg rule web/https" },
		{ "\"asg:123\"]", "VirtualNetwork]", "update nsg rule web/https" },
		{ "8080-8090", "8080-8091", "update nsg rule web/https" },
		{ "red/eth0", "blue/eth0", "update port vm1" },
		{ "hook: tc", "hook: xdp-generic", "update port vm1" },
		{ "52:54:00:12:34:56\"\n    addresses: [10.1.1.4, ",
		  "52:54:00:12:34:57\"\n    addresses: "
		  "[10.1.1.4, ",
		  "update port vm1" },
		{ "fd00:1:0:1::4", "fd00:1:0:1::5", "update port vm1" },
		{ "    nsg: web\n", "    nsg: empty\n", "update port vm1" },
		{ "    acl: own\n", "", "update port vm1" },
		{ "asgs: [frontends, \"123\"]\n    guards", "asgs: [frontends]\n    guards",
		  "update port vm1" },
		{ "spoofing: allow", "spoofing: deny", "update port vm1" },
		{ "{dhcpServer: allow}", "{}", "update port vm2" },
		{ "routerAdvert: allow", "routerAdvert: deny", "update port vm1" },
		{ "flowLimit: 500", "flowLimit: 501", "update port vm1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		const char *place = strstr(document_full, edits[i].from);
		char text[8192];

		assert_non_null(place);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(place - document_full),
			 document_full, edits[i].to, place + strlen(edits[i].from));
		assert_changes(document_full, text, edits[i].changes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_is_the_same_as_itself),
		cmocka_unit_test(order_means_nothing_where_names_tell_things_apart),
		cmocka_unit_test(the_order_of_a_subnets_prefixes_counts),
		cmocka_unit_test(defaults_spelled_out_are_no_change),
		cmocka_unit_test(each_thing_that_differs_is_one_change),
		cmocka_unit_test(what_is_in_a_thing_comes_and_goes_with_it),
		cmocka_unit_test(the_order_of_an_acl_decides),
		cmocka_unit_test(a_change_shows_both_sides),
		cmocka_unit_test(a_change_of_any_key_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
