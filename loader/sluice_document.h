/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The document as structures: what the switch shall be (loader/sluice.h reads, writes and changes it).
 */
#ifndef SLUICE_DOCUMENT_H
#define SLUICE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "maps/base.h"
#include "maps/classifier.h"
#include "maps/nat.h"
#include "maps/tunnel.h"

/* What a rule's source or destination names, or what part of a tag. */
enum sluice_selector_kind {
	SLUICE_SELECT_ANY,   /* "*"; the reader makes a list with one an empty list, which means any */
	/* A prefix or a-b: first..last, inclusive, one family. The block ::ffff:0:0/96, where IPv4 lives,
	 * is never meant by an IPv6 range that holds it (::/0). */
	SLUICE_SELECT_RANGE,
	SLUICE_SELECT_TAG,   /* name: VirtualNetwork, Internet, LoadBalancer, or a tag of the document;
			      * a document may write the three in any case, and AzureLoadBalancer */
	SLUICE_SELECT_ASG,   /* asg:NAME; name without the "asg:" */
};

struct sluice_selector {
	enum sluice_selector_kind kind;
	struct ip_address first;
	struct ip_address last;
	char *name; /* tag or asg; NULL otherwise */
	char *text; /* as it is written to the file, canonical */
};

struct sluice_prefix {
	struct ip_address address; /* host bits zero */
	unsigned char length;      /* in the address's own family: 0..32 or 0..128 */
	bool ipv6;
};

struct sluice_port_range {
	__u16 first;
	__u16 last;
};

#define SLUICE_ANY (-1)

/* Where something stands in the file it was read from; zero when it did not come from one. */
struct sluice_place {
	unsigned int line;
	unsigned int column;
};

/* A rule of an NSG or of an ACL (which has no priority: its order in the list decides). */
struct sluice_rule {
	struct sluice_place place;
	char *name;
	unsigned int priority; /* NSG: 100..4096; ACL: 0 */
	enum direction direction;
	enum access access;
	int protocol;          /* 0..255, or SLUICE_ANY; 1 (Icmp) also covers ICMPv6 */
	int icmp_type;         /* 0..255, or SLUICE_ANY */
	int icmp_code;
	/* Empty lists mean "any". */
	struct sluice_selector *sources;
	size_t source_count;
	struct sluice_port_range *source_ports;
	size_t source_port_count;
	struct sluice_selector *destinations;
	size_t destination_count;
	struct sluice_port_range *destination_ports;
	size_t destination_port_count;
};

struct sluice_nsg {
	struct sluice_place place;
	char *name;
	bool keep_existing_flows; /* existingFlows: keep */
	struct sluice_rule *rules;
	size_t rule_count;
};

struct sluice_acl {
	struct sluice_place place;
	char *name;
	bool applies_to_ports; /* false: appliesTo switch */
	struct sluice_rule *rules;
	size_t rule_count;
};

struct sluice_subnet {
	struct sluice_place place;
	char *name;
	struct sluice_prefix *prefixes;
	size_t prefix_count;
	char *nsg;    /* NULL: none */
	char *routes; /* a route table; NULL: none */
};

/* An address of a vnet that lives on another host. */
struct sluice_vnet_address {
	struct sluice_place place;
	char *address; /* canonical text: it is what names it */
	unsigned char mac[6];
	char *remote;
};

struct sluice_vnet {
	struct sluice_place place;
	char *name;
	/* 1..16777215. When the document has none it is derived from the name, so that flows, which
	 * are keyed with it, stay with their vnet whatever vnets come and go around it. */
	unsigned int vni;
	struct sluice_prefix *prefixes;
	size_t prefix_count;
	/* Vnets whose addresses are in reach, and the other way round; one of two names the other. */
	char **peers;
	size_t peer_count;
	struct sluice_subnet *subnets;
	size_t subnet_count;
	struct sluice_vnet_address *addresses;
	size_t address_count;
};

/* Another host's tunnel endpoint. */
struct sluice_remote {
	struct sluice_place place;
	char *name;
	struct ip_address address; /* in the network between the hosts */
};

/* A route is named by where it leads, its prefix in canonical text. */
struct sluice_route {
	struct sluice_place place;
	char *prefix;
	char *next_hop; /* a port's address in canonical text, "internet" or "none" */
};

struct sluice_route_table {
	struct sluice_place place;
	char *name;
	struct sluice_route *routes;
	size_t route_count;
};

struct sluice_tag {
	struct sluice_place place;
	char *name;
	struct sluice_selector *prefixes; /* SLUICE_SELECT_RANGE only */
	size_t prefix_count;
};

/* An asg is a name; its members are the ports that list it. */
struct sluice_asg {
	struct sluice_place place;
	char *name;
};

enum sluice_hook {
	SLUICE_HOOK_AUTO,
	SLUICE_HOOK_XDP,
	SLUICE_HOOK_TC,
	SLUICE_HOOK_XDP_GENERIC,
};

