// SPDX-License-Identifier: BSD-2-Clause
/*
 * The tables of the document's keys.
 */
#include <errno.h>
#include <string.h>

#include "loader/schema_tables.h"
#include "maps/tables.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const struct schema_choice tcp_modes[] = { { "strict", false }, { "loose", true }, { 0 } };
static const struct schema_choice applies_to[] = { { "switch", false }, { "ports", true }, { 0 } };
static const struct schema_choice existing_flows[] = { { "recheck", false },
						       { "keep", true },
						       { 0 } };
static const struct schema_choice guard[] = { { "deny", false }, { "allow", true }, { 0 } };
static const struct schema_choice hooks[] = {
	{ "auto", SLUICE_HOOK_AUTO },
	{ "xdp", SLUICE_HOOK_XDP },
	{ "tc", SLUICE_HOOK_TC },
	{ "xdp-generic", SLUICE_HOOK_XDP_GENERIC },
	{ 0 },
};
static const struct schema_choice directions[] = {
	{ "Inbound", DIRECTION_INBOUND },
	{ "Outbound", DIRECTION_OUTBOUND },
	{ 0 },
};
static const struct schema_choice accesses[] = { { "Allow", ACCESS_ALLOW },
						 { "Deny", ACCESS_DENY },
						 { 0 } };
static const struct schema_choice api_versions[] = { { "sluice/v1", 0 }, { 0 } };
static const struct schema_choice accelerations[] = {
	{ "off", SLUICE_ACCELERATION_OFF },
	{ "auto", SLUICE_ACCELERATION_AUTO },
	{ "vf", SLUICE_ACCELERATION_VF },
	{ "af_xdp", SLUICE_ACCELERATION_AF_XDP },
	{ "offload", SLUICE_ACCELERATION_OFFLOAD },
	{ 0 },
};
static const struct schema_choice tunnel_types[] = {
#define X(identifier, name, bytes, port) { name, TUNNEL_##identifier },
	TUNNEL_TYPES(X)
#undef X
	{ 0 },
};
static const struct schema_choice functions[] = { { "any", SLUICE_ANY }, { 0 } };
static const struct schema_choice dead_steers[] = { { "pass", false }, { "drop", true }, { 0 } };
static const struct schema_choice unread[] = { { "drop", false }, { "pass", true }, { 0 } };

static const struct sluice_field document_fields[] = {
	{ "apiVersion", "sluice/v1", "the format of the file", true, false,
	  VALUE(SCHEMA_FIXED, .choices = api_versions,
		.refusal = "is not a format this version reads") },
	{ 0 },
};

static const struct sluice_field switch_fields[] = {
	{ "tcp", "strict|loose", "whether a TCP flow may begin without its SYN", false, false,
	  VALUE(SCHEMA_FLAG, AT(sluice_config, tcp_loose), .choices = tcp_modes) },
	{ "flows", "number", "how many flows there is room for, from up to down", false, false,
	  VALUE(SCHEMA_NUMBER, AT(sluice_config, flows), .low = SLUICE_LEAST_FLOWS,
		.high = SLUICE_MOST_FLOWS, .initial = SLUICE_DEFAULT_FLOWS) },
	{ 0 },
};

static const struct sluice_field uplink_fields[] = {
	{ "hook", "auto|xdp|tc|xdp-generic", "where the program is attached", false, false,
	  VALUE(SCHEMA_CHOICE, AT(sluice_uplink, hook), .choices = hooks) },
	{ "vfs", "number", "how many VFs the switch makes of the NIC; else it uses those there are",
	  false, false,
	  VALUE(SCHEMA_NUMBER, AT(sluice_uplink, vfs), .low = 1, .high = FUNCTIONS_PER_DEVICE) },
	{ "cpus", "node|CPUs", "CPUs that do its work: of the NIC's NUMA node, or a list as 0-3,8",
	  false, false, VALUE(SCHEMA_CPUS, AT(sluice_uplink, cpus)) },
	{ 0 },
};

