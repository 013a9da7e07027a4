// SPDX-License-Identifier: BSD-2-Clause
/*
 * What bad documents get: a sentence, and the place (tests/harness/refused.h). What is wrong about
 * other networks is in config_refused_networks.c.
 */
#include "tests/harness/refused.h"

#define RULE(rest)                                                           \
	"nsgs: {web: {rules: [{name: a, priority: 100, direction: Inbound, " \
	"access: Allow, " rest "}]}}\n"
static const struct bad bad_documents[] = {
	/* the file as such */
	{ "an_empty_file", "@", "the file is empty; it begins with \"apiVersion: sluice/v1\"" },
	{ "a_list_instead_of_a_document", "@[]",
	  "document: here stands a list; it is a map, {KEY: VALUE}" },
	{ "no_api_version", "@switch: {name: sw0}\n", "this document has no \"apiVersion\"" },
	{ "an_api_version_of_the_future", "apiVersion: @sluice/v2\n",
	  "apiVersion: \"sluice/v2\" is not a format this version reads; write \"sluice/v1\"" },
	{ "an_api_version_without_value", "apiVersion:@\n", "apiVersion: a value is missing" },
	{ "a_second_document", HEAD "@---\n" HEAD,
	  "a second document begins here; a file has one" },
	{ "broken_yaml", HEAD "ports: [{name: a\n@",
	  "this is not YAML: did not find expected ',' or '}' "
	  "while parsing a flow mapping" },
	{ "a_tab_for_indent", HEAD "ports:\n@\t- name: a\n",
	  "this is not YAML: found character that "
	  "cannot start any token while scanning for the next token" },
	{ "an_alias", HEAD "asgs: [&a web, @*a]\n",
	  "aliases (\"*a\") are not read here; write the value "
	  "out, or in quotes if it shall begin with a star" },
	{ "a_tag_of_yaml", HEAD "asgs: [@!!python/object web]\n",
	  "tags (\"!...\") are not read here; a key's type is known" },
	{ "a_nul_in_a_value", HEAD "asgs: [@\"a\\0b\"]\n", "a value can not hold a NUL character" },
	{ "a_map_as_key", HEAD "@{a: b}: c\n", "here stands a map; a key is a single word" },

	/* keys */
	{ "an_unknown_key", HEAD "@prots: []\n",
	  "unknown key \"prots\" in a document; did you mean "
	  "\"ports\"? There are: apiVersion, switch, uplinks, tunnel, remotes, vnets, routes, tags, asgs, "
	  "acls, nsgs, ports, steers, nat, lbs" },
	{ "an_unknown_key_like_no_other", HEAD "switch: {@xyzzy: 1}\n",
	  "unknown key \"xyzzy\" in a switch; there are: name, tcp, flows" },
	{ "an_unknown_nested_key", HEAD BLUE PORT(MAC ", guards: {@spofing: allow}"),
	  "unknown key \"guards.spofing\" in a port; did you mean \"guards.spoofing\"? There are: "
	  "spoofing, dhcpServer, routerAdvert" },
	{ "a_nested_key_with_a_dot", HEAD BLUE PORT("@guards.spoofing: allow"),
	  "unknown key \"guards.spoofing\" in a port; there are: name, device, hook, vnet, subnet, mac, "
	  "addresses, nsg, acl, asgs, guards, flowLimit, acceleration, cpus" },
	{ "a_priority_on_an_acl_rule",
	  HEAD "acls: [{name: a, rules: [{name: b, @priority: 100}]}]\n",
	  "unknown key \"priority\" in an acl rule; there are: name, direction, access, protocol, "
	  "icmpType, icmpCode, sources, sourcePorts, destinations, destinationPorts" },
	{ "a_name_inside_an_nsg", HEAD "nsgs: {web: {@name: x}}\n",
	  "unknown key \"name\" in an nsg; there are: existingFlows, rules" },
	{ "a_key_twice", HEAD "switch: {name: a, tcp: loose, @name: b}\n",
	  "name: the key is there twice" },
	{ "a_nested_map_twice",
	  HEAD BLUE PORT("guards: {spoofing: deny}, @guards: {dhcpServer: deny}"),
	  "guards: the key is there twice" },
	{ "a_key_of_a_list_twice", HEAD "asgs: [a]\n@asgs: [b]\n", "asgs: the key is there twice" },
	{ "a_port_without_mac",
	  HEAD BLUE "ports:\n  - @{name: vm1, device: tap1, vnet: blue, subnet: web}\n",
	  "port \"vm1\" has no \"mac\"" },
	{ "a_port_without_name", HEAD "ports:\n  - @device: tap1\n", "this port has no \"name\"" },
	{ "a_rule_without_access",
	  HEAD "nsgs:\n  web:\n    rules:\n      - @name: a\n"
	       "        priority: 100\n        direction: Inbound\n",
	  "nsg rule \"a\" has no \"access\"" },

	/* shapes */
	{ "a_value_for_a_list", HEAD "vnets: [{name: blue, prefixes: @10.1.0.0/16}]\n",
	  "prefixes: here stands a single value; it is a list, [A, B]" },
	{ "a_map_for_a_list", HEAD "ports: @{a: b}\n",
	  "ports: here stands a map; it is a list of maps, [{KEY: VALUE}]" },
	{ "a_list_for_a_map", HEAD "nsgs: @[{name: web}]\n",
	  "nsgs: here stands a list; it is a map, {NAME: ...}" },
	{ "a_list_for_a_value", HEAD "ports: [{name: @[a]}]\n",
	  "name: here stands a list; it is a single value" },
	{ "a_map_in_a_list_of_values", HEAD RULE("sources: [@{a: b}]"),
	  "sources: here stands a map; it is a list of single values" },
	{ "maps_for_asgs", HEAD "asgs: [@{name: web}]\n",
	  "name: here stands a map; it is a single value" },
	{ "an_empty_list_of_sources", HEAD RULE("sources: @[]"),
	  "sources: the list is empty; leave it out, or write [\"*\"], for any" },
	{ "a_vnet_with_no_prefix", HEAD "vnets: [{name: blue, prefixes: @[]}]\n",
	  "prefixes: the vnet needs at least one" },

	/* what this version can not do */
	{ "segments", HEAD "segments: @[{name: lan}]\n",
	  "segments: this version can not do that yet; take it out" },
	{ "offload_by_xdp", HEAD BLUE PORT(MAC ", hook: xdp, acceleration: {mode: @offload}"),
	  "port \"vm1\": acceleration.mode offload works through tc: set hook: auto" },
	{ "offload_of_two_devices",
	  HEAD BLUE PORT(MAC ", acceleration: {mode: @offload, device: eth7}"),
	  "port \"vm1\": acceleration.mode offload takes no acceleration.device: the representor is "
	  "the port's device" },
	{ "a_vf_of_no_nic", HEAD BLUE PORT(MAC ", acceleration: {mode: @vf}"),
	  "port \"vm1\": acceleration.mode vf needs acceleration.device, the NIC whose VF the port "
	  "has, which is an uplink of the switch" },
	{ "a_vf_of_what_is_no_uplink",
	  HEAD BLUE PORT(MAC ", acceleration: {mode: vf, device: @eth0}"),
	  "port \"vm1\": acceleration.mode vf needs acceleration.device, the NIC whose VF the port "
	  "has, which is an uplink of the switch" },
	{ "an_uplink_that_is_to_carry_a_port",
	  HEAD "uplinks: [{device: eth0}]\n" BLUE
	  PORT(MAC ", acceleration: {mode: @auto, device: eth0}"),
	  "port \"vm1\": \"eth0\" is an uplink, of which the port can have a VF: write \"vf\" in place of "
	  "\"auto\"" },
	{ "a_vf_beyond_those_to_be_made",
	  HEAD "uplinks: [{device: eth0, vfs: 2}]\n" BLUE
	  PORT(MAC ", acceleration: {mode: vf, device: eth0, vf: @2}"),
	  "port \"vm1\": VF 2 of uplink \"eth0\" would be beyond its vfs: 2, which begin with VF 0" },
	{ "a_vf_of_an_uplink_on_tc",
	  HEAD "uplinks: [{device: eth0, hook: tc}]\n" BLUE
	  PORT(MAC ", acceleration: {mode: vf, device: @eth0}"),
	  "port \"vm1\": frames of VFs need native XDP, but hook of uplink \"eth0\" is another: write "
	  "\"auto\" or \"xdp\" there" },
	{ "no_number_of_a_vf",
	  HEAD BLUE PORT(MAC ", acceleration: {mode: vf, device: eth0, vf: @some}"),
	  "acceleration.vf: \"some\" is not a number" },
	{ "acceleration_of_one_device", HEAD BLUE PORT(MAC ", acceleration: {mode: @auto}"),
	  "port \"vm1\": acceleration.mode auto needs acceleration.device, a second device of the "
	  "port beside \"tap1\"" },
	{ "too_many_queues", HEAD BLUE PORT(MAC ", acceleration: {mode: af_xdp, queues: @17}"),
	  "acceleration.queues: 17 is not within 1 to 16" },
	{ "a_steer_to_nowhere",
	  HEAD BLUE PORT(MAC) "steers: [{name: s, vnet: blue, priority: 100, to: @vm2}]\n",
	  "port \"vm2\" does not exist, but steer \"s\" leads to it; did you mean \"vm1\"?" },
	{ "a_steer_in_no_vnet",
	  HEAD BLUE PORT(MAC) "steers: [{name: s, vnet: @red, priority: 100, to: vm1}]\n",
	  "vnet \"red\" does not exist, but steer \"s\" is in it" },
	{ "a_steer_to_a_queue",
	  HEAD BLUE PORT(MAC) "steers: [{name: s, vnet: blue, priority: 100, to: vm1, @queue: 2}]\n",
	  "a steer has no \"queue\": a socket is given frames of the queue they came in on only, "
	  "which the kernel chooses; to choose a socket, give each a port of one queue and name that "
	  "port in \"to\"" },
	{ "two_steers_of_one_priority",
	  HEAD BLUE PORT(MAC) "steers: [{name: s, vnet: blue, priority: 100, to: vm1}, "
			      "{name: t, vnet: blue, priority: @100, to: vm1}]\n",
	  "steers \"s\" and \"t\" have the same priority 100 in vnet \"blue\"; it must be unique "
	  "there" },
	{ "a_steer_by_ports_of_no_protocol",
	  HEAD BLUE PORT(MAC) "steers: [{name: s, vnet: blue, priority: 100, to: vm1, protocol: Icmp, "
			      "destinationPorts: [@\"80\"]}]\n",
	  "steer rule \"blue/s\" can never match: protocol Icmp has no ports; take the ports out" },
	{ "acceleration_of_no_kind", HEAD BLUE PORT(MAC ", acceleration: {mode: @fast}"),
	  "acceleration.mode: \"fast\" is not one of off, auto, vf, af_xdp or offload" },

	/* values */
	{ "a_choice_that_is_none", HEAD "uplinks: [{device: eth0, hook: @ebpf}]\n",
	  "hook: \"ebpf\" is not one of auto, xdp, tc or xdp-generic" },
	{ "a_name_with_a_slash", HEAD "asgs: [@a/b]\n",
	  "name: \"a/b\" is not a name; use letters, "
	  "digits, \"_\", \".\" and \"-\", a letter, digit or \"_\" first" },
	{ "a_name_that_climbs", HEAD "switch: {name: @..}\n",
	  "name: \"..\" is not a name; use letters, "
	  "digits, \"_\", \".\" and \"-\", a letter, digit or \"_\" first" },
	{ "a_name_of_64_letters",
	  HEAD "asgs: "
	       "[@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n",
	  "name: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" is too long; a name "
	  "has at most 63 characters" },
	{ "a_name_that_a_terminal_would_obey", HEAD "asgs: [@\"\\e[2J\"]\n",
	  "name: \"?[2J\" is not a "
	  "name; use letters, digits, \"_\", \".\" and \"-\", a letter, digit or \"_\" first" },
	{ "an_empty_name", HEAD "asgs: [@\"\"]\n", "name: a name can not be empty" },
	{ "a_device_of_16_letters", HEAD "uplinks: [{device: @abcdefghijklmnop}]\n",
	  "device: "
	  "\"abcdefghijklmnop\" is not a device's name, which has 1 to 15 characters" },
	{ "an_uplink_in_a_namespace", HEAD "uplinks: [{device: @red/eth0}]\n",
	  "device: \"red/eth0\" is not the name of a device" },
	{ "a_namespace_that_climbs", HEAD BLUE "ports: [{name: vm1, device: @../eth0}]\n",
	  "device: \"../eth0\": no network namespace has that name" },
	{ "a_mac_too_short", HEAD BLUE PORT("mac: @\"52:54:00:00:01\""),
	  "mac: \"52:54:00:00:01\" is not a MAC address; write it like 52:54:00:12:34:56" },
	{ "an_ipv4_prefix_with_host_bits", HEAD "vnets: [{name: blue, prefixes: [@10.1.2.0/16]}]\n",
	  "prefixes: \"10.1.2.0/16\" has host bits set; write 10.1.0.0/16" },
	{ "an_ipv6_prefix_with_host_bits",
	  HEAD "vnets: [{name: blue, prefixes: [@\"fd00:1::1/48\"]}]\n",
	  "prefixes: \"fd00:1::1/48\" has host bits set; write fd00:1::/48" },
	{ "an_ipv4_prefix_too_long", HEAD "vnets: [{name: blue, prefixes: [@10.1.0.0/33]}]\n",
	  "prefixes: \"10.1.0.0/33\": the prefix length of IPv4 is within 0 to 32" },
	{ "an_ipv6_prefix_too_long", HEAD "vnets: [{name: blue, prefixes: [@\"fd00::/129\"]}]\n",
	  "prefixes: \"fd00::/129\": the prefix length of IPv6 is within 0 to 128" },
	{ "a_prefix_without_length", HEAD "vnets: [{name: blue, prefixes: [@10.1.0.0]}]\n",
	  "prefixes: \"10.1.0.0\" is not a prefix; write one like 10.1.0.0/16 or fd00:1::/48" },
	{ "an_ipv4_address_in_disguise", HEAD RULE("sources: [@\"::ffff:10.1.1.4\"]"),
	  "sources: \"::ffff:10.1.1.4\" is an IPv4 address written as IPv6; write 10.1.1.4" },
	{ "an_address_with_a_zone", HEAD RULE("sources: [@\"fe80::1%eth0\"]"),
	  "sources: \"fe80::1%eth0\" is not an IPv4 or IPv6 address" },
	{ "an_address_with_octal_digits", HEAD RULE("sources: [@10.1.1.010]"),
	  "sources: \"10.1.1.010\" is not an IPv4 or IPv6 address" },
	{ "a_range_backwards", HEAD RULE("sources: [@10.1.1.9-10.1.1.4]"),
	  "sources: \"10.1.1.9-10.1.1.4\" ends before it begins; write the lower address first" },
	{ "a_range_of_both_families", HEAD RULE("sources: [Internet, @\"10.1.1.9-fd00::1\"]"),
	  "sources: \"10.1.1.9-fd00::1\" mixes IPv4 and IPv6; write two ranges" },
	{ "a_port_out_of_range", HEAD RULE("destinationPorts: [80, @65536]"),
	  "destinationPorts: 65536 is not within 0 to 65535" },
	{ "a_port_range_backwards", HEAD RULE("destinationPorts: [@90-80]"),
	  "destinationPorts: \"90-80\" ends before it begins; write 80-90" },
	{ "a_port_with_a_name", HEAD RULE("destinationPorts: [@http]"),
	  "destinationPorts: \"http\" is not a number" },
	{ "a_port_below_zero", HEAD RULE("destinationPorts: [@\"-1\"]"),
	  "destinationPorts: \"\" is not a number" },
	{ "a_priority_too_low", HEAD "nsgs: {web: {rules: [{name: a, priority: @99}]}}\n",
	  "priority: 99 is not within 100 to 4096" },
	{ "a_priority_too_high", HEAD "nsgs: {web: {rules: [{name: a, priority: @4097}]}}\n",
	  "priority: 4097 is not within 100 to 4096" },
	{ "a_priority_that_overflows",
	  HEAD "nsgs: {web: {rules: [{name: a, priority: "
	       "@18446744073709551716}]}}\n",
	  "priority: 18446744073709551716 is not within 100 to 4096" },
	{ "a_priority_in_octal", HEAD "nsgs: {web: {rules: [{name: a, priority: @0100}]}}\n",
	  "priority: \"0100\" is not a number" },
	{ "a_protocol_of_no_kind", HEAD RULE("protocol: @Http"),
	  "protocol: \"Http\" is not one of Tcp, "
	  "Udp, Icmp, Esp, Ah, a number within 0 to 255 or *" },
	{ "a_protocol_number_too_high", HEAD RULE("protocol: @256"),
	  "protocol: \"256\" is not one of "
	  "Tcp, Udp, Icmp, Esp, Ah, a number within 0 to 255 or *" },
	{ "a_vni_of_25_bits", HEAD "vnets: [{name: blue, vni: @16777216}]\n",
	  "vni: 16777216 is not within 1 to 16777215" },
	{ "a_tag_in_a_tag", HEAD "tags: {admin: [@Internet]}\n",
	  "prefixes: \"Internet\" is not an IPv4 or IPv6 address" },

	/* names against each other */
	{ "a_vnet_twice",
	  HEAD "vnets:\n  - {name: blue, prefixes: [10.1.0.0/16]}\n"
	       "  - {name: @blue, prefixes: [10.1.0.0/16]}\n",
	  "vnet \"blue\" is there twice, first in line 3" },
	{ "an_nsg_twice", HEAD "nsgs:\n  web: {}\n  @web: {}\n",
	  "nsg \"web\" is there twice, first in line 3" },
	{ "an_asg_twice", HEAD "asgs: [a, b, @a]\n", "asg \"a\" is there twice, first in line 2" },
	{ "an_uplink_twice", HEAD "uplinks: [{device: eth0}, {device: @eth0}]\n",
	  "uplink \"eth0\" is there twice, first in line 2" },
	{ "a_subnet_twice",
	  HEAD "vnets:\n  - {name: blue, prefixes: [10.1.0.0/16], subnets: [{name: a, "
	       "prefixes: [10.1.1.0/24]}, {name: @a, prefixes: [10.1.2.0/24]}]}\n",
	  "vnet \"blue\": subnet \"a\" is there twice, first in line 3" },
	{ "an_acl_rule_twice",
	  HEAD "acls: [{name: p, rules: [{name: a, direction: Inbound, access: Deny}, "
	       "{name: @a, direction: Inbound, access: Deny}]}]\n",
	  "acl \"p\": acl rule \"a\" is there twice, first in line 2" },
	{ "a_tag_named_like_a_built_in_one", HEAD "tags: {@internet: [192.0.2.0/24]}\n",
	  "tag \"internet\": Internet is built in; choose another name" },
	{ "a_tag_named_like_azures_load_balancer",
	  HEAD "tags: {@AzureLoadBalancer: [192.0.2.0/24]}\n",
	  "tag \"AzureLoadBalancer\": LoadBalancer is built in; choose another name" },
	{ "a_tag_that_reads_as_an_address", HEAD "tags: {@10.1: [192.0.2.0/24]}\n",
	  "tag \"10.1\" would read as an address; give it a letter" },
	{ "a_rule_named_like_a_built_in_one",
	  HEAD "nsgs: {web: {rules: [{name: @65500, priority: 100, "
	       "direction: Inbound, access: Allow}]}}\n",
	  "nsg rule \"web/65500\": that is the name of a built-in rule; choose another one" },

	/* networks */
	{ "two_vnets_of_one_vni",
	  HEAD "vnets: [{name: a, vni: 5, prefixes: [10.1.0.0/16]}, {name: b, "
	       "vni: @5, prefixes: [10.1.0.0/16]}]\n",
	  "vnet \"b\": vni 5 is vnet \"a\"'s already" },
	{ "a_vnet_that_overlaps_itself",
	  HEAD "vnets: [{name: blue, prefixes: [10.1.0.0/16, 10.2.0.0/16, "
	       "@10.1.128.0/17]}]\n",
	  "vnet \"blue\": prefix 10.1.128.0/17 overlaps its prefix 10.1.0.0/16" },
	{ "a_vnet_that_overlaps_itself_in_ipv6",
	  HEAD "vnets: [{name: blue, prefixes: [\"fd00:1:2::/64\", "
	       "@\"fd00:1::/32\"]}]\n",
	  "vnet \"blue\": prefix fd00:1::/32 overlaps its prefix fd00:1:2::/64" },
	{ "two_subnets_that_overlap",
	  HEAD "vnets: [{name: blue, prefixes: [10.1.0.0/16], subnets: [{name: "
	       "a, prefixes: [10.1.1.0/24]}, {name: b, prefixes: [@10.1.0.0/23]}]}]\n",
	  "subnet \"blue/b\": prefix 10.1.0.0/23 overlaps 10.1.1.0/24 of subnet \"blue/a\"" },
	{ "two_subnets_that_are_the_same",
	  HEAD
	  "vnets: [{name: blue, prefixes: [\"fd00:1::/48\"], subnets: "
	  "[{name: a, prefixes: [\"fd00:1::/64\"]}, {name: b, prefixes: [@\"fd00:1::/64\"]}]}]\n",
	  "subnet \"blue/b\": prefix fd00:1::/64 overlaps fd00:1::/64 of subnet \"blue/a\"" },
	{ "a_subnet_outside_its_vnet",
	  HEAD "vnets: [{name: blue, prefixes: [10.1.0.0/16], subnets: [{name: "
	       "a, prefixes: [@10.2.1.0/24]}]}]\n",
	  "subnet \"blue/a\": prefix 10.2.1.0/24 is not inside a prefix of the vnet" },
	{ "a_subnet_wider_than_its_vnet",
	  HEAD "vnets: [{name: blue, prefixes: [10.1.0.0/16], subnets: "
	       "[{name: a, prefixes: [@10.0.0.0/8]}]}]\n",
	  "subnet \"blue/a\": prefix 10.0.0.0/8 is not inside a prefix of the vnet" },
	{ "an_ipv6_subnet_in_an_ipv4_vnet",
	  HEAD "vnets: [{name: blue, prefixes: [0.0.0.0/0], subnets: "
	       "[{name: a, prefixes: [@\"fd00::/64\"]}]}]\n",
	  "subnet \"blue/a\": prefix fd00::/64 is not inside a prefix of the vnet" },
	{ "a_subnet_without_room",
	  HEAD "vnets: [{name: blue, prefixes: [10.1.0.0/16], subnets: [{name: "
	       "a, prefixes: [@10.1.1.0/31]}]}]\n",
	  "subnet \"blue/a\": prefix 10.1.1.0/31 has no room for a "
	  "gateway and a guest; the longest is /30" },
	{ "a_subnet_with_an_unknown_nsg",
	  HEAD "nsgs: {web: {}}\nvnets: [{name: blue, prefixes: "
	       "[10.1.0.0/16], subnets: [{name: a, prefixes: [10.1.1.0/24], nsg: @wep}]}]\n",
	  "nsg \"wep\" does not exist, but subnet \"blue/a\" uses it; did you mean \"web\"?" },

	/* rules */
	{ "two_rules_of_one_priority",
	  HEAD
	  "nsgs: {web: {rules: [{name: a, priority: 100, direction: "
	  "Inbound, access: Allow}, {name: b, priority: @100, direction: Inbound, access: Deny}]}}\n",
	  "nsg rules \"web/a\" and \"web/b\" have the same priority 100 Inbound; it must be unique in a "
	  "direction" },
	{ "ports_of_icmp", HEAD RULE("protocol: Icmp, destinationPorts: [@80]"),
	  "nsg rule \"web/a\" can never match: protocol Icmp has no ports; take the ports out" },
	{ "ports_of_esp", HEAD RULE("protocol: Esp, sourcePorts: [@80]"),
	  "nsg rule \"web/a\" can never match: protocol Esp has no ports; take the ports out" },
	{ "ports_of_protocol_47", HEAD RULE("protocol: 47, sourcePorts: [@80]"),
	  "nsg rule \"web/a\" can never match: protocol 47 has no ports; take the ports out" },
	{ "icmp_type_of_tcp", HEAD RULE("protocol: Tcp, icmpType: @8"),
	  "nsg rule \"web/a\": icmpType needs protocol Icmp, not Tcp" },
	{ "icmp_code_of_anything", HEAD RULE("icmpCode: @0"),
	  "nsg rule \"web/a\": icmpCode needs protocol Icmp, not *" },
	{ "an_unknown_tag", HEAD "tags: {admin: []}\n" RULE("sources: [admin, @admins]"),
	  "nsg rule \"web/a\": sources: tag \"admins\" does not exist; did you mean \"admin\"?" },
	{ "an_unknown_asg", HEAD RULE("destinations: [@asg:front]"),
	  "nsg rule \"web/a\": destinations: asg \"front\" does not exist" },
	{ "an_unknown_asg_in_an_acl",
	  HEAD "acls: [{name: p, rules: [{name: a, direction: Inbound, access: "
	       "Deny, sources: [@asg:x]}]}]\n",
	  "acl rule \"p/a\": sources: asg \"x\" does not exist" },

	/* ports */
	{ "a_port_in_an_unknown_vnet",
	  HEAD BLUE "ports: [{name: vm1, device: t, vnet: @bleu, subnet: web, " MAC "}]\n",
	  "vnet \"bleu\" does not exist, but port \"vm1\" is in it; did you mean \"blue\"?" },
	{ "a_port_in_an_unknown_subnet",
	  HEAD BLUE "ports: [{name: vm1, device: t, vnet: blue, subnet: "
		    "@mail, " MAC "}]\n",
	  "subnet \"blue/mail\" does not exist, but port \"vm1\" is in it" },
	{ "a_port_with_an_unknown_nsg", HEAD BLUE PORT(MAC ", nsg: @web"),
	  "nsg \"web\" does not exist, but port \"vm1\" uses it" },
	{ "a_port_with_an_unknown_acl", HEAD BLUE PORT(MAC ", acl: @own"),
	  "acl \"own\" does not exist, but port \"vm1\" uses it" },
	{ "a_port_in_an_unknown_asg", HEAD "asgs: [a]\n" BLUE PORT(MAC ", asgs: [a, @b]"),
	  "asg \"b\" does not exist, but port \"vm1\" is in it; did you mean \"a\"?" },
	{ "a_port_with_an_acl_of_the_switch", HEAD "acls: [{name: p}]\n" BLUE PORT(MAC ", acl: @p"),
	  "port \"vm1\": acl \"p\" applies to the switch; a port takes one with \"appliesTo: ports\"" },
	{ "a_multicast_mac", HEAD BLUE PORT("mac: @01:00:5e:00:00:01"),
	  "port \"vm1\": MAC "
	  "01:00:5e:00:00:01 is a group's (multicast), no device can have it" },
	{ "a_zero_mac", HEAD BLUE PORT("mac: @00:00:00:00:00:00"),
	  "port \"vm1\": the MAC is all zero" },
	{ "an_address_outside_the_subnet", HEAD BLUE PORT(MAC ", addresses: [10.1.1.4, @10.1.2.4]"),
	  "port \"vm1\": address 10.1.2.4 is outside subnet \"blue/web\" (10.1.1.0/24, ...)" },
	{ "an_ipv6_address_outside_the_subnet",
	  HEAD BLUE PORT(MAC ", addresses: [@\"fd00:1:0:2::4\"]"),
	  "port \"vm1\": address fd00:1:0:2::4 is outside subnet \"blue/web\" (10.1.1.0/24, ...)" },
	{ "the_gateways_address", HEAD BLUE PORT(MAC ", addresses: [@10.1.1.1]"),
	  "port \"vm1\": address "
	  "10.1.1.1 is the gateway's, which the switch answers; choose another one of 10.1.1.0/24" },
	{ "the_gateways_ipv6_address", HEAD BLUE PORT(MAC ", addresses: [@\"fd00:1:0:1::1\"]"),
	  "port \"vm1\": address fd00:1:0:1::1 is the gateway's, which the switch answers; choose another "
	  "one of fd00:1:0:1::/64" },
	{ "the_networks_address", HEAD BLUE PORT(MAC ", addresses: [@10.1.1.0]"),
	  "port \"vm1\": address "
	  "10.1.1.0 is the network's own address; choose another one of 10.1.1.0/24" },
	{ "the_broadcast_address", HEAD BLUE PORT(MAC ", addresses: [@10.1.1.255]"),
	  "port \"vm1\": "
	  "address 10.1.1.255 is the broadcast address; choose another one of 10.1.1.0/24" },
	{ "an_address_twice_in_a_port", HEAD BLUE PORT(MAC ", addresses: [10.1.1.4, @10.1.1.4]"),
	  "port \"vm1\": address 10.1.1.4 is port \"vm1\"'s already, in vnet \"blue\"" },
	{ "an_address_twice_in_a_vnet",
	  HEAD BLUE PORT(
		  MAC
		  ", addresses: [10.1.1.4]") "  - {name: vm2, "
					     "device: tap2, vnet: blue, subnet: web, mac: 52:54:00:00:00:02, addresses: [@10.1.1.4]}\n",
	  "port \"vm2\": address 10.1.1.4 is port \"vm1\"'s already, in vnet \"blue\"" },
	{ "a_mac_twice_in_a_vnet",
	  HEAD BLUE PORT(MAC) "  - {name: vm2, device: tap2, vnet: blue, subnet: "
			      "web, mac: @52:54:00:00:00:01}\n",
	  "port \"vm2\": MAC 52:54:00:00:00:01 is port \"vm1\"'s already, in vnet \"blue\"" },
	{ "a_device_twice",
	  HEAD BLUE PORT(MAC) "  - {name: vm2, device: @tap1, vnet: blue, subnet: web, "
			      "mac: 52:54:00:00:00:02}\n",
	  "port \"vm2\": device tap1 is port \"vm1\"'s already" },
	{ "an_uplink_as_a_port",
	  HEAD "uplinks: [{device: tap1}]\n" BLUE "ports: [{name: vm1, device: @tap1, "
	       "vnet: blue, subnet: web, " MAC "}]\n",
	  "port \"vm1\": device tap1 is an uplink already" },
};

int main(void)
{
	return refused_run(bad_documents, sizeof(bad_documents) / sizeof(bad_documents[0]));
}
