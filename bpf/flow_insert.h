/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writing the flow table: a new entry, a packet more in an old one, a verdict renewed.
 */
#ifndef SLUICE_BPF_FLOW_INSERT_H
#define SLUICE_BPF_FLOW_INSERT_H

#include "bpf/count.h"
#include "bpf/observe.h"
#include "bpf/settle.h"
#include "bpf/tcp.h"
#include "maps/import.h"

/* How often a swap is tried again when the other direction's CPU was first. */
#define FLOW_SWAPS 4

/* Counts a packet that belongs to the flow. What comes after the end prolongs nothing. */
static __always_inline void flow_count(const struct packet *packet, struct flow *flow, __u8 state)
{
	__u32 here = near_end(packet);

	if (flow->last_seen != packet->now && state != FLOW_CLOSED)
		WRITE_ONCE(flow->last_seen, packet->now);
	if (__sync_fetch_and_add(&flow->counted[here], FLOW_COUNT_ONE | packet->length) &
	    FLOW_COUNT_FULL)
		flow_settle(flow);
}

static __always_inline void flow_touch(const struct packet *packet, struct flow *flow, __u8 state)
{
	if (packet->tuple.protocol == PROTOCOL_TCP)
		tcp_note_numbers(flow, packet);
	flow_count(packet, flow, state);
}

/* Moves the entry to the state that follows from the packet. */
static __noinline void flow_step(const struct packet *packet, struct flow *flow, __u64 word)
{
	for (int i = 0; i < FLOW_SWAPS; i++) {
		__u64 next = flow_next(flow, word, packet);
		__u64 seen;

		if (next == word || next == FLOW_INVALID || next == FLOW_REOPENED)
			return;
		seen = __sync_val_compare_and_swap(&flow->standing, word, next);
		if (seen == word || !seen)
			return;
		word = seen;
	}
}

/* The standing after a packet that was judged anew under packet->root; 0: leave it. */
static __always_inline __u64 flow_renewed(const struct packet *packet, const struct flow *flow,
					  __u64 word)
{
	union flow_standing standing = { .word = flow_next(flow, word, packet) };

	if (standing.word == FLOW_INVALID || standing.word == FLOW_REOPENED)
		return 0;
	if (standing.version != packet->root->version)
		standing.acl_allowed = 0;
	standing.version = packet->root->version;
	standing.acl_allowed |= 1 << near_end(packet);
	standing.acl_allowed &= ~FLOW_UNMET;
	return standing.word;
}

/* Was the flow judged by a later version than the packet? Then that verdict stays. */
static __always_inline bool judged_later(const struct packet *packet, __u64 word)
{
	union flow_standing standing = { .word = word };

	return (__s32)(standing.version - packet->root->version) > 0;
}

/* A slower packet of an older version has written its rules over a later verdict's: the next packet
 * is judged again. */
static __always_inline void flow_doubt(const struct packet *packet, struct flow *flow, __u64 word)
{
	for (int i = 0; i < FLOW_SWAPS && word; i++) {
		union flow_standing standing = { .word = word };
		__u64 seen;

		standing.version = packet->root->version;
		standing.acl_allowed = 0;
		seen = __sync_val_compare_and_swap(&flow->standing, word, standing.word);
		if (seen == word)
			return;
		word = seen;
	}
}

/* Keeps the new verdict of a packet of an old flow. The packet passes and is counted, also when
 * other packets' verdicts were faster every time. False: the entry was freed before that. */
static __noinline bool flow_renew(const struct packet *packet)
{
	struct flow *flow = packet->flow;
	struct flow_detail *detail;
	bool written = false;
	__u64 word, next;

	if (packet->read_only || !flow)
		return true;
	detail = flow_detail(flow);
	if (!detail)
		return false;
	word = READ_ONCE(flow->standing);
	if (!flow_unchanged(flow, packet->flow_claim))
		return false;
	for (int i = 0; i < FLOW_SWAPS && word && !judged_later(packet, word); i++) {
		__u64 seen;

		next = flow_renewed(packet, flow, word);
		if (!next) {
			count_apart(packet);
			return true;
		}
		flow_settle(flow);
		__builtin_memcpy(detail->rule, packet->rule, sizeof(detail->rule));
		detail->keep = packet->keep;
		written = true;
		seen = __sync_val_compare_and_swap(&flow->standing, word, next);
		if (seen == word)
			break;
		word = seen;
	}
	if (written && judged_later(packet, word))
		flow_doubt(packet, flow, word);
	if (word)
		flow_touch(packet, flow, (word >> 32) & 0xff);
	else
		count_apart(packet);
	return true;
}

/* The entry was claimed while the packet was judged again, to be freed. The packet was before that:
 * it counts, as one does that is known and meets the same. */
static __always_inline void flow_count_late(const struct packet *packet)
{
	struct flow *flow = packet->flow;

	if (packet->read_only)
		return;
	if (READ_ONCE(flow->claim) == packet->flow_claim + 1)
		flow_touch(packet, flow, READ_ONCE(flow->state));
	else
		count_apart(packet);
}

/* --- under the stripe's lock: nothing may be called --- */

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