static const struct sluice_field tunnel_fields[] = {
	{ "type", "vxlan", "how frames to remotes are wrapped", false, false,
	  VALUE(SCHEMA_CHOICE, AT(sluice_config, tunnel_type), .choices = tunnel_types) },
	{ "local", "address", "this host's own address in the network between the hosts", false,
	  false, VALUE(SCHEMA_ADDRESS, AT(sluice_config, tunnel_local)) },
	{ "port", "number", "the UDP port that frames are sent to and come in on", false, false,
	  VALUE(SCHEMA_NUMBER, AT(sluice_config, tunnel_port), .low = 1, .high = 65535) },
	{ 0 },
};

static const struct sluice_field remote_fields[] = {
	{ "address", "address", "the other host's address in the network between the hosts", true,
	  false, VALUE(SCHEMA_ADDRESS, AT(sluice_remote, address)) },
	{ 0 },
};

static const struct sluice_field vnet_address_fields[] = {
	{ "mac", "MAC", "the MAC address of who has it", true, false,
	  VALUE(SCHEMA_MAC, AT(sluice_vnet_address, mac)) },
	{ "remote", "remote", "the host it lives on", true, false,
	  VALUE(SCHEMA_NAME, AT(sluice_vnet_address, remote)) },
	{ 0 },
};

static const struct sluice_field vnet_fields[] = {
	{ "vni", "number", "virtual network identifier", false, false,
	  VALUE(SCHEMA_NUMBER, AT(sluice_vnet, vni), .low = 1, .high = 0xffffff) },
	{ "prefixes", "prefix list", "the vnet's address space", true, true,
	  VALUE(SCHEMA_PREFIX, LIST(sluice_vnet, prefixes, prefix_count)) },
	{ "peers", "vnet list", "vnets in reach of it, and it of them", false, true,
	  VALUE(SCHEMA_NAME, LIST(sluice_vnet, peers, peer_count)) },
	{ 0 },
};

static const struct sluice_field subnet_fields[] = {
	{ "prefixes", "prefix list", "its part of the vnet's address space", true, true,
	  VALUE(SCHEMA_PREFIX, LIST(sluice_subnet, prefixes, prefix_count)) },
	{ "nsg", "nsg", "network security group of all its ports", false, false,
	  VALUE(SCHEMA_NAME, AT(sluice_subnet, nsg)) },
	{ "routes", "route table", "what its ports send goes by these routes first", false, false,
	  VALUE(SCHEMA_NAME, AT(sluice_subnet, routes)) },
	{ 0 },
};

static const struct schema_choice next_hops[] = { { "internet", 0 }, { "none", 0 }, { 0 } };

static const struct sluice_field route_table_fields[] = { { 0 } };

static const struct sluice_field route_fields[] = {
	{ "nextHop", "address|internet|none", "a port's address, the uplink, or nowhere: dropped",
	  true, false,
	  VALUE(SCHEMA_NEXT_HOP, AT(sluice_route, next_hop), .choices = next_hops) },
	{ 0 },
};

static const struct sluice_field tag_fields[] = {
	{ "prefixes", "prefix list", "the prefixes and ranges it stands for", false, true,
	  VALUE(SCHEMA_RANGE, LIST(sluice_tag, prefixes, prefix_count)) },
	{ 0 },
};

static const struct sluice_field asg_fields[] = { { 0 } };

static const struct sluice_field acl_fields[] = {
	{ "appliesTo", "switch|ports", "every port, or those that name it", false, false,
	  VALUE(SCHEMA_FLAG, AT(sluice_acl, applies_to_ports), .choices = applies_to) },
	{ 0 },
};

static const struct sluice_field nsg_fields[] = {
	{ "existingFlows", "recheck|keep", "what a new version means to flows that exist", false,
	  false,
	  VALUE(SCHEMA_FLAG, AT(sluice_nsg, keep_existing_flows), .choices = existing_flows) },
	{ 0 },
};

