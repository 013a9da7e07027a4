/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writing the flow table: a new entry, a packet more in an old one, a verdict renewed.
 */
#ifndef SLUICE_BPF_FLOW_INSERT_H
#define SLUICE_BPF_FLOW_INSERT_H

#include "bpf/count.h"
#include "bpf/observe.h"
#include "bpf/tcp.h"

/* How often a swap is tried again when the other direction's CPU was first. */
#define FLOW_SWAPS 4

/* Counts a packet that belongs to the flow. What comes after the end prolongs nothing. */
static __always_inline void flow_count(const struct packet *packet, struct flow *flow, __u8 state)
{
	__u32 here = near_end(packet);

	if (flow->last_seen != packet->now && state != FLOW_CLOSED)
		WRITE_ONCE(flow->last_seen, packet->now);
	__sync_fetch_and_add(&flow->packets[here], 1);
	__sync_fetch_and_add(&flow->bytes[here], packet->length);
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
	bool written = false;
	__u64 word, next;

	if (packet->read_only || !flow)
		return true;
	word = READ_ONCE(flow->standing);
	if (!flow_unchanged(flow, packet->flow_claim))
		return false;
	for (int i = 0; i < FLOW_SWAPS && word && !judged_later(packet, word); i++) {
		__u64 seen;

		next = flow_renewed(packet, flow, word);
		if (!next)
			return true;
		__builtin_memcpy(flow->rule, packet->rule, sizeof(flow->rule));
		flow->keep = packet->keep;
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
	return true;
}

/* The entry was claimed while the packet was judged again, to be freed. The packet was before that:
 * it counts, as one does that is known and meets the same. */
static __always_inline void flow_count_late(const struct packet *packet)
{
	struct flow *flow = packet->flow;

	if (!packet->read_only && READ_ONCE(flow->claim) == packet->flow_claim + 1)
		flow_touch(packet, flow, READ_ONCE(flow->state));
}

/* --- under the stripe's lock: nothing may be called --- */

/* The entry of this key, live or not. */
static __always_inline struct flow *way_of_key(struct flow_bucket *bucket, __u32 first_way,
					       const union flow_words *key, __u32 *claim)
{
	for (__u32 i = 0; i < FLOWS_PER_BUCKET; i++) {
		struct flow *flow = flow_way(bucket, first_way + i);

		*claim = READ_ONCE(flow->claim);
		barrier();
		if (!(*claim & 1) && flow->state != FLOW_FREE && flow_key_equal(&flow->key, key))
			return flow;
	}
	return NULL;
}

static __always_inline __u32 bucket_load(const struct flow_bucket *bucket, __u32 now)
{
	__u32 load = 0;

	for (int i = 0; i < FLOWS_PER_BUCKET; i++) {
		load += flow_lives(bucket->way[i].state, bucket->way[i].last_seen, now);
		/* One after the other: the compiler would keep all of them on the stack. */
		barrier_var(load);
	}
	barrier();
	return load;
}

/* Claims a way that is free, or whose time is out. */
static __always_inline struct flow *
claim_unused_way(struct flow_bucket *bucket, __u32 first_way, __u32 now, __u32 *claim)
{
	for (__u32 i = 0; i < FLOWS_PER_BUCKET; i++) {
		struct flow *flow = flow_way(bucket, first_way + i);

		*claim = READ_ONCE(flow->claim);
		barrier();
		if (!flow_lives(flow->state, flow->last_seen, now) && flow_claim(flow, *claim))
			return flow;
	}
	return NULL;
}

/* Does this entry already stand for the packet's flow? Then another CPU was first. */
static __always_inline bool flow_serves(const struct flow *flow, const struct packet *packet)
{
	return flow->slot[near_end(packet)] == packet->in_slot &&
	       flow->slot[far_end(packet)] == packet->out_slot && flow->state != FLOW_CLOSED &&
	       flow_lives(flow->state, flow->last_seen, packet->now);
}

static __always_inline void flow_fill(struct flow *flow, const struct packet *packet,
				      const union flow_words *key)
{
	__u32 here = near_end(packet);
	union flow_standing standing = {
		.version = packet->root->version,
		.state = flow_first_state(packet),
		.originator = here,
		.acl_allowed = 1 << here,
		.tcp_fins = packet->tcp_flags & TCP_FIN ? 1 << here : 0,
	};

	flow->key = key->key;
	flow->last_seen = packet->now;
	flow->error_due = packet->now;
	flow->slot[here] = packet->in_slot;
	flow->slot[far_end(packet)] = packet->out_slot;
	flow->packets[here] = 1;
	flow->packets[far_end(packet)] = 0;
	flow->bytes[here] = packet->length;
	flow->bytes[far_end(packet)] = 0;
	__builtin_memcpy(flow->rule, packet->rule, sizeof(flow->rule));
	flow->created = packet->now;
	flow->owner = packet->in_slot;
	flow->keep = packet->keep;
	flow->tcp_acks = 0;
	if (packet->tuple.protocol == PROTOCOL_TCP)
		tcp_note_numbers(flow, packet);
	__sync_lock_test_and_set(&flow->standing, standing.word);
}

/* --- until here --- */

enum insertion {
	INSERT_FULL = 0,
	INSERT_DONE = 1,
	INSERT_EXISTS = 2, /* *flow stands for the packet's flow already */
};

/* Puts the packet's flow into one of its two buckets. *owner: whom the way counted against
 * before, or 0. Runs under the stripe's lock. */
static __always_inline enum insertion
flow_place(const struct packet *packet, const union flow_words *key, struct flow_bucket *first,
	   struct flow_bucket *second, __u32 way, struct flow **place, __u32 *owner, __u32 *found)
{
	__u32 claim = 0;
	struct flow *flow =
		way_of_key(first, way, key, &claim) ?: way_of_key(second, way, key, &claim);

	if (flow && flow_serves(flow, packet)) {
		*place = flow;
		*found = claim;
		return INSERT_EXISTS;
	}
	/* Who holds the claim of the key's old entry frees it or has it for another flow. */
	if (!flow || !flow_claim(flow, claim)) {
		__u32 load = bucket_load(first, packet->now);

		if (load >= FLOWS_WITHOUT_CHOICE && bucket_load(second, packet->now) < load)
			first = second;
		flow = claim_unused_way(first, way, packet->now, &claim);
	}
	if (!flow)
		return INSERT_FULL;
	*owner = flow->state == FLOW_FREE ? 0 : flow->owner;
	flow_fill(flow, packet, key);
	flow_release(flow, claim);
	*place = flow;
	*found = claim + 2;
	return INSERT_DONE;
}

static __always_inline void count_new_flow(const struct packet *packet)
{
	for (int i = 0; i < FLOW_RULES; i++)
		count_rule_flow(packet, packet->rule[i]);
	count_rule_flow(packet, packet->acl_rule);
	observe_new_flow(packet);
}

/* The flow had an entry, which was freed while the packet came to it. */
#define FLOW_GONE (-1)

/* Both ends began at once; the rules are those of the one that was first. */
static __always_inline int flow_join(struct packet *packet)
{
	__u32 rule[FLOW_RULES];

	__builtin_memcpy(rule, packet->flow->rule, sizeof(rule));
	if (flow_unchanged(packet->flow, packet->flow_claim)) {
		__builtin_memcpy(packet->rule, rule, sizeof(rule));
		if (flow_renew(packet))
			return 0;
	}
	packet->flow = NULL;
	return FLOW_GONE;
}

/* Makes the entry of a new flow. The place is counted off the port's quota beforehand, so that no
 * two CPUs share the last one, and given back if it was not needed. */
static __noinline int flow_insert(struct packet *packet, __u32 vni)
{
	const struct control *control = control_get();
	__u32 index, slot = packet->in_slot, owner = 0, claim = 0;
	struct flow_bucket *first, *second;
	enum insertion insertion;
	struct flow *flow = NULL;
	struct flow_lock *lock;
	union flow_words key;
	__u64 hash, *usage;

	usage = bpf_map_lookup_elem(&flow_usage, &slot);
	if (!control || !usage)
		return DROP_FLOW_TABLE_FULL;
	if (packet->read_only)
		return READ_ONCE(*usage) >= packet->in->flow_limit ? DROP_FLOW_LIMIT : 0;
	flow_key_make(&key, &packet->tuple, packet->icmp_identifier, packet->unsolicited, vni);
	hash = flow_hash(control, &key);
	index = first_bucket(hash);
	first = bpf_map_lookup_elem(&flows, &index);
	if (!first)
		return DROP_FLOW_TABLE_FULL;
	index = second_bucket(hash);
	second = bpf_map_lookup_elem(&flows, &index);
	if (!second)
		return DROP_FLOW_TABLE_FULL;
	index = (hash >> 16) % FLOW_LOCK_STRIPES;
	lock = bpf_map_lookup_elem(&flow_locks, &index);
	if (!lock)
		return DROP_FLOW_TABLE_FULL;
	if (__sync_fetch_and_add(usage, 1) >= packet->in->flow_limit) {
		__sync_fetch_and_add(usage, -1);
		return DROP_FLOW_LIMIT;
	}

	bpf_spin_lock(&lock->lock);
	insertion = flow_place(packet, &key, first, second, first_way(hash), &flow, &owner, &claim);
	bpf_spin_unlock(&lock->lock);

	if (insertion != INSERT_DONE)
		__sync_fetch_and_add(usage, -1);
	if (owner)
		flow_usage_drop(owner);
	if (insertion == INSERT_FULL || !flow)
		return DROP_FLOW_TABLE_FULL;
	packet->flow = flow;
	packet->flow_claim = claim;
	if (insertion == INSERT_EXISTS)
		return flow_join(packet);
	count_new_flow(packet);
	return 0;
}

#endif
