// SPDX-License-Identifier: BSD-2-Clause
/*
 * Single things of a document, added, changed and taken out as the command line does it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/sluice.h"
#include "tests/harness/document.h"
#include "tests/harness/unit.h"

/* SET("key", "value", ...) is one setting. */
#define SET(name, ...)                                                             \
	{                                                                          \
		.key = name, .values = (const char *const[]){ __VA_ARGS__, NULL }, \
		.count = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)  \
	}
#define EMPTY(name)         \
	{                   \
		.key = name \
	}
#define SETTINGS(...)                                                    \
	(const struct sluice_setting[]){ __VA_ARGS__ },                  \
		sizeof((const struct sluice_setting[]){ __VA_ARGS__ }) / \
			sizeof(struct sluice_setting)

static struct sluice_config *config;
static struct sluice_error error;

static int open_document(void **state)
{
	(void)state;
	config = document_read(document_full);
	memset(&error, 0, sizeof(error));
	return 0;
}

static int close_document(void **state)
{
	(void)state;
	sluice_config_free(config);
	return 0;
}

static void assert_unchanged(void)
{
	char *text = document_text(config);

	assert_string_equal(text, document_full);
	free(text);
}

static void a_rule_is_added_with_its_settings(void **state)
{
	const struct sluice_rule *rule;

	(void)state;
	assert_int_equal(
		sluice_config_add(config, SLUICE_NSG_RULE, "web", "ssh",
				  SETTINGS(SET("priority", "200"), SET("direction", "Inbound"),
					   SET("access", "Allow"), SET("protocol", "tcp"),
					   SET("sources", "10.1.0.0/16", "asg:frontends"),
					   SET("destinationPorts", "22", "2222-2223")),
				  NULL, &error),
		0);
	assert_int_equal(config->nsgs[0].rule_count, 3);
	rule = &config->nsgs[0].rules[2];
	assert_string_equal(rule->name, "ssh");
	assert_int_equal(rule->priority, 200);
	assert_int_equal(rule->protocol, 6);
	assert_int_equal(rule->source_count, 2);
	assert_int_equal(rule->destination_port_count, 2);
	assert_int_equal(rule->icmp_type, SLUICE_ANY);
	assert_int_equal(sluice_config_validate(config, &error), 0);
}

static void an_acl_rule_is_put_before_another(void **state)
{
	(void)state;
	assert_int_equal(
		sluice_config_add(config, SLUICE_ACL_RULE, "platform", "first",
				  SETTINGS(SET("direction", "Inbound"), SET("access", "Deny")),
				  "no-smtp", &error),
		0);
	assert_int_equal(
		sluice_config_add(config, SLUICE_ACL_RULE, "platform", "middle",
				  SETTINGS(SET("direction", "Inbound"), SET("access", "Deny")),
				  "rest", &error),
		0);
	assert_string_equal(config->acls[0].rules[0].name, "first");
	assert_string_equal(config->acls[0].rules[1].name, "no-smtp");
	assert_string_equal(config->acls[0].rules[2].name, "middle");
	assert_string_equal(config->acls[0].rules[3].name, "rest");
	assert_int_equal(
		sluice_config_add(config, SLUICE_ACL_RULE, "platform", "x",
				  SETTINGS(SET("direction", "Inbound"), SET("access", "Deny")),
				  "gone", &error),
		-ENOENT);
	assert_string_equal(error.message, "there is no acl rule \"gone\" to stand before");
}