/* What a rule matches. */
#define MATCH_FIELDS \
	{ "protocol", "Tcp|Udp|Icmp|Esp|Ah|number|*", "protocol, Icmp covers ICMPv6", false, false, \
	  VALUE(SCHEMA_PROTOCOL, AT(sluice_rule, protocol), .initial = SLUICE_ANY) }, \
	{ "icmpType", "number|*", "ICMP type", false, false, \
	  VALUE(SCHEMA_ICMP, AT(sluice_rule, icmp_type), .initial = SLUICE_ANY) }, \
	{ "icmpCode", "number|*", "ICMP code", false, false, \
	  VALUE(SCHEMA_ICMP, AT(sluice_rule, icmp_code), .initial = SLUICE_ANY) }, \
	{ "sources", "address list", "prefixes, a-b, tags, asg:NAME or *", false, true, \
	  VALUE(SCHEMA_SELECTOR, LIST(sluice_rule, sources, source_count), .any = true) }, \
	{ "sourcePorts", "port list", "ports, a-b or *", false, true, \
	  VALUE(SCHEMA_PORTS, LIST(sluice_rule, source_ports, source_port_count), .any = true) }, \
	{ "destinations", "address list", "prefixes, a-b, tags, asg:NAME or *", false, true, \
	  VALUE(SCHEMA_SELECTOR, LIST(sluice_rule, destinations, destination_count), .any = true) }, \
	{ "destinationPorts", "port list", "ports, a-b or *", false, true, \
	  VALUE(SCHEMA_PORTS, LIST(sluice_rule, destination_ports, destination_port_count), \
		.any = true) },

/* An ACL's rules have the same keys but the first: their order is their priority. */
static const struct sluice_field rule_fields[] = {
	{ "priority", "number", "100 to 4096, the lowest is asked first", true, false,
	  VALUE(SCHEMA_NUMBER, AT(sluice_rule, priority), .low = 100, .high = 4096) },
	{ "direction", "Inbound|Outbound", "towards the port or from it", true, false,
	  VALUE(SCHEMA_CHOICE, AT(sluice_rule, direction), .choices = directions, .initial = -1) },
	{ "access", "Allow|Deny", "what becomes of what matches", true, false,
	  VALUE(SCHEMA_CHOICE, AT(sluice_rule, access), .choices = accesses, .initial = -1) },
	MATCH_FIELDS
	{ 0 },
};