/* What packets at another switch have left of an imported flow. */
static __always_inline void flow_fill_import(struct flow *flow, struct flow_detail *detail,
					     const struct imported_flow *import, __u32 here)
{
	flow->last_seen -= import->idle;
	flow->tcp_acks = turn_bits(import->tcp_acks, here);
	detail->created -= import->age;
	for (int i = 0; i < 2; i++) {
		__u32 end = i ? here ^ 1 : here;

		barrier_var(end);
		end &= 1;
		flow->tcp_ack[end] = import->tcp_ack[i];
		detail->packets[end] = import->packets[i];
		detail->bytes[end] = import->bytes[i];
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
	/* Added: a packet that found the flow before this one may count at this moment. */
	if (import)
		flow_fill_import(flow, detail, import, here);
	else
		__sync_fetch_and_add(&flow->counted[here], FLOW_COUNT_ONE | packet->length);
	__sync_lock_test_and_set(&flow->standing, standing.word);
}

/* --- until here --- */

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
	struct flow_detail *detail;

	if (!flow) {
		flow = way_of_key(&homes[1], tag_of(hash), id, &claim);
		home = 1;
	}
	if (flow && flow_serves(flow, packet) && !(import && READ_ONCE(flow->acl_allowed) & FLOW_UNMET)) {
		*found = flow;
		*found_claim = claim;
		return INSERT_EXISTS;
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
	barrier_var(way); /* or the verifier loses sight of the bound */
	detail = &(home ? homes[1].details : homes[0].details)->way[way & (FLOWS_PER_BUCKET - 1)];
	flow_fill(flow, detail,
		  (home ? second_bucket(hash) : first_bucket(hash)) * FLOWS_PER_BUCKET + way, packet,
		  import, key, id, due);
	flow_release(flow, claim);
	*found = flow;
	*found_claim = claim + 2;
	return INSERT_DONE;
}

static __always_inline bool flow_home(struct flow_home *home, __u32 bucket)
{
	home->bucket = bpf_map_lookup_elem(&flows, &bucket);
	home->details = bpf_map_lookup_elem(&flow_details, &bucket);
	home->tags = bpf_map_lookup_elem(&flow_tags, &bucket);
	return home->bucket && home->details && home->tags;
}

/* Both homes of a hash and the stripe that guards it. */
static __always_inline struct flow_lock *flow_choose(struct flow_home *homes, __u64 hash)
{
	__u32 stripe = (hash >> 16) % FLOW_LOCK_STRIPES;

	if (!flow_home(&homes[0], first_bucket(hash)) || !flow_home(&homes[1], second_bucket(hash)))
		return NULL;
	return bpf_map_lookup_elem(&flow_locks, &stripe);
}

/* What flow_insert() says besides 0 (a new entry) and drop reasons. */
#define FLOW_JOINS (-1) /* packet->flow stands for the packet's flow: another CPU was first */
#define FLOW_GONE  (-2) /* the flow had an entry, which was freed while the packet came to it */

/* Makes the entry of a new flow; import: of one that another switch had, or NULL. The place is
 * counted off the port's quota beforehand, so that no two CPUs share the last one, and given back if
 * it was not needed. */
static __always_inline int flow_insert_as(struct packet *packet, __u32 vni,
					  const struct imported_flow *import)
{
	const struct control *control = control_get();
	__u32 slot = packet->in_slot, owner = 0;
	struct flow_home homes[2];
	struct flow *flow = NULL;
	enum insertion insertion;
	struct flow_lock *lock;
	union flow_words key;
	struct due due = {};
	struct flow_id id;
	__u64 hash, *usage;

	usage = bpf_map_lookup_elem(&flow_usage, &slot);
	if (!control || !usage)
		return DROP_FLOW_TABLE_FULL;
	if (packet->read_only)
		return READ_ONCE(*usage) >= packet->in->flow_limit ? DROP_FLOW_LIMIT : 0;
	flow_key_make(&key, &packet->tuple, packet->icmp_identifier, packet->unsolicited, vni);
	flow_id_make(control, &id, &key);
	hash = flow_hash(control, &id);
	lock = flow_choose(homes, hash);
	if (!lock)
		return DROP_FLOW_TABLE_FULL;
	if (__sync_fetch_and_add(usage, 1) >= packet->in->flow_limit) {
		__sync_fetch_and_add(usage, -1);
		return DROP_FLOW_LIMIT;
	}

	bpf_spin_lock(&lock->lock);
	insertion = flow_place(packet, import, &key, &id, homes, hash, &flow, &packet->flow_claim,
			       &owner, &due);
	bpf_spin_unlock(&lock->lock);

	if (insertion != INSERT_DONE)
		__sync_fetch_and_add(usage, -1);
	if (owner)
		flow_usage_drop(owner);
	settle_rules(&due);
	packet->flow = flow;
	if (insertion == INSERT_FULL || !flow)
		return DROP_FLOW_TABLE_FULL;
	return insertion == INSERT_EXISTS ? FLOW_JOINS : 0;
}

static __noinline int flow_insert(struct packet *packet, __u32 vni)
{
	return flow_insert_as(packet, vni, NULL);
}

static __always_inline void count_flow_for_rules(const struct packet *packet)
{
	for (int i = 0; i < FLOW_RULES; i++)
		count_rule_flow(packet, packet->rule[i]);
	count_rule_flow(packet, packet->acl_rule);
}

static __always_inline void count_new_flow(const struct packet *packet)
{
	count_flow_for_rules(packet);
	observe_new_flow(packet);
}

/* Both ends began at once; the rules are those of the one that was first. */
static __always_inline int flow_join(struct packet *packet)
{
	const struct flow_detail *detail = flow_detail(packet->flow);
	__u32 rule[FLOW_RULES];

	if (detail) {
		__builtin_memcpy(rule, detail->rule, sizeof(rule));
		if (flow_unchanged(packet->flow, packet->flow_claim)) {
			__builtin_memcpy(packet->rule, rule, sizeof(rule));
			if (flow_renew(packet))
				return 0;
		}
	}
	packet->flow = NULL;
	return FLOW_GONE;
}

#endif
