/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * struct port: what the switch knows of one port, in one line of `tables`.
 *
 * The array root.ports is indexed by slot. A slot belongs to a port's name from the version that
 * adds it to the version that removes it, and is not given to another port while a packet could
 * still mean the old one. An unused slot has flags 0 and admits nothing.
 */
#ifndef SLUICE_MAPS_PORT_H
#define SLUICE_MAPS_PORT_H

#include "base.h"

enum port_flags {
	PORT_IN_USE = 1 << 0,
	PORT_MAY_SPOOF = 1 << 1,        /* guards.spoofing: allow */
	PORT_MAY_SERVE_DHCP = 1 << 2,   /* guards.dhcpServer: allow */
	PORT_MAY_ADVERTISE = 1 << 3,    /* guards.routerAdvert: allow */
	PORT_REDIRECT_PEER = 1 << 4,    /* tc delivery may use bpf_redirect_peer (veth, peer elsewhere) */
	PORT_KEEP_NSG_IN = 1 << 5,      /* every NSG that polices this port inbound says keep */
	PORT_KEEP_NSG_OUT = 1 << 6,     /* the same outbound */
	PORT_PASS_UNREAD = 1 << 7,      /* af_xdp: a frame that no socket takes goes up the stack at
					 * the far end; else it is dropped */
};

/* How frames reach the port's device. X(IDENTIFIER, "name in output") */
#define DELIVERIES(X)       \
	X(TC, "tc")         \
	X(XDP, "xdp")       \
	X(AF_XDP, "af_xdp") \
	X(VF, "vf")         \
	X(OFFLOAD, "offload") \
	X(TUNNEL, "tunnel")

enum delivery {
#define X(identifier, name) DELIVERY_##identifier,
	DELIVERIES(X)
#undef X
	DELIVERY_COUNT
};

#define SLUICE_MTU_ANY 65535

struct port {
	__u16 slot;
	__u16 mtu;                         /* of its way: the longest IP packet that its devices take;
					    * SLUICE_MTU_ANY: nobody knows, or longer than any */
	__u32 vnet;                        /* line of its struct vnet */
	__u32 subnet;                      /* line of its struct subnet */
	union {
		struct {
			__u8 mac[6];
			__u8 flags;        /* enum port_flags */
			__u8 delivery;     /* enum delivery */
		};
		__u32 tunnel;              /* DELIVERY_TUNNEL: line of its struct tunnel. Nobody has
					    * one MAC there (maps/tunnel.h) */
	};
	__u32 switch_acl[DIRECTION_COUNT]; /* classifiers; 0: none, which allows. The ACLs for every
					    * port, in order, as this port's vnet means their names */
	__u32 acl[DIRECTION_COUNT];        /* the port's own ACL */
	__u32 nic_nsg[DIRECTION_COUNT];
	__u32 subnet_nsg[DIRECTION_COUNT];
	__u32 flow_limit;
	__u32 vni;                         /* of its vnet; 0: a build that did not note it laid
					    * this version */
	__u8 queues;                       /* af_xdp: how many its far end receives on */
	__u8 second;                       /* 1: it has another device, to take over (maps/devices.h) */
	__u16 vlan;                        /* the private VLAN of its VF (maps/tables.h); 0: it has
					    * none. Frames for it are tagged when delivery is VF */
};

_Static_assert(sizeof(struct port) == SLUICE_CACHE_LINE, "a port is one line");

#endif