static const struct sluice_field port_fields[] = {
	{ "device", "device", "IFNAME, or NETNS/IFNAME for a veth's far end", true, false,
	  VALUE(SCHEMA_DEVICE, AT(sluice_port, device)) },
	{ "hook", "auto|xdp|tc|xdp-generic", "where the program is attached", false, false,
	  VALUE(SCHEMA_CHOICE, AT(sluice_port, hook), .choices = hooks) },
	{ "vnet", "vnet", "the vnet it is in", true, false,
	  VALUE(SCHEMA_NAME, AT(sluice_port, vnet)) },
	{ "subnet", "subnet", "the subnet of that vnet", true, false,
	  VALUE(SCHEMA_NAME, AT(sluice_port, subnet)) },
	{ "mac", "MAC", "the guest's MAC address", true, false,
	  VALUE(SCHEMA_MAC, AT(sluice_port, mac)) },
	{ "addresses", "address list", "the guest's IPv4 and IPv6 addresses", false, true,
	  VALUE(SCHEMA_ADDRESS, LIST(sluice_port, addresses, address_count)) },
	{ "nsg", "nsg", "network security group of the port", false, false,
	  VALUE(SCHEMA_NAME, AT(sluice_port, nsg)) },
	{ "acl", "acl", "an acl that applies to ports", false, false,
	  VALUE(SCHEMA_NAME, AT(sluice_port, acl)) },
	{ "asgs", "asg list", "application security groups it is in", false, true,
	  VALUE(SCHEMA_NAME, LIST(sluice_port, asgs, asg_count)) },
	{ "guards.spoofing", "deny|allow", "other addresses than its own", false, false,
	  VALUE(SCHEMA_FLAG, AT(sluice_port, allow_spoofing), .choices = guard) },
	{ "guards.dhcpServer", "deny|allow", "DHCP replies from the guest", false, false,
	  VALUE(SCHEMA_FLAG, AT(sluice_port, allow_dhcp_server), .choices = guard) },
	{ "guards.routerAdvert", "deny|allow", "IPv6 router advertisements from the guest", false,
	  false, VALUE(SCHEMA_FLAG, AT(sluice_port, allow_router_advert), .choices = guard) },
	{ "flowLimit", "number", "how many flows it may have at a time", false, false,
	  VALUE(SCHEMA_NUMBER, AT(sluice_port, flow_limit), .low = 1, .high = 100000000) },
	{ "acceleration.mode", "off|auto|vf|af_xdp|offload", "accelerated delivery", false, false,
	  VALUE(SCHEMA_CHOICE, AT(sluice_port, acceleration), .choices = accelerations) },
	{ "acceleration.device", "device",
	  "auto: carries the port while it is there and up; vf: the NIC, an uplink", false, false,
	  VALUE(SCHEMA_DEVICE, AT(sluice_port, fast_device)) },
	{ "acceleration.vf", "number|any", "vf: which of the NIC's VFs is the port's", false, false,
	  VALUE(SCHEMA_NUMBER, AT(sluice_port, vf), .choices = functions,
		.high = FUNCTIONS_PER_DEVICE - 1, .initial = SLUICE_ANY) },
	{ "acceleration.queues", "number", "af_xdp: how many queues sockets can be bound to", false,
	  false,
	  VALUE(SCHEMA_NUMBER, AT(sluice_port, queues), .low = 1, .high = SLUICE_XSK_QUEUES) },
	{ "acceleration.whenDead", "drop|pass", "af_xdp: frames of a queue that nobody reads", false,
	  false, VALUE(SCHEMA_FLAG, AT(sluice_port, pass_unread), .choices = unread) },
	{ "cpus", "node|CPUs", "CPUs that do its work: of the NIC's NUMA node, or a list as 0-3,8",
	  false, false, VALUE(SCHEMA_CPUS, AT(sluice_port, cpus)) },
	{ 0 },
};

/* A steer begins with the rule it matches by. */
static const struct sluice_field steer_fields[] = {
	{ "vnet", "vnet", "whose flows it steers", true, false,
	  VALUE(SCHEMA_NAME, AT(sluice_steer, vnet)) },
	{ "priority", "number", "100 to 4096, the lowest in the vnet is asked first", true, false,
	  VALUE(SCHEMA_NUMBER, AT(sluice_rule, priority), .low = 100, .high = 4096) },
	{ "to", "port", "the port that matching flows go to", true, false,
	  VALUE(SCHEMA_NAME, AT(sluice_steer, to)) },
	{ "whenDead", "pass|drop", "flows that no AF_XDP socket would read: not steered, or dropped",
	  false, false, VALUE(SCHEMA_FLAG, AT(sluice_steer, drop_dead), .choices = dead_steers) },
	MATCH_FIELDS
	{ 0 },
};

#define CHILD(structure, items, number) \
	offsetof(struct structure, items), offsetof(struct structure, number)

