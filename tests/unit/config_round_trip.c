// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is read, written and read again is the same; what it is, is what the file said.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "loader/sluice.h"
#include "tests/harness/document.h"
#include "tests/harness/random_document.h"
#include "tests/harness/unit.h"

static void assert_same_text(const struct sluice_config *config, const char *expected)
{
	char *text = document_text(config);

	assert_string_equal(text, expected);
	free(text);
}

static void a_canonical_document_is_written_as_it_was_read(void **state)
{
	struct sluice_config *config = document_read(document_full);

	(void)state;
	assert_same_text(config, document_full);
	sluice_config_free(config);
}

static void a_document_in_any_spelling_becomes_canonical(void **state)
{
	struct sluice_config *config = document_read(
		"# JSON is YAML; keys in any order; defaults spelled out\n"
		"{\"ports\": [], \"nsgs\": {\"web\": {\"rules\": [{\"access\": \"ALLOW\", \"name\": \"a\",\n"
		"  \"direction\": \"inbound\", \"priority\": \"100\", \"protocol\": \"tcp\", \"sources\":\n"
		"  [\"10.0.0.1/32\", \"FD00:0:0::1\", 192.0.2.1-192.0.2.1], \"destinations\": [x, \"*\"],\n"
		"  \"destinationPorts\": [80-80], \"icmpType\": \"*\"}], \"existingFlows\": \"recheck\"}},\n"
		"  \"tags\": null, \"remotes\": [], \"apiVersion\": \"sluice/v1\"}\n");

	(void)state;
	assert_same_text(
		config,
		"apiVersion: sluice/v1\n"
		"switch: {name: sw0}\n"
		"nsgs:\n"
		"  web:\n"
		"    rules:\n"
		"      - {name: a, priority: 100, direction: Inbound, access: Allow, protocol: Tcp, "
		"sources: [10.0.0.1, \"fd00::1\", 192.0.2.1], destinationPorts: [\"80\"]}\n");
	sluice_config_free(config);
}

static void names_that_yaml_would_guess_at_are_text(void **state)
{
	struct sluice_config *config =
		document_read("apiVersion: sluice/v1\n"
			      "switch: {name: off}\n"
			      "asgs: [yes, 1_000, 12, 1.5, 0x10, \"null\", 2001-01-01]\n"
			      "uplinks: [{device: 12e3}]\n");

	(void)state;
	assert_string_equal(config->name, "off");
	assert_string_equal(config->asgs[1].name, "1_000");
	assert_same_text(config, "apiVersion: sluice/v1\n"
				 "switch: {name: \"off\"}\n"
				 "uplinks:\n"
				 "  - {device: \"12e3\"}\n"
				 "asgs: [\"yes\", \"1_000\", \"12\", \"1.5\", \"0x10\", \"null\", "
				 "\"2001-01-01\"]\n");
	sluice_config_free(config);
}

