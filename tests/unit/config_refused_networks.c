// SPDX-License-Identifier: BSD-2-Clause
/*
 * What bad documents get (tests/harness/refused.h) that are about other hosts, other vnets and the world.
 */
#include "tests/harness/refused.h"

#define WIRE "uplinks: [{device: eth0}]\n"
#define LOCAL "tunnel: {local: 192.0.2.1}\n"
#define REMOTE "remotes: [{name: h, address: 192.0.2.2}]\n"
#define ADDRESSES(list) "addresses: [" list "]"
#define WIDE(list)                                                                     \
	"vnets: [{name: blue, vni: 7, prefixes: [10.1.0.0/16], subnets: [{name: web, " \
	"prefixes: [10.1.1.0/24]}], " ADDRESSES(list) "}]\n"
#define WORLD   HEAD "uplinks: [{device: eth0}]\n" BLUE PORT(MAC ADDRESS)
#define PEERS(list) "vnets: [{name: blue, prefixes: [10.1.0.0/16], peers: " list "}]\n"
#define ROUTED(hop, spoofing)                                                                \
	"vnets: [{name: blue, prefixes: [10.1.0.0/16], subnets: [{name: web, prefixes: [10.1.1.0/24], " \
	"routes: rt1}]}]\n"                                                                          \
	"routes: {rt1: [{prefix: 10.9.0.0/16, nextHop: @" hop "}]}\n"                        \
	"ports: [{name: vm1, device: tap1, vnet: blue, subnet: web, addresses: [10.1.1.4], " \
	"guards: {spoofing: " spoofing "}, " MAC "}]\n"