static const struct schema_child no_children[] = { { 0 } };
static const struct schema_child document_children[] = {
	{ "switch", SHAPE_ONE, SLUICE_SWITCH, 0, 0 },
	{ "uplinks", SHAPE_LIST, SLUICE_UPLINK, CHILD(sluice_config, uplinks, uplink_count) },
	{ "tunnel", SHAPE_ONE, SLUICE_TUNNEL, 0, 0 },
	{ "remotes", SHAPE_LIST, SLUICE_REMOTE, CHILD(sluice_config, remotes, remote_count) },
	{ "vnets", SHAPE_LIST, SLUICE_VNET, CHILD(sluice_config, vnets, vnet_count) },
	{ "routes", SHAPE_LISTS, SLUICE_ROUTE_TABLE,
	  CHILD(sluice_config, route_tables, route_table_count) },
	{ "tags", SHAPE_BARE, SLUICE_TAG, CHILD(sluice_config, tags, tag_count) },
	{ "asgs", SHAPE_NAMES, SLUICE_ASG, CHILD(sluice_config, asgs, asg_count) },
	{ "acls", SHAPE_LIST, SLUICE_ACL, CHILD(sluice_config, acls, acl_count) },
	{ "nsgs", SHAPE_MAP, SLUICE_NSG, CHILD(sluice_config, nsgs, nsg_count) },
	{ "ports", SHAPE_LIST, SLUICE_PORT, CHILD(sluice_config, ports, port_count) },
	{ "steers", SHAPE_LIST, SLUICE_STEER, CHILD(sluice_config, steers, steer_count) },
	{ "nat", SHAPE_LIST, SLUICE_NAT, CHILD(sluice_config, nat, nat_count) },
	{ "lbs", SHAPE_LIST, SLUICE_LB, CHILD(sluice_config, lbs, lb_count) },
	{ 0 },
};
static const struct schema_child vnet_children[] = {
	{ "subnets", SHAPE_LIST, SLUICE_SUBNET, CHILD(sluice_vnet, subnets, subnet_count) },
	{ "addresses", SHAPE_LIST, SLUICE_VNET_ADDRESS,
	  CHILD(sluice_vnet, addresses, address_count) },
	{ 0 },
};
static const struct schema_child route_table_children[] = {
	{ "routes", SHAPE_LIST, SLUICE_ROUTE, CHILD(sluice_route_table, routes, route_count) },
	{ 0 },
};
static const struct schema_child acl_children[] = {
	{ "rules", SHAPE_LIST, SLUICE_ACL_RULE, CHILD(sluice_acl, rules, rule_count) },
	{ 0 },
};
static const struct schema_child nsg_children[] = {
	{ "rules", SHAPE_LIST, SLUICE_NSG_RULE, CHILD(sluice_nsg, rules, rule_count) },
	{ 0 },
};

static const char *const document_later[] = { "segments", NULL };
static const char *const port_later[] = { "segment", NULL };

#define NAMED(structure, key_text, type, member)                                   \
	.size = sizeof(struct structure), .name_key = key_text, .name_type = type, \
	.name_offset = offsetof(struct structure, member)

