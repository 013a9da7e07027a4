/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A new entry's place in the flow table: what runs under the stripe's lock, where nothing may be called.
 */
#ifndef SLUICE_BPF_FLOW_PLACE_H
#define SLUICE_BPF_FLOW_PLACE_H

#include "bpf/settle.h"
#include "bpf/tcp.h"
#include "maps/import.h"

/* One of the two buckets that a key may live in. */
struct flow_home {
	struct flow_bucket *bucket;
	struct flow_details *details;
	__u64 *tags;
};

/* The entry of this key, live or not. */
static __always_inline struct flow *way_of_key(const struct flow_home *home, __u64 tag,
					       const struct flow_id *id, __u32 *claim)
{
	__u64 ways = ways_tagged(READ_ONCE(*home->tags), tag);

	for (int i = 0; i < FLOWS_PER_BUCKET && ways; i++, ways = without_lowest(ways)) {
		struct flow *flow = flow_way(home->bucket, lowest_way(ways));

		*claim = READ_ONCE(flow->claim);
		barrier();
		if (!(*claim & 1) && flow->state != FLOW_FREE && flow_id_equal(&flow->id, id))
			return flow;
	}
	return NULL;
}

static __always_inline struct flow_detail *way_detail(const struct flow_home *home, __u32 way)
{
	barrier_var(way); /* or the verifier loses sight of the bound */
	return &home->details->way[way & (FLOWS_PER_BUCKET - 1)];
}

static __always_inline __u32 tagged_ways(const struct flow_home *home)
{
	return FLOWS_PER_BUCKET - count_ways(ways_unused(READ_ONCE(*home->tags)));
}

static __always_inline __u32 living_ways(const struct flow_home *home, __u32 now)
{
	__u32 living = 0;

	for (int i = 0; i < FLOWS_PER_BUCKET; i++) {
		const struct flow *flow = &home->bucket->way[i];

		living += flow_lives(flow->state, flow->last_seen, now);
		/* One after the other: the compiler would keep all of them on the stack. */
		barrier_var(living);
	}
	barrier();
	return living;
}

/* Claims a way that is free, or whose time is out. */
static __always_inline bool claim_way(struct flow *flow, __u32 now, __u32 *claim)
{
	*claim = READ_ONCE(flow->claim);
	barrier();
	return !flow_lives(flow->state, flow->last_seen, now) && flow_claim(flow, *claim);
}

/* Claims a way without a tag, *way if it has none. Another CPU may be faster. */
static __always_inline struct flow *claim_untagged_way(const struct flow_home *home, __u32 now,
						       __u32 *claim, __u32 *way)
{
	__u64 unused = ways_unused(READ_ONCE(*home->tags));
	struct flow *flow;

	if (!unused)
		return NULL;
	if (!(unused >> *way * 8 & FLOW_TAG_USED))
		*way = lowest_way(unused);
	flow = flow_way(home->bucket, *way);
	return claim_way(flow, now, claim) ? flow : NULL;
}

/* Claims any way, from *way around, so that the verifier sees no difference between them. */
static __always_inline struct flow *claim_any_way(const struct flow_home *home, __u32 now,
						  __u32 *claim, __u32 *way)
{
	for (int i = 0; i < FLOWS_PER_BUCKET; i++, *way = (*way + 1) & (FLOWS_PER_BUCKET - 1)) {
		struct flow *flow = flow_way(home->bucket, *way);

		if (claim_way(flow, now, claim))
			return flow;
	}
	return NULL;
}

/* Claims a place for a new entry. *home: 0 or 1; *way: what the key would have, then what it has. A
 * bucket with enough room takes the entry without a look at the other, else the emptier one does. */
static __always_inline struct flow *claim_place(const struct flow_home *homes, __u32 now,
						__u32 *claim, __u32 *home, __u32 *way)
{
	__u32 load = tagged_ways(&homes[0]);
	struct flow *flow;

	*home = load >= FLOWS_WITHOUT_CHOICE && tagged_ways(&homes[1]) < load;
	flow = claim_untagged_way(*home ? &homes[1] : &homes[0], now, claim, way);
	if (flow)
		return flow;
	/* Some entries' time may be out that nobody has freed yet. */
	*home = living_ways(&homes[1], now) < living_ways(&homes[0], now);
	return claim_any_way(*home ? &homes[1] : &homes[0], now, claim, way);
}

