/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writing the flow table: a new entry, a packet more in an old one, a verdict renewed.
 */
#ifndef SLUICE_BPF_FLOW_INSERT_H
#define SLUICE_BPF_FLOW_INSERT_H

#include "bpf/count.h"
#include "bpf/flow_place.h"
#include "bpf/observe.h"

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

/* Has no packet met the imported flow? */
static __always_inline bool unmet(__u64 word)
{
	union flow_standing standing = { .word = word };

	return standing.acl_allowed & FLOW_UNMET;
}

/* A slower packet of an older version has written its rules over a later verdict's, or meets what was
 * imported under a later one: the next packet is judged again. */
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
	if ((written || unmet(word)) && judged_later(packet, word))
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
	flow_key_make(&key, &packet->tuple, packet->icmp_identifier, packet->form, vni);
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