static void things_of_every_kind_are_added_and_taken_out_again(void **state)
{
	static const struct {
		enum sluice_kind kind;
		const char *parent;
		const char *name;
	} things[] = {
		{ SLUICE_UPLINK, NULL, "eth9" },   { SLUICE_VNET, NULL, "red" },
		{ SLUICE_SUBNET, "blue", "mail" }, { SLUICE_TAG, NULL, "office" },
		{ SLUICE_ASG, NULL, "backends" },  { SLUICE_ACL, NULL, "third" },
		{ SLUICE_ACL_RULE, "own", "r" },   { SLUICE_NSG, NULL, "db" },
		{ SLUICE_NSG_RULE, "empty", "r" }, { SLUICE_PORT, NULL, "vm3" },
		{ SLUICE_LB, NULL, "mail" },
	};
	const struct sluice_setting every[] = {
		SET("prefixes", "10.1.9.0/24"),
		SET("device", "tap3"),
		SET("vnet", "blue"),
		SET("subnet", "web"),
		SET("mac", "52:54:00:00:00:03"),
		SET("priority", "300"),
		SET("direction", "Outbound"),
		SET("access", "Deny"),
		SET("frontend", "10.1.0.25:25"),
		SET("protocol", "Tcp"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(things) / sizeof(things[0]); i++) {
		struct sluice_setting needed[8];
		size_t count = 0;
		json_t *json;

		for (const struct sluice_field *field = sluice_fields(things[i].kind); field->key;
		     field++)
			for (size_t j = 0; field->required && j < sizeof(every) / sizeof(every[0]);
			     j++)
				if (!strcmp(every[j].key, field->key))
					needed[count++] = every[j];
		assert_int_equal(sluice_config_add(config, things[i].kind, things[i].parent,
						   things[i].name, needed, count, NULL, &error),
				 0);
		assert_int_equal(sluice_config_validate(config, &error), 0);
		json = sluice_config_json(config, things[i].kind, things[i].parent, things[i].name);
		assert_non_null(json);
		json_decref(json);
		assert_int_equal(sluice_config_add(config, things[i].kind, things[i].parent,
						   things[i].name, needed, count, NULL, &error),
				 -EEXIST);
	}
	for (size_t i = sizeof(things) / sizeof(things[0]); i--;) {
		assert_int_equal(sluice_config_delete(config, things[i].kind, things[i].parent,
						      things[i].name, &error),
				 0);
		assert_int_equal(sluice_config_delete(config, things[i].kind, things[i].parent,
						      things[i].name, &error),
				 -ENOENT);
	}
	assert_unchanged();
}

static void an_update_touches_what_it_names(void **state)
{
	const struct sluice_port *port = &config->ports[0];

	(void)state;
	assert_int_equal(sluice_config_update(config, SLUICE_PORT, NULL, "vm1",
					      SETTINGS(SET("guards.spoofing", "deny"), EMPTY("nsg"),
						       SET("acl", ""), SET("addresses", "10.1.1.5"),
						       EMPTY("asgs"), EMPTY("flowLimit")),
					      &error),
			 0);
	assert_false(port->allow_spoofing);
	assert_true(port->allow_dhcp_server);
	assert_null(port->nsg);
	assert_null(port->acl);
	assert_int_equal(port->address_count, 1);
	assert_int_equal(port->asg_count, 0);
	assert_int_equal(port->flow_limit, 0);
	assert_string_equal(port->device, "red/eth0");
	assert_int_equal(sluice_config_update(config, SLUICE_SWITCH, NULL, NULL,
					      SETTINGS(SET("tcp", "strict")), &error),
			 0);
	assert_false(config->tcp_loose);
	assert_string_equal(config->name, "sw7");
	assert_int_equal(sluice_config_update(config, SLUICE_NSG, NULL, "web",
					      SETTINGS(SET("existingFlows", "recheck")), &error),
			 0);
	assert_int_equal(config->nsgs[0].rule_count, 2);
}

static void a_list_can_be_made_any_again(void **state)
{
	(void)state;
	assert_int_equal(sluice_config_update(
				 config, SLUICE_NSG_RULE, "web", "https",
				 SETTINGS(SET("sources", "10.0.0.1", "*"), EMPTY("destinations")),
				 &error),
			 0);
	assert_int_equal(config->nsgs[0].rules[0].source_count, 0);
	assert_int_equal(config->nsgs[0].rules[0].destination_count, 0);
}

static void a_refused_update_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(
		sluice_config_update(config, SLUICE_NSG_RULE, "web", "https",
				     SETTINGS(SET("access", "Deny"), SET("sources", "10.0.0.1"),
					      SET("priority", "50")),
				     &error),
		-EINVAL);
	assert_string_equal(error.message, "priority: 50 is not within 100 to 4096");
	assert_unchanged();
	assert_int_equal(sluice_config_add(config, SLUICE_PORT, NULL, "vm3",
					   SETTINGS(SET("device", "tap3"), SET("vnet", "blue")),
					   NULL, &error),
			 -EINVAL);
	assert_string_equal(error.message, "subnet: port \"vm3\" needs one (subnet)");
	assert_unchanged();
}

