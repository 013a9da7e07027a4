/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the compiler (compile*.c) share while one version is being laid.
 */
#ifndef SLUICE_LOADER_COMPILER_H
#define SLUICE_LOADER_COMPILER_H

#include "loader/compile.h"
#include "loader/name_index.h"
#include "loader/policy_hash.h"
#include "loader/reach.h"
#include "loader/ranges.h"
#include "loader/tunnel_ends.h"
#include "maps/tunnel.h"
#include "maps/vnet.h"

/* Lines of one policy, by direction; laid when first asked for, because most policies are used in
 * one vnet only. */
struct policy_lines {
	bool laid[DIRECTION_COUNT];
	__u32 line[DIRECTION_COUNT];
};

/* One vnet of the document, and what names mean inside it. */
struct vnet_build {
	const struct sluice_vnet *vnet;
	__u32 line;         /* of its struct vnet */
	__u32 *subnet_line; /* by index in vnet->subnets */
	bool *in_reach;     /* by index in config->vnets: itself and its peers */
	struct name_index subnets;
	struct ranges virtual_network;
	struct ranges internet;
	struct ranges *asg; /* by index in config->asgs: addresses of the members in this vnet */
	struct policy_lines *nsg; /* by index in config->nsgs */
	struct policy_lines *acl; /* by index in config->acls */
	struct policy_lines switch_acl;
};

/* Who has which address, before it is laid. */
struct endpoint {
	struct ip_address address;
	__u32 target; /* as in struct endpoint_bucket */
};

struct endpoints {
	struct endpoint *endpoint;
	size_t count;
};

struct compiler {
	struct tables *tables;
	const struct sluice_config *config;
	const struct placement *placements;
	struct ids *slots;
	struct ids *rules;
	struct sluice_error *error;
	struct reach reach;
	struct name_index vnets;
	struct name_index tags;
	struct name_index asgs;
	struct name_index nsgs;
	struct name_index acls;
	struct policy_lines switch_acl; /* where it means the same in every vnet */
	struct ranges *tag;             /* by index in config->tags */
	struct vnet_build *vnet;        /* by index in config->vnets */
	struct policy_record *record;   /* of the policies laid so far */
	size_t record_count;
	size_t record_room;
	struct extent_list extents;     /* of the version so far: the network's, then the policies' */
	size_t *port_vnet;              /* by index in config->ports: index in config->vnets */
	__u32 *port_slot;               /* by index in config->ports */
	struct tunnel_ends ends;
	__u32 *end_slot;                /* by index in ends */
	__u32 *end_line;                /* by index in ends: line of its struct tunnel */
	const struct placement *uplink; /* what tunnels go by, or NULL */
	unsigned int flow_share;        /* of each port without a flowLimit */
};

/* compile.c: the names of a version, from ports to sets of addresses, and what was allocated. */
int compiler_begin(struct compiler *compiler);
void compiler_end(struct compiler *compiler);
/* Takes zeroed lines; 0 and the error filled when there is no room. */
__u32 compiler_take(struct compiler *compiler, __u32 count);
int compiler_no_memory(struct compiler *compiler);

/* compile_names.c: the sets of addresses that names stand for. */
int compile_names_resolve(struct compiler *compiler);
/* What a list of selectors stands for inside a vnet: *any everything, else the normal set *ranges,
 * which is own, filled here, or that of the one name in the list. */
int compile_selectors(struct compiler *compiler, const struct vnet_build *build,
		      const struct sluice_selector *selectors, size_t count, bool *any,
		      struct ranges *own, const struct ranges **ranges);

/* compile_devices.c: lays the buckets that lead from devices, and from VFs, to ports. */
int compile_devices(struct compiler *compiler, struct root *root);

/* compile_steer.c: lays the steer rules of a vnet that compile_vnet() has laid. Policies are laid
 * behind the network: it comes after that. */
int compile_steers(struct compiler *compiler, struct vnet_build *build);

/* compile_devices.c: buckets of such entries, in which none overflows. */
int lay_buckets(struct compiler *compiler, const struct device_entry *entries, size_t count,
		__u32 *first, __u32 *mask);

/* compile_vnet.c: appends an endpoint; lays all as buckets, which the vnet then has. */
void add_endpoint(struct endpoints *endpoints, const struct ip_address *address,
		  enum endpoint_kind kind, __u32 value);
int lay_endpoints(struct compiler *compiler, const struct endpoints *endpoints, struct vnet *vnet);

/* compile.c: the longest IP packet that a way takes. */
__u16 way_mtu(const struct placement *placement);