/* Does this entry already stand for the packet's flow? Then another CPU was first. */
static __always_inline bool flow_serves(const struct flow *flow, const struct packet *packet)
{
	return flow->slot[near_end(packet)] == packet->in_slot &&
	       flow->slot[far_end(packet)] == packet->out_slot && flow->state != FLOW_CLOSED &&
	       flow_lives(flow->state, flow->last_seen, packet->now);
}

/* Of a flow's ends, as one that sends first has them, to its directions. */
static __always_inline __u8 turn_bits(__u8 bits, __u32 here)
{
	return here ? (bits & 1) << 1 | (bits >> 1 & 1) : bits & 3;
}

/* What packets at another switch have left of an imported flow, but for their counts. */
static __always_inline void flow_fill_import(struct flow *flow, struct flow_detail *detail,
					     const struct packet *packet,
					     const struct imported_flow *import)
{
	__u32 here = near_end(packet);

	flow->last_seen = packet->now - import->idle;
	flow->tcp_acks = turn_bits(import->tcp_acks, here);
	flow->tcp_ack[here] = import->tcp_ack[0];
	flow->tcp_ack[far_end(packet)] = import->tcp_ack[1];
	detail->created = packet->now - import->age;
}

/* What was counted there comes on top of what the totals had. */
static __always_inline void flow_count_import(struct flow_detail *detail, const __u64 *had_packets,
					      const __u64 *had_bytes,
					      const struct imported_flow *import, __u32 here)
{
	for (int i = 0; i < 2; i++) {
		__u32 end = i ? here ^ 1 : here;

		barrier_var(end);
		end &= 1;
		__sync_fetch_and_add(&detail->packets[end], import->packets[i] - had_packets[end]);
		__sync_fetch_and_add(&detail->bytes[end], import->bytes[i] - had_bytes[end]);
	}
}

static __always_inline union flow_standing first_standing(const struct packet *packet,
							  const struct imported_flow *import)
{
	__u32 here = near_end(packet);
	union flow_standing standing = {
		.version = packet->root->version,
		.state = import ? import->state : flow_first_state(packet),
		.originator = here,
		.acl_allowed = import ? FLOW_UNMET : 1 << here,
	};

	if (import)
		standing.tcp_fins = turn_bits(import->tcp_fins, here);
	else
		standing.tcp_fins = packet->tcp_flags & TCP_FIN ? 1 << here : 0;
	return standing;
}

/* Writes the entry of a packet's flow, or of an imported one. *due: what the flow before it left to
 * settle. */
static __always_inline void flow_fill(struct flow *flow, struct flow_detail *detail, __u32 place,
				      const struct packet *packet,
				      const struct imported_flow *import,
				      const union flow_words *key, const struct flow_id *id,
				      struct due *due)
{
	union flow_standing standing = first_standing(packet, import);
	__u32 here = near_end(packet);

	take_counted(flow, 0, due);
	take_counted(flow, 1, due);
	__builtin_memcpy(due->rule, detail->rule, sizeof(due->rule));
	flow->id = *id;
	flow->last_seen = packet->now;
	flow->slot[here] = packet->in_slot;
	flow->slot[far_end(packet)] = packet->out_slot;
	flow->place = place;
	flow->tcp_acks = 0;
	if (!import && packet->tuple.protocol == PROTOCOL_TCP)
		tcp_note_numbers(flow, packet);
	detail->address[0] = key->address[0];
	detail->address[1] = key->address[1];
	__builtin_memcpy(detail->rule, packet->rule, sizeof(detail->rule));
	for (int i = 0; i < 2; i++) {
		detail->packets[i] = 0;
		detail->bytes[i] = 0;
	}
	detail->created = packet->now;
	detail->error_due = packet->now;
	detail->keep = packet->keep;
	if (import) {
		flow_fill_import(flow, detail, packet, import);
		flow_count_import(detail, detail->packets, detail->bytes, import, here);
	} else {
		/* Added: a packet that found the flow before this one may count at this moment. */
		__sync_fetch_and_add(&flow->counted[here], FLOW_COUNT_ONE | packet->length);
	}
	__sync_lock_test_and_set(&flow->standing, standing.word);
}