static void assert_update_refused(enum sluice_kind kind, const char *parent, const char *name,
				  struct sluice_setting setting, int code, const char *message)
{
	assert_int_equal(sluice_config_update(config, kind, parent, name, &setting, 1, &error),
			 code);
	assert_string_equal(error.message, message);
	assert_unchanged();
}

static void errors_name_the_key_or_the_thing(void **state)
{
	struct sluice_setting setting = SET("mac", "x", "y");

	(void)state;
	assert_update_refused(SLUICE_PORT, NULL, "vm1", setting, -EINVAL,
			      "mac: takes one value, \"y\" is one too many");
	setting.count = 1;
	assert_update_refused(SLUICE_PORT, NULL, "vm1", setting, -EINVAL,
			      "mac: \"x\" is not a MAC address; "
			      "write it like 52:54:00:12:34:56");
	setting.count = 0;
	assert_update_refused(SLUICE_PORT, NULL, "vm1", setting, -EINVAL,
			      "mac: the port needs one");
	assert_update_refused(SLUICE_PORT, NULL, "vm9", setting, -ENOENT,
			      "there is no port \"vm9\"");
	assert_update_refused(SLUICE_PORT, NULL, NULL, setting, -EINVAL, "the port is not named");
	assert_update_refused(SLUICE_SUBNET, "blue", "x", setting, -ENOENT,
			      "there is no subnet \"blue/x\"");
	assert_update_refused(SLUICE_SUBNET, "red", "x", setting, -ENOENT,
			      "there is no vnet \"red\"");
	assert_update_refused(SLUICE_NSG_RULE, NULL, "x", setting, -EINVAL,
			      "which nsg is the nsg rule in? It is not named");
	setting.key = "macs";
	assert_update_refused(SLUICE_UPLINK, NULL, "eth0", setting, -EINVAL,
			      "unknown key \"macs\" in an uplink; there are: device, hook, vfs, cpus");
	setting.key = "prefixes";
	assert_update_refused(SLUICE_VNET, NULL, "blue", setting, -EINVAL,
			      "prefixes: the vnet needs at least one");
	assert_int_equal(sluice_config_update(config, SLUICE_UPLINK, NULL, "eth0",
					      SETTINGS(SET("hook", "tc"), SET("hook", "xdp")),
					      &error),
			 -EINVAL);
	assert_string_equal(error.message, "hook: given twice");
	assert_int_equal(sluice_config_add(config, SLUICE_ASG, NULL, "a/b", NULL, 0, NULL, &error),
			 -EINVAL);
	assert_int_equal(
		sluice_config_add(config, SLUICE_SWITCH, NULL, "sw1", NULL, 0, NULL, &error),
		-EINVAL);
	assert_int_equal(sluice_config_delete(config, SLUICE_SWITCH, NULL, "sw7", &error), -EINVAL);
	assert_unchanged();
}

static void what_is_still_used_is_named_when_it_is_gone(void **state)
{
	(void)state;
	assert_int_equal(sluice_config_delete(config, SLUICE_NSG, NULL, "web", &error), 0);
	assert_int_equal(sluice_config_validate(config, &error), -EINVAL);
	assert_string_equal(error.message,
			    "nsg \"web\" would be gone, but subnet \"blue/web\" uses it");
	/* The document is not the file's any more. */
	assert_string_equal(error.file, "");
	assert_int_equal(error.line, 0);
}

static void a_new_vnet_gets_a_vni(void **state)
{
	(void)state;
	assert_int_equal(sluice_config_add(config, SLUICE_VNET, NULL, "red",
					   SETTINGS(SET("prefixes", "10.0.0.0/8")), NULL, &error),
			 0);
	assert_in_range(config->vnets[2].vni, 1, 0xffffff);
	assert_int_equal(sluice_config_update(config, SLUICE_VNET, NULL, "red",
					      SETTINGS(EMPTY("vni")), &error),
			 0);
	assert_in_range(config->vnets[2].vni, 1, 0xffffff);
}