static const struct schema_kind kinds[] = {
	[SLUICE_SWITCH] = { "switch", NAMED(sluice_config, "name", SCHEMA_NAME, name),
			    .fields = switch_fields, .children = no_children },
	[SLUICE_UPLINK] = { "uplink", NAMED(sluice_uplink, "device", SCHEMA_UPLINK, device),
			    .placed = true, .fields = uplink_fields, .children = no_children },
	[SLUICE_TUNNEL] = { "tunnel", .size = sizeof(struct sluice_config), .fields = tunnel_fields,
			    .children = no_children },
	[SLUICE_REMOTE] = { "remote", NAMED(sluice_remote, "name", SCHEMA_NAME, name),
			    .placed = true, .fields = remote_fields, .children = no_children },
	[SLUICE_VNET_ADDRESS] = { "vnet address",
				  NAMED(sluice_vnet_address, "address", SCHEMA_ADDRESS_NAME, address),
				  .placed = true, .fields = vnet_address_fields,
				  .children = no_children },
	[SLUICE_VNET] = { "vnet", NAMED(sluice_vnet, "name", SCHEMA_NAME, name), .placed = true,
			  .block = true, .fields = vnet_fields, .children = vnet_children },
	[SLUICE_SUBNET] = { "subnet", NAMED(sluice_subnet, "name", SCHEMA_NAME, name),
			    .placed = true, .fields = subnet_fields, .children = no_children },
	[SLUICE_ROUTE_TABLE] = { "route table",
				 NAMED(sluice_route_table, "name", SCHEMA_NAME, name),
				 .placed = true, .keyed = true, .block = true,
				 .fields = route_table_fields, .children = route_table_children },
	[SLUICE_ROUTE] = { "route", NAMED(sluice_route, "prefix", SCHEMA_PREFIX_NAME, prefix),
			   .placed = true, .fields = route_fields, .children = no_children },
	[SLUICE_TAG] = { "tag", NAMED(sluice_tag, "name", SCHEMA_NAME, name), .placed = true,
			 .keyed = true, .fields = tag_fields, .children = no_children },
	[SLUICE_ASG] = { "asg", NAMED(sluice_asg, "name", SCHEMA_NAME, name), .placed = true,
			 .fields = asg_fields, .children = no_children },
	[SLUICE_ACL] = { "acl", NAMED(sluice_acl, "name", SCHEMA_NAME, name), .placed = true,
			 .block = true, .fields = acl_fields, .children = acl_children },
	[SLUICE_ACL_RULE] = { "acl rule", NAMED(sluice_rule, "name", SCHEMA_NAME, name),
			      .placed = true, .fields = rule_fields + 1, .children = no_children },
	[SLUICE_NSG] = { "nsg", NAMED(sluice_nsg, "name", SCHEMA_NAME, name), .placed = true,
			 .keyed = true, .block = true, .fields = nsg_fields,
			 .children = nsg_children },
	[SLUICE_NSG_RULE] = { "nsg rule", NAMED(sluice_rule, "name", SCHEMA_NAME, name),
			      .placed = true, .fields = rule_fields, .children = no_children },
	[SLUICE_PORT] = { "port", NAMED(sluice_port, "name", SCHEMA_NAME, name), .placed = true,
			  .block = true, .fields = port_fields, .children = no_children,
			  .unsupported = port_later },
	[SLUICE_STEER] = { "steer", .size = sizeof(struct sluice_steer), .name_key = "name",
			   .name_type = SCHEMA_NAME, .name_offset = offsetof(struct sluice_rule, name),
			   .placed = true, .fields = steer_fields, .children = no_children },
	[SLUICE_NAT] = { "nat", NAMED(sluice_nat, "name", SCHEMA_NAME, name), .placed = true,
			 .fields = nat_fields, .children = no_children },
	[SLUICE_LB] = { "lb", NAMED(sluice_lb, "name", SCHEMA_NAME, name), .placed = true,
			.fields = lb_fields, .children = no_children },
	[SCHEMA_DOCUMENT] = { "document", .size = sizeof(struct sluice_config), .block = true,
			      .fields = document_fields, .children = document_children,
			      .unsupported = document_later },
};

const struct schema_kind *schema_kind(unsigned int kind)
{
	return &kinds[kind];
}

const struct sluice_field *sluice_fields(enum sluice_kind kind)
{
	return kinds[kind].fields;
}

const char *sluice_kind_name(enum sluice_kind kind)
{
	return kinds[kind].name;
}

const struct sluice_field *schema_field(const struct schema_kind *kind, const char *key)
{
	for (const struct sluice_field *field = kind->fields; field->key; field++) {
		if (!strcmp(field->key, key))
			return field;
	}
	return NULL;
}

const struct schema_child *schema_child(const struct schema_kind *kind, const char *key)
{
	for (const struct schema_child *child = kind->children; child->key; child++) {
		if (!strcmp(child->key, key))
			return child;
	}
	return NULL;
}

unsigned int schema_parent(enum sluice_kind kind)
{
	switch (kind) {
	case SLUICE_SUBNET:
	case SLUICE_VNET_ADDRESS:
		return SLUICE_VNET;
	case SLUICE_ROUTE:
		return SLUICE_ROUTE_TABLE;
	case SLUICE_NSG_RULE:
		return SLUICE_NSG;
	case SLUICE_ACL_RULE:
		return SLUICE_ACL;
	default:
		return SCHEMA_DOCUMENT;
	}
}

const struct schema_child *schema_place_of(enum sluice_kind kind)
{
	const struct schema_child *child = kinds[schema_parent(kind)].children;

	while (child->key && child->kind != kind)
		child++;
	return child;
}

