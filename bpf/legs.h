/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which entry is the packet's, where one connection has more than one.
 *
 * A connection that a port sends on (an appliance, the next hop of a route) is two flows with the same
 * addresses and ports: from its sender to that port, and from there to its receiver. They are told
 * apart by their ports: a packet belongs to the entry whose near end is the port that it came from.
 * The one that begins while the other has the key gets the turned key, whose ends stand the other way
 * round, as no other flow's do. So at most one port may lie between the ends of a connection.
 *
 * A connection between peered vnets is keyed with the VNI of the one in which it began: what comes back
 * is looked for under the VNI of the port it goes to.
 *
 * Only packets without an entry under their own key look further, and only in vnets that say so (enum
 * vnet_sharing).
 */
#ifndef SLUICE_BPF_LEGS_H
#define SLUICE_BPF_LEGS_H

#include "bpf/flow_table.h"
#include "bpf/forget.h"
#include "bpf/reach.h"

/* How a search is asked for and what it says. find_under() is not static: the verifier walks it once and not
 * for each place it is called from. */
#define LEG_FORM_SHIFT 16         /* identifier of an ICMP message | enum key_form << this */
#define LEG_OWN        (1U << 31) /* found: an entry of the port that the packet came from */
#define LEG_PLACE      ((1U << 25) - 1) /* found: flow->place + 1; 0: none */

static __always_inline struct packet *packet_of(struct packet_facts *facts)
{
	return (struct packet *)((__u8 *)facts - __builtin_offsetof(struct packet, tuple));
}

/* Is it a flow of the port that the packet came from? What is quoted went there. */
static __always_inline bool is_own_leg(const struct packet *packet, const struct flow *flow,
				       __u32 form)
{
	__u32 end = near_end(packet) ^ (form & KEY_QUOTED ? 1 : 0);

	return flow->slot[end & 1] == packet->in_slot;
}

/* The live entry under a key of the packet or of one that it quotes: LEG_*. packet->direction is then
 * that one's. */
__noinline __u32 find_under(struct packet_facts *facts, const struct tuple *tuple, __u32 asked,
			    __u32 vni)
{
	const struct control *control = control_get();
	__u32 form = asked >> LEG_FORM_SHIFT;
	struct packet *packet;
	union flow_words key;
	struct flow *flow;
	struct flow_id id;

	if (!facts || !tuple || !control)
		return 0;
	packet = packet_of(facts);
	packet->direction = flow_key_make(&key, tuple, asked & 0xffff, form, vni);
	flow_id_make(control, &id, &key);
	flow = flow_search(control, &id, packet->now, &packet->flow_claim);
	if (!flow)
		return 0;
	return (flow->place + 1) | (is_own_leg(packet, flow, form) ? LEG_OWN : 0);
}

/* There is no entry under the packet's own key (KEY_TAKEN: another port's): is there one under the turned
 * key, or under a peer's VNI, far? If not, packet->form is that of the key with which it can begin. */
static __noinline __u32 find_shared(struct packet *packet, const struct tuple *tuple, __u32 asked,
				    __u32 vni, __u32 far)
{
	struct packet_facts *facts = (struct packet_facts *)&packet->tuple;
	__u8 form = asked >> LEG_FORM_SHIFT & KEY_UNSOLICITED, direction = packet->direction & 1;
	__u32 found, turned;

	turned = find_under(facts, tuple, asked | KEY_TURNED << LEG_FORM_SHIFT, vni);
	packet->form = form | KEY_TURNED;
	if (turned & LEG_OWN)
		return turned;
	if (far) {
		found = find_under(facts, tuple, asked, far);
		packet->form = form;
		if (found & LEG_OWN)
			return found;
		found = find_under(facts, tuple, asked | KEY_TURNED << LEG_FORM_SHIFT, far);
		packet->form = form | KEY_TURNED;
		if (found & LEG_OWN)
			return found;
	}
	packet->form = form;
	packet->direction = direction;
	if (asked & KEY_TAKEN << LEG_FORM_SHIFT) {
		packet->form = turned ? form | KEY_TURNED | KEY_TAKEN : form | KEY_TURNED;
		packet->direction = direction ^ 1;
	}
	return 0;
}

/* The entry that a search found, or NULL. */
static __always_inline struct flow *flow_found(__u32 found)
{
	__u32 place = (found & LEG_PLACE) - 1, index = place / FLOWS_PER_BUCKET;
	struct flow_bucket *bucket;

	if (!(found & LEG_PLACE))
		return NULL;
	bucket = bpf_map_lookup_elem(&flows, &index);
	return bucket ? flow_way(bucket, place) : NULL;
}

static __always_inline __u32 vnet_sharing(const struct packet *packet)
{
	const struct vnet *vnet = table_at(packet->in->vnet);

	return vnet ? vnet->sharing : 0;
}

/* The VNI that a flow has which began where the packet goes, if it is another one, else 0. */
static __noinline __u32 far_vni(const struct packet *packet, __u32 vni)
{
	__u32 slot = target_slot(packet, &packet->tuple.destination);
	const struct port *port = slot ? port_at(packet->root, slot) : NULL;
	__u32 far = port ? port_vni(port) : vni;

	return far == vni ? 0 : far;
}

/* The entry of a packet or, with KEY_QUOTED, of one that it quotes. It can be another port's in a vnet
 * that shares no keys. */
static __noinline struct flow *find_leg(struct packet *packet, const struct tuple *tuple,
					__u32 asked, __u32 vni)
{
	struct packet_facts *facts = (struct packet_facts *)&packet->tuple;
	__u32 found = find_under(facts, tuple, asked, vni), sharing;

	sharing = found & LEG_OWN ? 0 : vnet_sharing(packet);
	if (sharing) {
		__u32 far = sharing & VNET_PEERED ? far_vni(packet, vni) : 0;

		if (found)
			asked |= KEY_TAKEN << LEG_FORM_SHIFT;
		found = find_shared(packet, tuple, asked, vni, far);
	}
	return flow_found(found);
}

#endif