/* compile_tunnels.c: slots for the ends of tunnels, their headers and the way in, and their ports. */
int place_tunnel_ends(struct compiler *compiler);
int compile_tunnels(struct compiler *compiler, struct root *root);
void lay_tunnel_ports(struct compiler *compiler, struct port *ports);
/* compile_routes.c: lays the trees of a vnet whose subnets are laid, and says what keys it shares. */
int compile_routes(struct compiler *compiler, struct vnet_build *build);

/* compile_nat.c: frontends of balancers in a vnet become endpoints of it; what ports are seen as and
 * outside are laid when all vnets are. */
int compile_frontends(struct compiler *compiler, const struct vnet_build *build,
		      struct endpoints *endpoints);
int compile_nat(struct compiler *compiler, struct root *root);

/* compile_vnet.c: lays the struct vnet and all that hangs on it. */
int compile_vnet(struct compiler *compiler, struct vnet_build *build);

/* compile_record.c */

/* A list of resolved rules as it grows, and the ranges they point to. */
struct rule_list {
	struct classifier_rule *rule;
	__u32 *link;           /* what the rule's place is known by (policy_hash.h) */
	struct ranges *ranges; /* two per rule: sources, destinations */
	size_t count;
	size_t room;
};

/* A classifier of these rules, laid anew or taken over from the running version, and its record.
 * key: policy_key() of it. An ACL: a packet that no rule matches is allowed, and the rules' places
 * are kept. */
int compile_classifier(struct compiler *compiler, const struct rule_list *list, bool is_acl,
		       __u64 key, __u32 *line);
/* Appends the record of a classifier that this version has already of the same content. */
int compile_share(struct compiler *compiler, const struct policy_content *content, __u64 key,
		  bool *found, __u32 *line);
/* Appends a record; extents: those of it, or NULL when its number is one of this version's. */
int compile_add_record(struct compiler *compiler, struct policy_record record,
		       const struct extent *extents);
/* Lays an array of places; 0 and the error filled when there is no room. */
__u32 compile_places(struct compiler *compiler, const struct classifier_rule *rules, size_t count);
/* Takes the lines that hold the root, the ports, the records and the list of extents. */
int compile_root(struct compiler *compiler, const struct port *ports, struct root *root,
		 __u32 *line);

/* compile_policy.c: lines of classifiers, each laid once. *line 0: no policy, which allows. */

/* Appends a rule of the document, its lists resolved as in that vnet; the list has room. number:
 * its id. */
int compile_append_rule(struct compiler *compiler, const struct vnet_build *build,
			struct rule_list *list, const struct sluice_rule *from, __u32 number);
/* Whether one of the selectors means another set of addresses in each vnet. */
bool compile_differ_by_vnet(const struct sluice_selector *selectors, size_t count);
int rule_list_new(struct rule_list *list, size_t room);
void rule_list_free(struct rule_list *list);
int compile_nsg(struct compiler *compiler, struct vnet_build *build, const char *name,
		enum direction direction, __u32 *line);
int compile_port_acl(struct compiler *compiler, struct vnet_build *build, const char *name,
		     enum direction direction, __u32 *line);
int compile_switch_acls(struct compiler *compiler, struct vnet_build *build,
			enum direction direction, __u32 *line);

/* compile_numbers.c: the number of a rule. group: "nsg/NAME/in" or "acl/NAME". 0 and the error
 * filled when none is left. */
__u32 compile_rule_number(struct ids *rules, const char *group, const char *rule, bool *fresh,
			  struct sluice_error *error);
/* The group's text for a direction of an nsg, or for an acl; free() it. */
char *compile_nsg_group(const char *nsg, enum direction direction);
char *compile_acl_group(const char *acl);

/* The orders of an ACL's rules: from the first on by steps, with room before it and behind the
 * last, for rules that are added later. */
#define ACL_ORDER_FIRST   (1U << 29)
#define SWITCH_ACLS_GROUP "acls" /* the group of all ACLs that apply to the switch, in a key */
static inline __u32 acl_order_step(size_t count)
{
	__u32 step = (1U << 29) / (__u32)(count + 1);

	return step > 1U << 19 ? 1U << 19 : step;
}

/* The built-in rules of every NSG: their names, in order. NULL ends. */
struct builtin_rule {
	const char *name;
	const char *source; /* tag, or NULL for any */
	const char *destination;
	enum access access;
};
#define BUILTIN_RULE_COUNT 3
extern const struct builtin_rule builtin_rules[DIRECTION_COUNT][BUILTIN_RULE_COUNT];

#endif