/*
 * Brings an imported entry up to date that no packet has met. It stays the entry it is, so that a packet
 * that has just found it goes on with it. A packet takes FLOW_UNMET away before it counts, so the
 * swap that succeeds says that the totals were the earlier import's alone; from then on packets may be
 * settled there, so that what is new is added. False: a packet was first, and the entry is its.
 */
static __always_inline bool flow_import_again(struct flow *flow, struct flow_detail *detail,
					      const struct packet *packet,
					      const struct imported_flow *import, __u32 *owner)
{
	union flow_standing standing = first_standing(packet, import), old;
	__u64 packets[2] = { detail->packets[0], detail->packets[1] };
	__u64 bytes[2] = { detail->bytes[0], detail->bytes[1] };
	__u32 owned_by = flow_owner(flow);
	bool unmet;

	old.word = READ_ONCE(flow->standing);
	if (!(old.acl_allowed & FLOW_UNMET))
		return false;
	__sync_fetch_and_add(&detail->settling, 1);
	flow_fill_import(flow, detail, packet, import);
	__builtin_memcpy(detail->rule, packet->rule, sizeof(detail->rule));
	detail->keep = packet->keep;
	unmet = __sync_val_compare_and_swap(&flow->standing, old.word, standing.word) == old.word;
	if (unmet) {
		flow_count_import(detail, packets, bytes, import, near_end(packet));
		*owner = owned_by;
	} else {
		WRITE_ONCE(flow->last_seen, packet->now);
	}
	__sync_fetch_and_add(&detail->settling, 0xffff);
	return unmet;
}

enum insertion {
	INSERT_FULL = 0,
	INSERT_DONE = 1,
	INSERT_EXISTS = 2, /* *flow stands for the packet's flow already */
};

/* Puts the packet's or the imported flow into one of its two homes. *owner: whom the way counted
 * against before, or 0. Runs under the stripe's lock. */
static __always_inline enum insertion
flow_place(const struct packet *packet, const struct imported_flow *import,
	   const union flow_words *key, const struct flow_id *id, const struct flow_home *homes,
	   __u64 hash, struct flow **found, __u32 *found_claim, __u32 *owner, struct due *due)
{
	__u32 claim = 0, home = 0, way = first_way(hash);
	struct flow *flow = way_of_key(&homes[0], tag_of(hash), id, &claim);

	if (!flow) {
		flow = way_of_key(&homes[1], tag_of(hash), id, &claim);
		home = 1;
	}
	if (flow && flow_serves(flow, packet)) {
		*found = flow;
		*found_claim = claim;
		return import && flow_import_again(
					 flow,
					 way_detail(home ? &homes[1] : &homes[0], flow->place),
					 packet, import, owner)
			       ? INSERT_DONE
			       : INSERT_EXISTS;
	}
	/* Who holds the claim of the key's old entry frees it or has it for another flow. */
	if (flow && flow_claim(flow, claim))
		way = flow->place & (FLOWS_PER_BUCKET - 1);
	else
		flow = claim_place(homes, packet->now, &claim, &home, &way);
	if (!flow)
		return INSERT_FULL;
	*owner = flow->state == FLOW_FREE ? 0 : flow_owner(flow);
	tag_way(home ? homes[1].tags : homes[0].tags, way, tag_of(hash));
	flow_fill(flow, way_detail(home ? &homes[1] : &homes[0], way),
		  (home ? second_bucket(hash) : first_bucket(hash)) * FLOWS_PER_BUCKET + way,
		  packet, import, key, id, due);
	flow_release(flow, claim);
	*found = flow;
	*found_claim = claim + 2;
	return INSERT_DONE;
}

#endif