struct sluice_uplink {
	struct sluice_place place;
	char *device;
	enum sluice_hook hook;
	unsigned int vfs; /* to be made of the NIC; 0: those there are are used */
	char *cpus;       /* that do its work: "node", or a list "0-3,8"; NULL: left as they are */
};

/* How a port is delivered to, other than through its device's driver. */
enum sluice_acceleration {
	SLUICE_ACCELERATION_OFF,
	SLUICE_ACCELERATION_AUTO,
	SLUICE_ACCELERATION_VF,
	SLUICE_ACCELERATION_AF_XDP,
	SLUICE_ACCELERATION_OFFLOAD,
};

struct sluice_port {
	struct sluice_place place;
	char *name;
	char *device; /* IFNAME, or NETNS/IFNAME: the end of a veth pair whose other end is here */
	enum sluice_hook hook;
	char *vnet;
	char *subnet;
	unsigned char mac[6];
	struct ip_address *addresses;
	size_t address_count;
	char *nsg; /* NULL: none */
	char *acl; /* NULL: none */
	char **asgs;
	size_t asg_count;
	bool allow_spoofing;      /* guards.spoofing: allow */
	bool allow_dhcp_server;   /* guards.dhcpServer: allow */
	bool allow_router_advert; /* guards.routerAdvert: allow */
	unsigned int flow_limit; /* 0: an even share of the flow table, up to 100,000 */
	enum sluice_acceleration acceleration; /* acceleration.mode */
	/* acceleration.device: auto: carries the port while it is up; vf: the NIC, which is an uplink;
	 * or NULL */
	char *fast_device;
	int vf;              /* acceleration.vf, or SLUICE_ANY */
	unsigned int queues; /* acceleration.queues: of a device that the switch makes; 0: one */
	bool pass_unread;    /* acceleration.whenDead: pass, up the stack at the far end */
	char *cpus;          /* as an uplink's; "node" is the NIC's */
};

/* Flows of a vnet that match go to a port other than the one that has their destination. */
struct sluice_steer {
	struct sluice_rule match; /* place, name, priority (unique in the vnet), what it matches */
	char *vnet;
	char *to;                 /* a port of that vnet */
	bool drop_dead;           /* whenDead: drop what no AF_XDP socket reads there; else it is not
				   * steered */
};

enum sluice_nat_type {
	SLUICE_NAT_PUBLIC,  /* an address that is a port's alone */
	SLUICE_NAT_GATEWAY, /* addresses that ports of a vnet share when they go outside */
	SLUICE_NAT_FORWARD, /* one port of an address, for a port of the switch */
};

/* A port of the switch and a number of TCP or UDP there. */
struct sluice_target {
	char *port; /* NULL: none */
	__u16 number;
};

struct sluice_frontend {
	struct ip_address address;
	__u16 port;
};

/* Of the keys those have a value that the type needs. Addresses that are not given are zero. */
struct sluice_nat {
	struct sluice_place place;
	char *name;
	enum sluice_nat_type type;
	struct ip_address address;
	char *port;
	char *vnet;
	char **subnets; /* none: all of the vnet */
	size_t subnet_count;
	struct ip_address *addresses;
	size_t address_count;
	struct sluice_port_range ports; /* 0-0: 1024-65535 */
	int protocol;
	unsigned int destination_port;
	struct sluice_target to;
};

/* Flows to the frontend are shared out to backends. */
struct sluice_lb {
	struct sluice_place place;
	char *name;
	char *vnet;
	struct sluice_frontend frontend; /* an address in the vnet, or a public one */
	int protocol;
	char **backends;
	size_t backend_count;
	unsigned int backend_port; /* 0: the frontend's */
	enum nat_affinity affinity;
};

struct sluice_config {
	char *file; /* where it was read from, for messages; NULL: not from a file, or edited since */
	char *name; /* switch.name */
	bool tcp_loose; /* switch.tcp: loose (default strict) */
	/* How many flows the flow table has room for, at least; it is as large as the power of two at
	 * or above it, from `up` to `down`. */
	unsigned int flows;
	bool thinned;   /* something was taken out, which what is left may still use */
	struct sluice_uplink *uplinks;
	size_t uplink_count;
	enum tunnel_type tunnel_type;   /* tunnel.type */
	struct ip_address tunnel_local; /* tunnel.local; zero: not given */
	unsigned int tunnel_port;       /* tunnel.port; 0: the type's own */
	struct sluice_remote *remotes;
	size_t remote_count;
	struct sluice_vnet *vnets;
	size_t vnet_count;
	struct sluice_route_table *route_tables;
	size_t route_table_count;
	struct sluice_tag *tags;
	size_t tag_count;
	struct sluice_asg *asgs;
	size_t asg_count;
	struct sluice_acl *acls;
	size_t acl_count;
	struct sluice_nsg *nsgs;
	size_t nsg_count;
	struct sluice_port *ports;
	size_t port_count;
	struct sluice_steer *steers;
	size_t steer_count;
	struct sluice_nat *nat;
	size_t nat_count;
	struct sluice_lb *lbs;
	size_t lb_count;
};

#endif