static void the_full_document_means_what_it_says(void **state)
{
	struct sluice_config *config = document_read(document_full);
	const struct sluice_rule *rule = &config->nsgs[0].rules[0];
	const struct sluice_port *port = &config->ports[0];
	char text[INET6_ADDRSTRLEN];

	(void)state;
	assert_string_equal(config->file, "test.yaml");
	assert_string_equal(config->name, "sw7");
	assert_true(config->tcp_loose);
	assert_int_equal(config->uplinks[0].hook, SLUICE_HOOK_XDP);
	assert_int_equal(config->uplinks[1].hook, SLUICE_HOOK_AUTO);
	assert_int_equal(config->vnets[0].vni, 5001);
	assert_int_equal(config->vnets[0].prefixes[0].length, 16);
	assert_false(config->vnets[0].prefixes[0].ipv6);
	assert_int_equal(config->vnets[0].prefixes[1].length, 48);
	assert_true(config->vnets[0].prefixes[1].ipv6);
	assert_null(config->vnets[0].subnets[1].nsg);
	assert_false(config->acls[0].applies_to_ports);
	assert_true(config->acls[1].applies_to_ports);
	assert_int_equal(config->acls[0].rules[1].protocol, SLUICE_ANY);
	assert_int_equal(config->acls[0].rules[1].icmp_type, SLUICE_ANY);
	assert_int_equal(config->acls[1].rules[0].protocol, 99);
	assert_true(config->nsgs[0].keep_existing_flows);
	assert_int_equal(rule->priority, 100);
	assert_int_equal(rule->protocol, 6);
	assert_int_equal(rule->access, ACCESS_ALLOW);
	assert_int_equal(rule->source_count, 3);
	assert_int_equal(rule->sources[0].kind, SLUICE_SELECT_TAG);
	assert_string_equal(rule->sources[1].name, "admin");
	assert_int_equal(rule->sources[2].kind, SLUICE_SELECT_RANGE);
	assert_string_equal(sluice_address_text(&rule->sources[2].last, text), "10.0.0.9");
	assert_int_equal(rule->destinations[1].kind, SLUICE_SELECT_ASG);
	assert_string_equal(rule->destinations[1].name, "123");
	assert_int_equal(rule->destination_ports[1].last, 8090);
	assert_int_equal(config->nsgs[0].rules[1].direction, DIRECTION_OUTBOUND);
	assert_int_equal(config->nsgs[0].rules[1].icmp_type, 8);
	assert_int_equal(config->nsgs[0].rules[1].icmp_code, 0);
	assert_int_equal(port->mac[5], 0x56);
	assert_string_equal(sluice_address_text(&port->addresses[1], text), "fd00:1:0:1::4");
	assert_true(port->allow_spoofing && port->allow_dhcp_server && port->allow_router_advert);
	assert_int_equal(port->flow_limit, 500);
	assert_int_equal(config->ports[1].flow_limit, 0);
	assert_false(config->ports[1].allow_spoofing);
	assert_null(config->ports[1].nsg);
	sluice_config_free(config);
}

static void a_star_in_a_list_is_anything(void **state)
{
	struct sluice_config *config = document_read(
		"apiVersion: sluice/v1\n"
		"nsgs: {a: {rules: [{name: r, priority: 100, direction: Inbound, access: Deny, "
		"sources: [10.0.0.0/8, \"*\"], sourcePorts: [\"*\"], protocol: \"*\"}]}}\n");

	(void)state;
	assert_int_equal(config->nsgs[0].rules[0].source_count, 0);
	assert_int_equal(config->nsgs[0].rules[0].source_port_count, 0);
	assert_int_equal(config->nsgs[0].rules[0].protocol, SLUICE_ANY);
	sluice_config_free(config);
}

static void a_built_in_tag_is_read_in_any_case_and_in_azures_words(void **state)
{
	struct sluice_config *config = document_read(
		"apiVersion: sluice/v1\n"
		"nsgs: {a: {rules: [{name: r, priority: 100, direction: Inbound, access: Deny, "
		"sources: [INTERNET, azureLoadBalancer, virtualnetwork, LoadBalancer]}]}}\n");
	const struct sluice_selector *sources = config->nsgs[0].rules[0].sources;
	char *text = document_text(config);

	(void)state;
	assert_string_equal(sources[0].name, "Internet");
	assert_string_equal(sources[1].name, "LoadBalancer");
	assert_string_equal(sources[2].name, "VirtualNetwork");
	assert_string_equal(sources[3].name, "LoadBalancer");
	assert_non_null(strstr(text, "Internet"));
	assert_null(strstr(text, "INTERNET"));
	free(text);
	sluice_config_free(config);
}