static const struct bad bad_documents[] = {
	/* other hosts */
	{ "a_remote_without_uplink",
	  HEAD "tunnel: {local: 192.0.2.1}\nremotes: [@{name: h, address: 192.0.2.2}]\n",
	  "remote \"h\": the switch has no uplink by which to reach it" },
	{ "a_remote_without_local", HEAD WIRE "remotes: [@{name: h, address: 192.0.2.2}]\n",
	  "remote \"h\": frames need an address to come from: give tunnel.local, this host's own" },
	{ "a_remote_of_another_version", HEAD WIRE LOCAL "remotes: [{name: h, address: @\"fd00::2\"}]\n",
	  "remote \"h\": fd00::2 is of another IP version than tunnel.local" },
	{ "a_remote_that_is_this_host", HEAD WIRE LOCAL "remotes: [{name: h, address: @192.0.2.1}]\n",
	  "remote \"h\": 192.0.2.1 is this host's own, tunnel.local" },
	{ "a_remote_that_is_a_group", HEAD WIRE LOCAL "remotes: [{name: h, address: @239.0.0.1}]\n",
	  "remote \"h\": 239.0.0.1 is a multicast address" },
	{ "two_remotes_in_one_place",
	  HEAD WIRE LOCAL
	  "remotes: [{name: g, address: 192.0.2.2}, {name: h, address: @192.0.2.2}]\n",
	  "remote \"h\": address 192.0.2.2 is remote \"g\"'s already" },
	{ "a_tunnel_of_another_type", HEAD "tunnel: {type: @stt}\n",
	  "type: \"stt\" is not one of vxlan" },
	{ "remote_addresses_without_vni",
	  HEAD WIRE LOCAL REMOTE "vnets: [@{name: blue, prefixes: [10.1.0.0/16], " ADDRESSES(
		  "{address: 10.1.2.9, " MAC ", remote: h}") "}]\n",
	  "vnet \"blue\" has addresses on remotes, so it needs a \"vni\", the same on all hosts" },
	{ "a_remote_address_outside", HEAD WIRE LOCAL REMOTE WIDE(
		  "{address: @10.2.0.9, " MAC ", remote: h}"),
	  "vnet \"blue\": address 10.2.0.9 is outside its prefixes (10.1.0.0/16)" },
	{ "a_remote_address_of_the_gateway", HEAD WIRE LOCAL REMOTE WIDE(
		  "{address: @10.1.1.1, " MAC ", remote: h}"),
	  "vnet \"blue\": address 10.1.1.1 is the gateway's, which the switch answers" },
	{ "a_remote_address_of_nobody", HEAD WIRE LOCAL REMOTE WIDE(
		  "{address: 10.1.2.9, " MAC ", remote: @g}"),
	  "remote \"g\" does not exist, but address 10.1.2.9 of vnet \"blue\" is there; did you mean "
	  "\"h\"?" },
	{ "a_remote_address_of_a_group", HEAD WIRE LOCAL REMOTE WIDE(
		  "{address: 10.1.2.9, mac: @\"01:00:00:00:00:01\", remote: h}"),
	  "vnet \"blue\": MAC 01:00:00:00:00:01 of address 10.1.2.9 is not a device's" },
	{ "a_remote_address_twice", HEAD WIRE LOCAL REMOTE WIDE(
		  "{address: 10.1.2.9, " MAC ", remote: h}, {address: @10.1.2.9, " MAC ", remote: h}"),
	  "vnet \"blue\": address 10.1.2.9 is there twice, on remote \"h\" and on \"h\"" },
	{ "a_remote_address_of_a_port",
	  HEAD WIRE LOCAL REMOTE WIDE("{address: @10.1.1.4, " MAC ", remote: h}")
		  PORT(MAC ", addresses: [10.1.1.4]"),
	  "vnet \"blue\": address 10.1.1.4 is port \"vm1\"'s, on this host" },
	{ "a_remote_address_that_is_none", HEAD WIRE LOCAL REMOTE WIDE(
		  "{address: @10.1.1, " MAC ", remote: h}"),
	  "address: \"10.1.1\" is not an IPv4 or IPv6 address" },

	{ "remotes_by_an_uplink_of_xdp",
	  HEAD "uplinks: [{device: eth0, hook: @xdp}]\n" LOCAL REMOTE,
	  "uplink \"eth0\": what comes from remotes is unwrapped by tc: set hook: auto" },
	{ "remotes_of_a_port_of_xdp",
	  HEAD WIRE LOCAL REMOTE WIDE("{address: 10.1.2.9, " MAC ", remote: h}")
		  PORT(MAC ", hook: @xdp"),
	  "port \"vm1\": remotes, on which vnet \"blue\" has addresses, are reached by tc only: set "
	  "hook: auto" },

	/* peers and routes */
	{ "a_peer_that_is_not_there", HEAD PEERS("[@green]"),
	  "vnet \"green\" does not exist, but is a peer of vnet \"blue\"" },
	{ "its_own_peer", HEAD PEERS("[@blue]"), "vnet \"blue\" can not be its own peer" },
	{ "peers_that_overlap",
	  HEAD "vnets: [@{name: blue, prefixes: [10.1.0.0/16], peers: [red]}, "
	       "{name: red, prefixes: [10.2.0.0/16, 10.1.2.0/24]}]\n",
	  "vnet \"blue\": its prefix 10.1.0.0/16 overlaps 10.1.2.0/24 of its peer \"red\"; an address "
	  "in reach must be one vnet's" },
	{ "peers_of_one_that_overlap",
	  HEAD "vnets: [{name: blue, prefixes: [10.1.0.0/16]}, {name: red, prefixes: [10.1.0.0/16]}, "
	       "@{name: hub, prefixes: [10.3.0.0/16], peers: [blue, red]}]\n",
	  "vnet \"hub\": prefix 10.1.0.0/16 of its peer \"red\" overlaps 10.1.0.0/16 of its peer "
	  "\"blue\"; an address in reach must be one vnet's" },
	{ "a_route_table_that_is_not_there",
	  HEAD "vnets: [{name: blue, prefixes: [10.1.0.0/16], subnets: [{name: web, "
	       "prefixes: [10.1.1.0/24], routes: @rt1}]}]\n",
	  "route table \"rt1\" does not exist, but subnet \"blue/web\" uses it" },
	{ "a_route_twice",
	  HEAD "routes: {rt1: [{prefix: 10.9.0.0/16, nextHop: none}, "
	       "{prefix: @10.9.0.0/16, nextHop: internet}]}\n",
	  "route table \"rt1\": route \"10.9.0.0/16\" is there twice, first in line 2" },
	{ "a_next_hop_that_is_a_name", HEAD "routes: {rt1: [{prefix: 10.9.0.0/16, nextHop: @fw}]}\n",
	  "nextHop: \"fw\" is neither an address nor internet or none" },
	{ "a_route_without_next_hop", HEAD "routes: {rt1: [@{prefix: 10.9.0.0/16}]}\n",
	  "route \"10.9.0.0/16\" has no \"nextHop\"" },
	{ "a_next_hop_that_is_nobodys", HEAD ROUTED("10.1.1.9", "deny"),
	  "route \"rt1/10.9.0.0/16\": no port in reach of subnet \"blue/web\", which uses it, has the "
	  "address 10.1.1.9; name one of a port of the vnet or of a peer of it" },
	{ "a_next_hop_that_may_not_send_on", HEAD ROUTED("10.1.1.4", "deny"),
	  "route \"rt1/10.9.0.0/16\": port \"vm1\", which has its next hop 10.1.1.4, may not send on "
	  "what is not from it; set guards.spoofing: allow there" },

	/* the world */
	{ "a_nat_without_an_uplink",
	  HEAD BLUE PORT(
		  MAC ADDRESS) "nat: [@{name: n, type: public, address: 203.0.113.1, port: vm1}]\n",
	  "nat \"n\": the switch has no uplink by which anything could reach its addresses; add one to "
	  "\"uplinks\"" },
	{ "a_nat_without_what_its_type_needs",
	  WORLD
	  "nat: [@{name: n, type: forward, address: 203.0.113.1, protocol: Tcp, to: \"vm1:22\"}]\n",
	  "nat \"n\": type forward needs destinationPort (number)" },
	{ "a_nat_with_what_its_type_has_no_use_for",
	  WORLD "nat: [{name: n, type: public, address: 203.0.113.1, port: vm1, vnet: @blue}]\n",
	  "nat \"n\": type public has no use for vnet; take it out" },
	{ "a_nat_of_no_port",
	  WORLD "nat: [{name: n, type: public, address: 203.0.113.1, port: @vm2}]\n",
	  "port \"vm2\" does not exist, but nat \"n\" leads to it; did you mean \"vm1\"?" },
	{ "a_nat_of_the_other_ip_version",
	  WORLD "nat: [{name: n, type: public, address: \"2001:db8::1\", port: @vm1}]\n",
	  "nat \"n\": port \"vm1\" has no IPv6 address, as 2001:db8::1 is" },
	{ "a_public_address_inside_a_vnet",
	  WORLD "nat: [{name: n, type: public, address: @10.1.9.9, port: vm1}]\n",
	  "nat \"n\": 10.1.9.9 is inside vnet \"blue\"; an address that is seen outside can not be" },
	{ "a_public_address_of_a_group",
	  WORLD
	  "nat: [{name: n, type: gateway, vnet: blue, addresses: [203.0.113.1, @224.0.0.1]}]\n",
	  "nat \"n\": 224.0.0.1 is no address that a host can have" },
	{ "a_public_address_twice",
	  WORLD "nat: [{name: n, type: public, address: 203.0.113.1, port: vm1}, "
		"{name: m, type: gateway, vnet: blue, addresses: [@203.0.113.1]}]\n",
	  "nat \"n\" and \"m\" both have the address 203.0.113.1, which is one port's alone" },
	{ "a_port_forwarded_twice",
	  WORLD "nat: [{name: n, type: forward, address: 203.0.113.1, protocol: Tcp, "
		"destinationPort: 80, to: \"vm1:80\"}]\n"
		"lbs: [{name: l, vnet: blue, frontend: @\"203.0.113.1:80\", protocol: Tcp}]\n",
	  "\"n\" and \"l\" both have port 80 of 203.0.113.1" },
	{ "a_port_with_two_public_addresses",
	  WORLD "nat: [{name: n, type: public, address: 203.0.113.1, port: vm1}, "
		"{name: m, type: public, address: 203.0.113.2, port: @vm1}]\n",
	  "nat \"m\": port \"vm1\" has the public address of nat \"n\" already; it can have one of "
	  "each IP version" },
	{ "a_subnet_with_two_gateways",
	  WORLD
	  "nat: [{name: n, type: gateway, vnet: blue, addresses: [203.0.113.1]}, "
	  "{name: m, type: gateway, vnet: @blue, subnets: [web], addresses: [203.0.113.2]}]\n",
	  "nat \"m\": subnet \"blue/web\" has the gateway \"n\" already" },
	{ "a_gateway_of_no_subnet",
	  WORLD "nat: [{name: n, type: gateway, vnet: blue, subnets: [@wob], "
		"addresses: [203.0.113.1]}]\n",
	  "subnet \"blue/wob\" does not exist, but nat \"n\" is its gateway; did you mean \"web\"?" },
	{ "a_forward_of_no_port_number",
	  WORLD "nat: [{name: n, type: forward, address: 203.0.113.1, protocol: Tcp, "
		"destinationPort: 80, to: @vm1}]\n",
	  "to: \"vm1\" does not end with a colon and a port, 1 to 65535" },
	{ "a_forward_of_icmp",
	  WORLD "nat: [{name: n, type: forward, address: 203.0.113.1, protocol: @Icmp, "
		"destinationPort: 80, to: \"vm1:80\"}]\n",
	  "nat \"n\": protocol is Tcp or Udp, which have ports that can be translated" },
	{ "a_frontend_without_brackets",
	  WORLD "lbs: [{name: l, vnet: blue, frontend: @\"fd00:1::9:80\", protocol: Tcp}]\n",
	  "frontend: write IPv4 as 192.0.2.1:443 and IPv6 as [2001:db8::1]:443" },
	{ "a_frontend_that_is_a_ports",
	  WORLD "lbs: [{name: l, vnet: blue, frontend: @\"10.1.1.4:80\", protocol: Tcp}]\n",
	  "lb \"l\": address 10.1.1.4 is port \"vm1\"'s already" },
	{ "a_backend_twice",
	  WORLD "lbs: [{name: l, vnet: blue, frontend: \"10.1.0.9:80\", protocol: Tcp, "
		"backends: [vm1, @vm1]}]\n",
	  "lb \"l\": backend \"vm1\" is there twice" },
};

int main(void)
{
	return refused_run(bad_documents, sizeof(bad_documents) / sizeof(bad_documents[0]));
}