/* Edit distance, of words short enough to be keys or names. */
static unsigned int edit_distance(const char *a, const char *b)
{
	unsigned int row[65];
	size_t a_length = strlen(a), b_length = strlen(b);

	if (a_length > 64 || b_length > 64)
		return ~0U;
	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			unsigned int best = diagonal + ((a[i - 1] | 0x20) != (b[j - 1] | 0x20));

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_length];
}

void schema_nearest(const char *text, const char *candidate, const char **best,
		    unsigned int *distance)
{
	unsigned int found = edit_distance(text, candidate);
	size_t length = strlen(text);

	/* A third of the word may be wrong; further away it is another word. */
	if (found <= (length + 2) / 3 && (!*best || found < *distance)) {
		*best = candidate;
		*distance = found;
	}
}

/* Calls use for each key a map of this kind can have: at the top, or inside the nested map. */
static void each_key(const struct schema_kind *kind, const char *prefix, void *context,
		     void (*use)(const char *key, size_t length, void *context))
{
	size_t skip = strlen(prefix);
	const char *last = "";

	if (!skip && kind->name_key && !kind->keyed)
		use(kind->name_key, strlen(kind->name_key), context);
	for (const struct sluice_field *field = kind->fields; field->key; field++) {
		size_t length;

		if (strncmp(field->key, prefix, skip))
			continue;
		length = strcspn(field->key + skip, ".");
		/* The keys of one nested map stand together: its own is named once. */
		if (field->key[skip + length] == '.' && !strncmp(last, field->key, length + 1))
			continue;
		last = field->key;
		use(field->key + skip, length, context);
	}
	for (const struct schema_child *child = kind->children; !skip && child->key; child++)
		use(child->key, strlen(child->key), context);
}

struct key_report {
	const char *wrong;
	char nearest[64];
	unsigned int distance;
	char all[320];
};

static void report_key(const char *key, size_t length, void *context)
{
	struct key_report *report = context;
	const char *best = report->nearest[0] ? report->nearest : NULL;
	size_t used = strlen(report->all);
	char one[64];

	snprintf(one, sizeof(one), "%.*s", (int)length, key);
	schema_nearest(report->wrong, one, &best, &report->distance);
	if (best == one)
		memcpy(report->nearest, one, sizeof(one));
	snprintf(report->all + used, sizeof(report->all) - used, "%s%s", used ? ", " : "", one);
}

static const char *article(const struct schema_kind *kind)
{
	return strchr("aeioun", kind->name[0]) ? "an" : "a"; /* n: an nsg */
}

/* Keys that one would look for, and why there are none. */
static const struct {
	const char *kind, *key, *why;
} absent_keys[] = {
	{ "steer", "queue",
	  "a socket is given frames of the queue they came in on only, which the kernel chooses; "
	  "to choose a socket, give each a port of one queue and name that port in \"to\"" },
};

static const char *why_absent(const struct schema_kind *kind, const char *key)
{
	for (size_t i = 0; i < sizeof(absent_keys) / sizeof(absent_keys[0]); i++)
		if (!strcmp(kind->name, absent_keys[i].kind) && !strcmp(key, absent_keys[i].key))
			return absent_keys[i].why;
	return NULL;
}

int schema_unknown_key(const struct schema_kind *kind, const char *prefix, const char *key,
		       struct sluice_error *error)
{
	struct key_report report = { .wrong = key };
	const char *why = why_absent(kind, key);

	if (why)
		return sluice_error_set(error, -EINVAL, "%s %s has no \"%s\": %s", article(kind),
					kind->name, key, why);
	each_key(kind, prefix, &report, report_key);
	if (report.nearest[0])
		return sluice_error_set(error, -EINVAL,
					"unknown key \"%s%.48s\" in %s %s; did you mean \"%s%s\"? "
					"There are: %s",
					prefix, key, article(kind), kind->name, prefix,
					report.nearest, report.all);
	return sluice_error_set(error, -EINVAL, "unknown key \"%s%.48s\" in %s %s; there are: %s",
				prefix, key, article(kind), kind->name, report.all);
}