static void everything_ends_at_its_family(void **state)
{
	struct sluice_config *config =
		document_read("apiVersion: sluice/v1\n"
			      "tags: {four: [0.0.0.0/0], six: [\"::/0\"]}\n");
	const struct sluice_selector *four = &config->tags[0].prefixes[0];
	const struct sluice_selector *six = &config->tags[1].prefixes[0];
	char text[INET6_ADDRSTRLEN];

	(void)state;
	assert_true(sluice_address_is_ipv4(&four->first) && sluice_address_is_ipv4(&four->last));
	assert_string_equal(sluice_address_text(&four->last, text), "255.255.255.255");
	assert_false(sluice_address_is_ipv4(&six->first) || sluice_address_is_ipv4(&six->last));
	sluice_config_free(config);
}

static void a_copy_is_equal_and_its_own(void **state)
{
	struct sluice_config *config = document_read(document_full), *copy;
	struct sluice_error error;
	json_t *changes;

	(void)state;
	assert_int_equal(sluice_config_copy(config, &copy, &error), 0);
	changes = sluice_config_diff(config, copy);
	assert_int_equal(json_array_size(changes), 0);
	json_decref(changes);
	sluice_config_free(config);
	assert_same_text(copy, document_full);
	assert_string_equal(copy->file, "test.yaml");
	assert_int_equal(copy->ports[0].place.line, 39);
	sluice_config_free(copy);
}

static unsigned int vni_of(const struct sluice_config *config, const char *name)
{
	for (size_t i = 0; i < config->vnet_count; i++) {
		if (!strcmp(config->vnets[i].name, name))
			return config->vnets[i].vni;
	}
	return 0;
}

static void a_vnet_keeps_its_vni_whatever_vnets_come_before_it(void **state)
{
	struct sluice_config *one =
		document_read("apiVersion: sluice/v1\n"
			      "vnets: [{name: blue, prefixes: [10.0.0.0/8]}]\n");
	struct sluice_config *more = document_read(
		"apiVersion: sluice/v1\n"
		"vnets: [{name: aqua, prefixes: [10.0.0.0/8]}, {name: green, prefixes: "
		"[10.0.0.0/8]}, {name: blue, prefixes: [10.0.0.0/8]}]\n");

	(void)state;
	assert_in_range(vni_of(one, "blue"), 1, 0xffffff);
	assert_int_equal(vni_of(one, "blue"), vni_of(more, "blue"));
	assert_int_not_equal(vni_of(more, "aqua"), vni_of(more, "green"));
	sluice_config_free(one);
	sluice_config_free(more);
}

static void a_vnet_moves_on_when_its_vni_is_taken(void **state)
{
	struct sluice_config *alone =
		document_read("apiVersion: sluice/v1\n"
			      "vnets: [{name: blue, prefixes: [10.0.0.0/8]}]\n");
	struct sluice_config *beside;
	char text[200];

	(void)state;
	snprintf(text, sizeof(text),
		 "apiVersion: sluice/v1\nvnets: [{name: blue, prefixes: [10.0.0.0/8]}, "
		 "{name: other, vni: %u, prefixes: [10.0.0.0/8]}]\n",
		 alone->vnets[0].vni);
	beside = document_read(text);
	assert_int_equal(vni_of(beside, "other"), alone->vnets[0].vni);
	assert_int_equal(vni_of(beside, "blue"), alone->vnets[0].vni + 1);
	sluice_config_free(alone);
	sluice_config_free(beside);
}

/* Two names that lead to one number: which of them moves on does not depend on the file's order. */
static void two_vnets_that_meet_are_told_apart_by_name(void **state)
{
	struct sluice_config *config = document_read(
		"apiVersion: sluice/v1\nvnets: [{name: net1048, prefixes: [10.0.0.0/8]}, "
		"{name: net15025, prefixes: [10.0.0.0/8]}]\n");
	struct sluice_config *turned = document_read(
		"apiVersion: sluice/v1\nvnets: [{name: net15025, prefixes: [10.0.0.0/8]}, "
		"{name: net1048, prefixes: [10.0.0.0/8]}]\n");

	(void)state;
	assert_int_equal(vni_of(config, "net15025"), vni_of(config, "net1048") + 1);
	assert_int_equal(vni_of(turned, "net15025"), vni_of(turned, "net1048") + 1);
	sluice_config_free(config);
	sluice_config_free(turned);
}