static void many_things_are_added_and_taken_out(void **state)
{
	char name[16];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 200; i++) {
			snprintf(name, sizeof(name), "asg%d", i);
			assert_int_equal(sluice_config_add(config, SLUICE_ASG, NULL, name, NULL, 0,
							   i & 1 ? "frontends" : NULL, &error),
					 0);
		}
		for (int i = 0; i < 200; i++) {
			snprintf(name, sizeof(name), "asg%d", (i * 7) % 200);
			assert_int_equal(
				sluice_config_delete(config, SLUICE_ASG, NULL, name, &error), 0);
		}
	}
	assert_unchanged();
}

static void json_has_the_files_keys(void **state)
{
	json_t *port = sluice_config_json(config, SLUICE_PORT, NULL, "vm2");
	json_t *rules = sluice_config_json(config, SLUICE_NSG_RULE, "web", NULL);
	json_t *tag = sluice_config_json(config, SLUICE_TAG, NULL, "admin");
	json_t *sw = sluice_config_json(config, SLUICE_SWITCH, NULL, NULL);
	char *text = json_dumps(port, JSON_COMPACT);

	(void)state;
	assert_string_equal(text,
			    "{\"name\":\"vm2\",\"device\":\"tap-vm2\",\"hook\":\"auto\","
			    "\"vnet\":\"green\",\"subnet\":\"web\",\"mac\":\"52:54:00:12:34:56\","
			    "\"addresses\":[\"10.1.1.4\"],\"nsg\":null,\"acl\":null,\"asgs\":[],"
			    "\"guards\":{\"spoofing\":\"deny\",\"dhcpServer\":\"allow\","
			    "\"routerAdvert\":\"deny\"},\"flowLimit\":null,"
			    "\"acceleration\":{\"mode\":\"off\",\"device\":null,\"vf\":\"any\",\"queues\":null,"
			    "\"whenDead\":\"drop\"},\"cpus\":null}");
	free(text);
	text = json_dumps(json_array_get(rules, 1), JSON_COMPACT);
	assert_string_equal(
		text, "{\"name\":\"ping\",\"priority\":100,\"direction\":\"Outbound\","
		      "\"access\":\"Deny\",\"protocol\":\"Icmp\",\"icmpType\":8,\"icmpCode\":0,"
		      "\"sources\":[\"VirtualNetwork\"],\"sourcePorts\":[\"*\"],"
		      "\"destinations\":[\"*\"],\"destinationPorts\":[\"*\"]}");
	free(text);
	text = json_dumps(tag, JSON_COMPACT);
	assert_string_equal(text, "{\"name\":\"admin\",\"prefixes\":[\"198.51.100.0/24\","
				  "\"203.0.113.7\",\"2001:db8::1-2001:db8::9\"]}");
	free(text);
	text = json_dumps(sw, JSON_COMPACT);
	assert_string_equal(text, "{\"name\":\"sw7\",\"tcp\":\"loose\",\"flows\":262144}");
	free(text);
	json_decref(port);
	json_decref(rules);
	json_decref(tag);
	json_decref(sw);
	assert_null(sluice_config_json(config, SLUICE_PORT, NULL, "vm9"));
	assert_null(sluice_config_json(config, SLUICE_NSG_RULE, "none", NULL));
	assert_null(sluice_config_json(config, SLUICE_NSG_RULE, NULL, NULL));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_document, close_document)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_rule_is_added_with_its_settings),
		TEST(an_acl_rule_is_put_before_another),
		TEST(things_of_every_kind_are_added_and_taken_out_again),
		TEST(an_update_touches_what_it_names),
		TEST(a_list_can_be_made_any_again),
		TEST(a_refused_update_changes_nothing),
		TEST(errors_name_the_key_or_the_thing),
		TEST(what_is_still_used_is_named_when_it_is_gone),
		TEST(a_new_vnet_gets_a_vni),
		TEST(many_things_are_added_and_taken_out),
		TEST(json_has_the_files_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
