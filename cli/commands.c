// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of commands. Help, the man page's list and the parser all follow it.
 */
#include "cli/cli.h"

#define END {.name = ""}

static const struct cli_option file_option[] = {
	{.name = "file", .letter = 'f', .type = OPTION_TEXT, .value = "FILE", .required = true,
	 .help = "the document; - is standard input"},
	END,
};

static const struct cli_option up_options[] = {
	{.name = "file", .letter = 'f', .type = OPTION_TEXT, .value = "FILE",
	 .help = "the document; - is standard input; without it the switch starts empty"},
	{.name = "demo", .type = OPTION_FLAG,
	 .help = "build namespaces as guests and a switch \"demo\" for them; touches no NIC"},
	END,
};

static const struct cli_option down_options[] = {
	{.name = "demo", .type = OPTION_FLAG, .help = "take off what up --demo built"},
	END,
};

static const struct cli_option acl_rule_options[] = {
	{.name = "before", .type = OPTION_TEXT, .value = "RULE",
	 .help = "the rule to stand before; without it at the end"},
	END,
};

static const struct cli_option test_ip_flow_options[] = {
	{.name = "port", .type = OPTION_TEXT, .value = "PORT", .help = "whose policies to ask"},
	{.name = "direction", .type = OPTION_TEXT, .value = "Inbound|Outbound",
	 .help = "as seen from the port"},
	{.name = "protocol", .type = OPTION_TEXT, .value = "PROTOCOL",
	 .help = "Tcp, Udp, Icmp, Esp, Ah or a number"},
	{.name = "local", .type = OPTION_TEXT, .value = "ADDR[:PORT]", .help = "the port's end"},
	{.name = "remote", .type = OPTION_TEXT, .value = "ADDR[:PORT]", .help = "the other end"},
	{.name = "icmp-type", .type = OPTION_NUMBER, .value = "TYPE",
	 .help = "of Icmp; without it echo request"},
	{.name = "icmp-code", .type = OPTION_NUMBER, .value = "CODE", .help = "of Icmp (0)"},
	{.name = "batch", .type = OPTION_TEXT, .value = "FILE",
	 .help = "questions as JSON, one a line; - is standard input"},
	END,
};

static const struct cli_option next_hop_options[] = {
	{.name = "dest-ip", .type = OPTION_TEXT, .value = "ADDR", .required = true,
	 .help = "where a packet of the port would go"},
	END,
};

static const struct cli_option trace_options[] = {
	{.name = "flags", .type = OPTION_TEXT, .value = "FLAGS",
	 .help = "TCP flags, of FSRPAU (S)"},
	{.name = "pcap", .type = OPTION_TEXT, .value = "FILE",
	 .help = "write the frame as it came and as it is sent"},
	{.name = "replay", .type = OPTION_TEXT, .value = "FILE",
	 .help = "every frame of a capture as if the port had sent it"},
	{.name = "keep-flows", .type = OPTION_FLAG,
	 .help = "let the frames make and refresh flows, as live ones do"},
	END,
};

static const struct cli_option port_option[] = {
	{.name = "port", .letter = 'p', .type = OPTION_TEXT, .value = "PORT",
	 .help = "only the flows of this port"},
	END,
};

static const struct cli_option import_options[] = {
	{.name = "file", .letter = 'f', .type = OPTION_TEXT, .value = "FILE",
	 .help = "what flow export wrote; - or none is standard input"},
	{.name = "port", .letter = 'p', .type = OPTION_TEXT, .value = "PORT",
	 .help = "only the flows of this port"},
	END,
};

static const struct cli_option stats_options[] = {
	{.name = "drops", .letter = 'd', .type = OPTION_FLAG, .help = "drops by reason"},
	{.name = "rules", .letter = 'r', .type = OPTION_FLAG, .help = "packets by rule"},
	END,
};

static const struct cli_option observe_options[] = {
	{.name = "follow", .letter = 'f', .type = OPTION_FLAG,
	 .help = "until interrupted; without it until a second passes without events"},
	{.name = "verdict", .type = OPTION_TEXT, .value = "Dropped|Forwarded",
	 .help = "only drops, or only new flows"},
	{.name = "port", .letter = 'p', .type = OPTION_TEXT, .value = "PORT",
	 .help = "only what this port sends or receives"},
	{.name = "rate", .type = OPTION_NUMBER, .value = "N",
	 .help = "events each CPU may send a second (1000)"},
	END,
};