/* Valid documents of every shape: written, copied and read they stay what they are, and a change
 * is as many changes one way as the other. */
static void random_documents_stay_what_they_are(void **state)
{
	struct random random = { .state = 7 };

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct sluice_config *config, *changed, *copy;
		struct sluice_error error;
		struct random_plan plan;
		json_t *there, *back;
		const char *wrong;
		char *text;

		random_plan_draw(&plan, &random);
		config = random_document_read(&plan);
		random_plan_change(&plan, &random);
		changed = random_document_read(&plan);
		assert_true(config && changed);
		text = document_text(config);
		wrong = document_check(text, strlen(text));
		if (wrong)
			fail_msg("%s:\n%s", wrong, text);
		assert_int_equal(sluice_config_copy(config, &copy, &error), 0);
		assert_same_text(copy, text);
		there = sluice_config_diff(copy, changed);
		back = sluice_config_diff(changed, config);
		assert_int_equal(json_array_size(there), json_array_size(back));
		json_decref(there);
		json_decref(back);
		free(text);
		sluice_config_free(copy);
		sluice_config_free(config);
		sluice_config_free(changed);
	}
}

static void an_empty_document_is_a_switch_with_a_name(void **state)
{
	struct sluice_config *config, *again;
	struct sluice_error error;
	char *text;

	(void)state;
	assert_int_equal(sluice_config_new("sw9", &config, &error), 0);
	assert_int_equal(sluice_config_validate(config, &error), 0);
	text = document_text(config);
	assert_string_equal(text, "apiVersion: sluice/v1\nswitch: {name: sw9}\n");
	again = document_read(text);
	assert_string_equal(again->name, "sw9");
	free(text);
	sluice_config_free(config);
	sluice_config_free(again);
	assert_int_equal(sluice_config_new("../x", &config, &error), -EINVAL);
}

static void a_file_that_is_not_there_is_named(void **state)
{
	struct sluice_config *config = NULL;
	struct sluice_error error;

	(void)state;
	assert_int_equal(sluice_config_read("/nonexistent/net.yaml", &config, &error), -ENOENT);
	assert_string_equal(error.message,
			    "can not read /nonexistent/net.yaml: No such file or directory");
	assert_int_equal(sluice_config_read("/", &config, &error), -EISDIR);
	assert_null(config);
}

static void a_full_disk_is_an_error(void **state)
{
	struct sluice_config *config = document_read(document_full);
	FILE *full = fopen("/dev/full", "w");
	struct sluice_error error;

	(void)state;
	assert_non_null(full);
	assert_int_equal(sluice_config_write(config, full, &error), -ENOSPC);
	fclose(full);
	sluice_config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_canonical_document_is_written_as_it_was_read),
		cmocka_unit_test(a_document_in_any_spelling_becomes_canonical),
		cmocka_unit_test(names_that_yaml_would_guess_at_are_text),
		cmocka_unit_test(the_full_document_means_what_it_says),
		cmocka_unit_test(a_star_in_a_list_is_anything),
		cmocka_unit_test(a_built_in_tag_is_read_in_any_case_and_in_azures_words),
		cmocka_unit_test(everything_ends_at_its_family),
		cmocka_unit_test(a_copy_is_equal_and_its_own),
		cmocka_unit_test(a_vnet_keeps_its_vni_whatever_vnets_come_before_it),
		cmocka_unit_test(a_vnet_moves_on_when_its_vni_is_taken),
		cmocka_unit_test(two_vnets_that_meet_are_told_apart_by_name),
		cmocka_unit_test(random_documents_stay_what_they_are),
		cmocka_unit_test(an_empty_document_is_a_switch_with_a_name),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
		cmocka_unit_test(a_full_disk_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
