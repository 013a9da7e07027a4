/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fragments (maps/fragment.h): the first, once allowed, leaves its ports and its bytes; later ones
 * take the ports from there. A later fragment that comes before its first, repeats bytes, or comes
 * after FRAGMENT_SECONDS is dropped: what cannot be judged does not pass.
 *
 * All functions below that speak of "held" run under the element's spin lock, where nothing may be
 * called.
 */
#ifndef SLUICE_BPF_FRAGMENT_H
#define SLUICE_BPF_FRAGMENT_H

#include "bpf/flow_key.h"
#include "maps/fragment.h"

/* The datagram's element in the sender's share. Collisions cost nobody but the sender, so this
 * hash need not be strong. */
static __always_inline struct fragment *fragment_at(const struct packet *packet)
{
	const struct tuple *tuple = &packet->tuple;
	__u64 mix = (tuple->destination.halves[1] ^ tuple->source.halves[1] ^
		     (__u64)packet->fragment_id << 32 ^ packet->fragment_id) *
		    0x9e3779b97f4a7c15ULL;
	__u32 index = packet->in_slot * FRAGMENTS_PER_PORT + (mix >> 60) % FRAGMENTS_PER_PORT;

	return bpf_map_lookup_elem(&fragments, &index);
}

/* IPv4 counts the protocol to a datagram's identity; IPv6 does not, and there only the first
 * fragment tells the transport (RFC 8200, 4.5). */
static __always_inline bool fragment_matches_held(const struct fragment *fragment,
						  const struct packet *packet, __u32 vni)
{
	return fragment->flags && fragment->vni == vni && fragment->id == packet->fragment_id &&
	       (packet->ipv6 || fragment->protocol == packet->tuple.protocol) &&
	       address_equal(&fragment->source, &packet->tuple.source) &&
	       address_equal(&fragment->destination, &packet->tuple.destination) &&
	       (__s32)(packet->now - fragment->first_seen) <=
		       FRAGMENT_SECONDS * FLOW_TICKS_PER_SECOND;
}

static __always_inline bool fragment_complete_held(const struct fragment *fragment)
{
	__u32 pieces = 0;

	for (int i = 0; i < FRAGMENT_RANGES; i++)
		pieces += fragment->range[i].begin != fragment->range[i].end;
	return fragment->flags & FRAGMENT_LAST_SEEN && pieces == 1;
}

static __always_inline bool fragment_overlaps_held(const struct fragment *fragment, __u32 begin,
						   __u32 end)
{
	for (int i = 0; i < FRAGMENT_RANGES; i++)
		if (begin < fragment->range[i].end && end > fragment->range[i].begin)
			return true;
	return false;
}

/* Joins begin..end with the ranges it touches. False: no range is left for it. */
static __always_inline bool fragment_add_held(struct fragment *fragment, __u32 begin, __u32 end)
{
	for (int i = 0; i < FRAGMENT_RANGES; i++) {
		__u32 other_begin = fragment->range[i].begin, other_end = fragment->range[i].end;

		if (other_begin == other_end || (other_end != begin && other_begin != end))
			continue;
		begin = begin < other_begin ? begin : other_begin;
		end = end > other_end ? end : other_end;
		fragment->range[i].begin = 0;
		fragment->range[i].end = 0;
	}
	for (int i = 0; i < FRAGMENT_RANGES; i++) {
		if (fragment->range[i].begin != fragment->range[i].end)
			continue;
		fragment->range[i].begin = begin;
		fragment->range[i].end = end;
		return true;
	}
	return false;
}

/* A later fragment: takes over what the first one said, or gives the reason to drop it. */
static __noinline int follow_fragment(struct packet *packet, __u32 vni)
{
	struct fragment *fragment = fragment_at(packet);
	__be16 source_port = 0, destination_port = 0;
	__u8 icmp_type = 0, icmp_code = 0, protocol = 0;
	int reason = DROP_FRAGMENT_ORPHAN;

	if (!fragment)
		return reason;
	bpf_spin_lock(&fragment->lock);
	if (fragment_matches_held(fragment, packet, vni)) {
		reason = 0;
		if (fragment_overlaps_held(fragment, packet->fragment_begin, packet->fragment_end))
			reason = DROP_FRAGMENT_OVERLAP;
		else if (!packet->read_only &&
			 !fragment_add_held(fragment, packet->fragment_begin, packet->fragment_end))
			reason = DROP_FRAGMENT_LIMIT;
		else if (!packet->read_only && !packet->fragment_more)
			fragment->flags |= FRAGMENT_LAST_SEEN;
		source_port = fragment->source_port;
		destination_port = fragment->destination_port;
		icmp_type = fragment->icmp_type;
		icmp_code = fragment->icmp_code;
		protocol = fragment->protocol;
	}
	bpf_spin_unlock(&fragment->lock);
	if (reason)
		return reason;
	packet->tuple.protocol = protocol;
	if (is_icmp(protocol)) {
		packet->icmp_identifier = source_port;
		packet->tuple.icmp_type = icmp_type;
		packet->tuple.icmp_code = icmp_code;
		return 0;
	}
	packet->tuple.source_port = source_port;
	packet->tuple.destination_port = destination_port;
	packet->tuple.has_ports = protocol_has_ports(protocol);
	return 0;
}

/* A first fragment that is allowed: its element begins anew, unless it is already there. */
static __noinline int record_fragment(const struct packet *packet, __u32 vni)
{
	const struct tuple *tuple = &packet->tuple;
	struct fragment *fragment = fragment_at(packet);
	__be16 source_port = tuple->source_port;
	int reason = 0;

	if (!fragment)
		return DROP_FRAGMENT_ORPHAN;
	if (is_icmp(tuple->protocol))
		source_port = packet->icmp_identifier;
	bpf_spin_lock(&fragment->lock);
	if (fragment_matches_held(fragment, packet, vni) && !fragment_complete_held(fragment)) {
		reason = DROP_FRAGMENT_OVERLAP;
	} else if (!packet->read_only) {
		fragment->vni = vni;
		fragment->source = tuple->source;
		fragment->destination = tuple->destination;
		fragment->id = packet->fragment_id;
		fragment->source_port = source_port;
		fragment->destination_port = tuple->destination_port;
		fragment->first_seen = packet->now;
		fragment->protocol = tuple->protocol;
		fragment->flags = FRAGMENT_USED;
		fragment->icmp_type = tuple->icmp_type;
		fragment->icmp_code = tuple->icmp_code;
		__builtin_memset(fragment->range, 0, sizeof(fragment->range));
		fragment->range[0].begin = packet->fragment_begin;
		fragment->range[0].end = packet->fragment_end;
	}
	bpf_spin_unlock(&fragment->lock);
	return reason;
}

#endif