/* Adding, changing, deleting and looking at one kind of thing of the document. */
#define ADD(noun, name, k, own, text)                                                        \
	{noun, name, run_add, text, "[NAME] OPTION...", 0, 1, own,                           \
	 COMMAND_FIELDS | COMMAND_WRITES, k}
#define SET(noun, name, k, text)                                                             \
	{noun, name, run_set, text, "[NAME] OPTION...", 0, 1, NULL,                          \
	 COMMAND_FIELDS | COMMAND_PARTIAL | COMMAND_WRITES, k}
#define DELETE(noun, name, k, text)                                                          \
	{noun, name, run_delete, text, "NAME...", 0, MAX_ARGUMENTS, NULL, COMMAND_WRITES, k}
#define LIST(noun, k, text) {noun, "list", run_list, text, NULL, 0, 0, NULL, 0, k}
#define LIST_IN(noun, k, text) {noun, "list", run_list, text, "[OWNER]", 0, 1, NULL, 0, k}
#define SHOW(noun, k, text) {noun, "show", run_show, text, "NAME", 0, 1, NULL, 0, k}

const struct command commands[] = {
	{"up", NULL, run_up, "put the switch on", "[-f FILE] [--demo]", 0, 0, up_options,
	 COMMAND_WRITES, 0},
	{"down", NULL, run_down, "take it off; nothing of it stays behind", "[--demo]", 0, 0,
	 down_options, 0, 0},
	{"upgrade", NULL, run_upgrade, "replace the running programs by this build's, flows kept",
	 NULL, 0, 0, NULL, 0, 0},
	{"apply", NULL, run_apply, "make the switch what a document says", "-f FILE", 0, 0,
	 file_option, COMMAND_WRITES, 0},
	{"confirm", NULL, run_confirm, "keep a change that was made with --confirm", NULL, 0, 0,
	 NULL, 0, 0},
	{"rollback", NULL, run_rollback, "bring back an earlier version, or the one before",
	 "[VERSION]", 0, 1, NULL, COMMAND_WRITES, 0},
	{"history", NULL, run_history, "list the versions that are kept", NULL, 0, 0, NULL, 0, 0},
	{"export", NULL, run_export, "write the running document, as apply reads it", NULL, 0, 0,
	 NULL, 0, 0},
	{"status", NULL, run_status, "show ports, uplinks, how each is served and why", NULL, 0, 0,
	 NULL, 0, 0},
	{"doctor", NULL, run_doctor, "say what this host and a device can do, and the remedies",
	 "[DEVICE]", 0, 1, NULL, 0, 0},

	{"switch", "set", run_set, "change the switch's own settings", "OPTION...", 0, 0, NULL,
	 COMMAND_FIELDS | COMMAND_PARTIAL | COMMAND_WRITES, SLUICE_SWITCH},
	{"switch", "show", run_show, "show the switch's own settings", NULL, 0, 0, NULL, 0,
	 SLUICE_SWITCH},

	ADD("uplink", "add", SLUICE_UPLINK, NULL, "put the switch on a host interface"),
	DELETE("uplink", "delete", SLUICE_UPLINK, "take it off a host interface"),
	LIST("uplink", SLUICE_UPLINK, "list uplinks"),

	{"tunnel", "set", run_set, "change how frames reach other hosts", "OPTION...", 0, 0, NULL,
	 COMMAND_FIELDS | COMMAND_PARTIAL | COMMAND_WRITES, SLUICE_TUNNEL},
	{"tunnel", "show", run_show, "show how frames reach other hosts", NULL, 0, 0, NULL, 0,
	 SLUICE_TUNNEL},

	ADD("remote", "add", SLUICE_REMOTE, NULL, "add another host"),
	SET("remote", "set", SLUICE_REMOTE, "change another host's address"),
	DELETE("remote", "delete", SLUICE_REMOTE, "delete other hosts"),
	LIST("remote", SLUICE_REMOTE, "list other hosts"),
	SHOW("remote", SLUICE_REMOTE, "show another host"),

	ADD("vnet", "add", SLUICE_VNET, NULL, "add a virtual network"),
	SET("vnet", "set", SLUICE_VNET, "change a virtual network"),
	DELETE("vnet", "delete", SLUICE_VNET, "delete virtual networks"),
	LIST("vnet", SLUICE_VNET, "list virtual networks"),
	SHOW("vnet", SLUICE_VNET, "show a virtual network"),

	ADD("vnet address", "add", SLUICE_VNET_ADDRESS, NULL, "say which host has an address of a vnet"),
	SET("vnet address", "set", SLUICE_VNET_ADDRESS, "change an address on another host"),
	DELETE("vnet address", "delete", SLUICE_VNET_ADDRESS, "delete addresses on other hosts"),
	LIST_IN("vnet address", SLUICE_VNET_ADDRESS, "list addresses on other hosts"),
	SHOW("vnet address", SLUICE_VNET_ADDRESS, "show an address on another host"),

	ADD("subnet", "add", SLUICE_SUBNET, NULL, "add a subnet to a vnet"),
	SET("subnet", "set", SLUICE_SUBNET, "change a subnet"),
	DELETE("subnet", "delete", SLUICE_SUBNET, "delete subnets"),
	LIST_IN("subnet", SLUICE_SUBNET, "list subnets, of one vnet or all"),
	SHOW("subnet", SLUICE_SUBNET, "show a subnet"),

	ADD("route table", "add", SLUICE_ROUTE_TABLE, NULL, "add a route table, for subnets to use"),
	DELETE("route table", "delete", SLUICE_ROUTE_TABLE, "delete route tables"),
	LIST("route table", SLUICE_ROUTE_TABLE, "list route tables"),
	SHOW("route table", SLUICE_ROUTE_TABLE, "show a route table and its routes"),

	ADD("route", "add", SLUICE_ROUTE, NULL, "add a route to a table"),
	SET("route", "set", SLUICE_ROUTE, "change a route's next hop"),
	DELETE("route", "delete", SLUICE_ROUTE, "delete routes"),
	LIST_IN("route", SLUICE_ROUTE, "list routes, of one table or all"),
	SHOW("route", SLUICE_ROUTE, "show a route"),

	ADD("asg", "add", SLUICE_ASG, NULL, "add an application security group"),
	DELETE("asg", "delete", SLUICE_ASG, "delete application security groups"),
	LIST("asg", SLUICE_ASG, "list application security groups"),
	SHOW("asg", SLUICE_ASG, "show an application security group"),

	ADD("tag", "add", SLUICE_TAG, NULL, "name a set of prefixes"),
	SET("tag", "set", SLUICE_TAG, "change a tag's prefixes"),
	DELETE("tag", "delete", SLUICE_TAG, "delete tags"),
	LIST("tag", SLUICE_TAG, "list tags"),
	SHOW("tag", SLUICE_TAG, "show a tag"),

	ADD("acl", "add", SLUICE_ACL, NULL, "add an access list of the switch or of ports"),
	SET("acl", "set", SLUICE_ACL, "change an access list"),
	DELETE("acl", "delete", SLUICE_ACL, "delete access lists"),
	LIST("acl", SLUICE_ACL, "list access lists"),
	SHOW("acl", SLUICE_ACL, "show an access list and its rules"),

	ADD("acl rule", "add", SLUICE_ACL_RULE, acl_rule_options, "add a rule to an access list"),
	SET("acl rule", "set", SLUICE_ACL_RULE, "change a rule of an access list"),
	DELETE("acl rule", "delete", SLUICE_ACL_RULE, "delete rules of an access list"),
	LIST_IN("acl rule", SLUICE_ACL_RULE, "list rules in their order"),
	SHOW("acl rule", SLUICE_ACL_RULE, "show a rule of an access list"),

	ADD("nsg", "create", SLUICE_NSG, NULL, "create a network security group"),
	SET("nsg", "update", SLUICE_NSG, "change a network security group"),
	DELETE("nsg", "delete", SLUICE_NSG, "delete network security groups"),
	LIST("nsg", SLUICE_NSG, "list network security groups"),
	SHOW("nsg", SLUICE_NSG, "show a network security group and its rules"),

	ADD("nsg rule", "create", SLUICE_NSG_RULE, NULL, "create a rule"),
	SET("nsg rule", "update", SLUICE_NSG_RULE, "change a rule"),
	DELETE("nsg rule", "delete", SLUICE_NSG_RULE, "delete rules"),
	LIST_IN("nsg rule", SLUICE_NSG_RULE, "list rules by direction and priority"),
	SHOW("nsg rule", SLUICE_NSG_RULE, "show a rule"),

	ADD("port", "add", SLUICE_PORT, NULL, "plug a VM's or container's device in"),
	SET("port", "set", SLUICE_PORT, "change a port"),
	DELETE("port", "delete", SLUICE_PORT, "unplug ports"),
	LIST("port", SLUICE_PORT, "list ports"),
	SHOW("port", SLUICE_PORT, "show a port"),

	ADD("steer", "add", SLUICE_STEER, NULL, "send chosen flows to a port of a network function"),
	SET("steer", "set", SLUICE_STEER, "change a steer rule"),
	DELETE("steer", "delete", SLUICE_STEER, "delete steer rules"),
	LIST("steer", SLUICE_STEER, "list steer rules"),
	SHOW("steer", SLUICE_STEER, "show a steer rule"),

	ADD("nat", "add", SLUICE_NAT, NULL, "translate addresses between ports and outside"),
	SET("nat", "set", SLUICE_NAT, "change a translation"),
	DELETE("nat", "delete", SLUICE_NAT, "delete translations"),
	LIST("nat", SLUICE_NAT, "list translations"),
	SHOW("nat", SLUICE_NAT, "show a translation"),

	ADD("lb", "add", SLUICE_LB, NULL, "share flows to an address out to ports"),
	SET("lb", "set", SLUICE_LB, "change a load balancer"),
	DELETE("lb", "delete", SLUICE_LB, "delete load balancers"),
	LIST("lb", SLUICE_LB, "list load balancers"),
	SHOW("lb", SLUICE_LB, "show a load balancer"),

	{"effective-rules", NULL, run_effective_rules,
	 "list every rule that a port is under, in the order they are asked", "PORT", 1, 1, NULL, 0,
	 0},
	{"test-ip-flow", NULL, run_test_ip_flow,
	 "ask whether a port's policies allow a packet, and which rule decides",
	 "--port PORT --direction DIRECTION --protocol PROTOCOL --local ADDR[:PORT] "
	 "--remote ADDR[:PORT] | --batch FILE",
	 0, 0, test_ip_flow_options, 0, 0},
	{"next-hop", NULL, run_next_hop, "say where a packet of a port would go",
	 "PORT --dest-ip ADDR", 1, 1, next_hop_options, 0, 0},
	{"trace", NULL, run_trace, "run a packet through the loaded program and tell its way",
	 "PORT PROTOCOL SOURCE[:PORT] DESTINATION[:PORT] | PORT --replay FILE", 1, 4,
	 trace_options, 0, 0},

	{"flow", "list", run_flow_list, "list live flows", "[--port PORT]", 0, 0, port_option, 0,
	 0},
	{"flow", "show", run_flow_show, "show one flow with its rules",
	 "PROTOCOL SOURCE[:PORT] DESTINATION[:PORT] | --port PORT", 0, 3, port_option, 0, 0},
	{"flow", "flush", run_flow_flush, "forget flows; their next packets are judged anew",
	 "[--port PORT]", 0, 0, port_option, 0, 0},
	{"flow", "export", run_flow_export, "write live flows, as flow import reads them",
	 "[--port PORT]", 0, 0, port_option, 0, 0},
	{"flow", "import", run_flow_import,
	 "carry on the flows of a guest that came from another host", "[-f FILE] [--port PORT]", 0, 0,
	 import_options, COMMAND_WHAT_IF, 0},

	{"stats", NULL, run_stats, "show packets and bytes by port, drops by reason, hits by rule",
	 "[PORT] [--drops] [--rules]", 0, 1, stats_options, 0, 0},
	{"observe", NULL, run_observe, "show drops and new flows as they happen",
	 "[-f] [--verdict VERDICT] [--port PORT]", 0, 0, observe_options, 0, 0},
	{"agent", NULL, run_agent, "follow devices that come and go, and serve them again", NULL, 0,
	 0, NULL, 0, 0},
	{"accel", "on", run_accel_on, "have a port's acceleration.device carry it", "PORT", 1, 1, NULL,
	 0, 0},
	{"accel", "off", run_accel_off, "have a port's own device carry it", "PORT", 1, 1, NULL, 0, 0},
	{"accel", "show", run_accel_show, "show how a port's frames are delivered", "PORT", 1, 1,
	 NULL, 0, 0},
	{"accel", "hand-over", run_accel_hand_over,
	 "hand established flows over to NICs, and read back what they carried", NULL, 0, 0, NULL, 0, 0},
	{"version", NULL, run_version, "print the version", NULL, 0, 0, NULL, 0, 0},
	{"help", NULL, run_help, "print help on a command", "[COMMAND]", 0, 3, NULL, 0, 0},
	{.noun = NULL},
};

const struct absent_command absent_commands[] = {
	{"segment", NULL}, {NULL, NULL},
};
