/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow table: hash, look up, take, free (maps/flow.h says what holds).
 *
 * A look-up takes no lock. It reads `claim`, then what it needs, then `claim` again: an entry that
 * was freed under its eyes is no entry. Entries are freed and taken by whoever moves `claim` from
 * even to odd, so that each is counted off its owner exactly once. Loads keep their order on x86;
 * on a machine where they may not, a look-up can at worst mistake an entry that is being freed
 * in this very moment for a live one.
 */
#ifndef SLUICE_BPF_FLOW_TABLE_H
#define SLUICE_BPF_FLOW_TABLE_H

#include "bpf/flow_key.h"
#include "bpf/flow_tags.h"

#define READ_ONCE(x)         (*(volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile typeof(x) *)&(x) = (value))

/* The end of the flow that the packet comes from, and the one it goes to. The barrier is for the
 * verifier: a compiler that knows the field to be 0 or 1 would leave the mask out. */
static __always_inline __u32 near_end(const struct packet *packet)
{
	__u32 end = packet->direction;

	barrier_var(end);
	return end & 1;
}

static __always_inline __u32 far_end(const struct packet *packet)
{
	return near_end(packet) ^ 1;
}

/* flow.standing, field by field. */
union flow_standing {
	struct {
		__u32 version;
		__u8 state;
		__u8 originator;
		__u8 acl_allowed;
		__u8 tcp_fins;
	};
	__u64 word;
};

#define SAME_PLACE(field)                                                           \
	_Static_assert(__builtin_offsetof(struct flow, field) -                     \
				       __builtin_offsetof(struct flow, standing) == \
			       __builtin_offsetof(union flow_standing, field),      \
		       "a standing is laid out as in the entry")
SAME_PLACE(version);
SAME_PLACE(state);
SAME_PLACE(originator);
SAME_PLACE(acl_allowed);
SAME_PLACE(tcp_fins);
#undef SAME_PLACE

/* Idle timeouts in ticks, by state; sixteen so that four bits index it. */
static const __u32 flow_timeouts[16] = {
#define X(identifier, name, seconds, text) [FLOW_##identifier] = (seconds)*FLOW_TICKS_PER_SECOND,
	FLOW_STATES(X)
#undef X
};

/* The kernel's map structure, of which we want one field: the loader chooses the table's size. */
struct bpf_map {
	__u32 max_entries;
} __attribute__((preserve_access_index));

static __always_inline __u32 flow_bucket_mask(void)
{
	return ((struct bpf_map *)&flows)->max_entries - 1;
}

/* 1 while an entry in this state, last seen then, lives, else 0. Arithmetic without branches, so
 * that the verifier need not follow each outcome. */
static __always_inline __u32 flow_lives(__u8 state, __u32 last_seen, __u32 now)
{
	__u32 left = flow_timeouts[state & 15] + last_seen - now; /* negative: time is out */
	__u32 used = -(__u32)state;                               /* negative: not free */

	return (~left & used) >> 31;
}

/*
 * NH (Black et al., UMAC) of two words, four halves: whoever chose them, two pairs of words meet with
 * a chance of 2^-32 as long as the seed is secret, and it costs two multiplications.
 */
static __always_inline __u64 hash_words(__u64 a, __u64 b, __u64 seed_a, __u64 seed_b)
{
	__u32 a_low = a + seed_a, a_high = (a >> 32) + (seed_a >> 32);
	__u32 b_low = b + seed_b, b_high = (b >> 32) + (seed_b >> 32);

	return (__u64)a_low * a_high + (__u64)b_low * b_high;
}

static __always_inline __u64 hash_mix(__u64 hash)
{
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 32;
}

/* Two IPv6 addresses, lower end first, in 64 bits: NH twice, the seed shifted by a word for the second
 * time (Krawczyk's Toeplitz extension), so that two pairs meet with a chance of 2^-64. */
static __always_inline __u64 digest_addresses(const struct control *control,
					      const struct ip_address *low,
					      const struct ip_address *high)
{
	const __u64 *seed = control->hash_seed;
	__u64 first, second;

	/* The barriers are for the stack: the compiler would begin everything at once. */
	first = hash_words(low->halves[0], low->halves[1], seed[0], seed[1]);
	barrier_var(first);
	second = hash_words(low->halves[0], low->halves[1], seed[1], seed[2]);
	barrier_var(second);
	first += hash_words(high->halves[0], high->halves[1], seed[2], seed[3]);
	barrier_var(first);
	second += hash_words(high->halves[0], high->halves[1], seed[3], seed[4]);
	return hash_mix(hash_mix(first) + second);
}

/* What an entry of this key is known by. */
static __always_inline void flow_id_make(const struct control *control, struct flow_id *id,
					 const union flow_words *key)
{
	id->ends = key->word[4];
	if (address_is_ipv4(&key->address[0]))
		id->addresses = (__u64)key->address[1].words[3] << 32 | key->address[0].words[3];
	else
		id->addresses = digest_addresses(control, &key->address[0], &key->address[1]);
}

static __always_inline __u64 flow_hash(const struct control *control, const struct flow_id *id)
{
	return hash_mix(hash_words(id->addresses, id->ends, control->hash_seed[0],
				   control->hash_seed[1]));
}

/* The two buckets a key may live in; never the same. */
static __always_inline __u32 first_bucket(__u64 hash)
{
	return (__u32)(hash >> 32) & flow_bucket_mask();
}

static __always_inline __u32 second_bucket(__u64 hash)
{
	return ((__u32)(hash >> 32) ^ ((__u32)hash | 1)) & flow_bucket_mask();
}

static __always_inline bool flow_id_equal(const struct flow_id *a, const struct flow_id *b)
{
	return a->ends == b->ends && a->addresses == b->addresses;
}

/* Where in a bucket a key lies unless that was another's when it came. */
static __always_inline __u32 first_way(__u64 hash)
{
	return hash >> 29 & (FLOWS_PER_BUCKET - 1);
}

/* One of a bucket's ways, counted around. To the verifier each is the same. */
static __always_inline struct flow *flow_way(struct flow_bucket *bucket, __u32 way)
{
	barrier_var(way);
	return &bucket->way[way & (FLOWS_PER_BUCKET - 1)];
}

static __always_inline bool flow_holds(const struct flow *flow, const struct flow_id *id,
				       __u32 now, __u32 *claim)
{
	*claim = READ_ONCE(flow->claim);
	barrier();
	return flow_id_equal(&flow->id, id) && !(*claim & 1) &&
	       flow_lives(flow->state, flow->last_seen, now);
}

/* The key's entry among some ways of a bucket, or NULL. */
static __always_inline struct flow *flow_among(struct flow_bucket *bucket, __u64 ways,
					       const struct flow_id *id, __u32 now, __u32 *claim)
{
	for (int i = 0; i < FLOWS_PER_BUCKET && ways; i++, ways = without_lowest(ways)) {
		struct flow *flow = flow_way(bucket, lowest_way(ways));

		if (flow_holds(flow, id, now, claim))
			return flow;
	}
	return NULL;
}

/* Looks at every way that the key's tag allows. */
static __always_inline struct flow *flow_search(const struct control *control,
						const struct flow_id *id, __u32 now, __u32 *claim)
{
	__u64 hash = flow_hash(control, id);
	__u32 index = first_bucket(hash);
	struct flow_bucket *bucket = bpf_map_lookup_elem(&flows, &index);
	const __u64 *tags = bpf_map_lookup_elem(&flow_tags, &index);
	struct flow *flow;

	if (!bucket || !tags)
		return NULL;
	flow = flow_among(bucket, ways_tagged(READ_ONCE(*tags), tag_of(hash)), id, now, claim);
	if (flow)
		return flow;
	index = second_bucket(hash);
	bucket = bpf_map_lookup_elem(&flows, &index);
	tags = bpf_map_lookup_elem(&flow_tags, &index);
	if (!bucket || !tags)
		return NULL;
	return flow_among(bucket, ways_tagged(READ_ONCE(*tags), tag_of(hash)), id, now, claim);
}

static __noinline struct flow *flow_find_further(const struct flow_id *id, __u32 now, __u32 *claim)
{
	const struct control *control = control_get();

	return control ? flow_search(control, id, now, claim) : NULL;
}

/* The likely way of a key in its first bucket. False: it is not there. */
static __always_inline bool flow_likely_way(__u64 tags, __u64 hash, __u32 *way)
{
	*way = first_way(hash);
	/* A branch where arithmetic would do: the processor guesses it and reads the line while the
	 * tags are on their way. */
	if ((tags >> *way * 8 & 0xff) == tag_of(hash))
		return true;
	tags = ways_tagged(tags, tag_of(hash));
	*way = lowest_way(tags);
	return tags;
}

/* The live entry of a key, or NULL. *claim is for flow_unchanged(), after the last read. */
static __always_inline struct flow *flow_find(const struct control *control,
					      const struct flow_id *id, __u32 now, __u32 *claim)
{
	__u64 hash = flow_hash(control, id);
	__u32 index = first_bucket(hash), way;
	const __u64 *tags = bpf_map_lookup_elem(&flow_tags, &index);
	struct flow_bucket *bucket;
	struct flow *flow;

	if (!tags || !flow_likely_way(READ_ONCE(*tags), hash, &way))
		return flow_find_further(id, now, claim);
	bucket = bpf_map_lookup_elem(&flows, &index);
	if (!bucket)
		return NULL;
	flow = flow_way(bucket, way);
	if (flow_holds(flow, id, now, claim))
		return flow;
	return flow_find_further(id, now, claim);
}

/* The rest of an entry. */
static __always_inline struct flow_detail *flow_detail(const struct flow *flow)
{
	__u32 place = flow->place, index = place / FLOWS_PER_BUCKET;
	struct flow_details *details = bpf_map_lookup_elem(&flow_details, &index);

	if (!details)
		return NULL;
	barrier_var(place); /* or the compiler adds before it has looked */
	return &details->way[place & (FLOWS_PER_BUCKET - 1)];
}

static __always_inline bool flow_unchanged(struct flow *flow, __u32 claim)
{
	barrier();
	return READ_ONCE(flow->claim) == claim;
}

static __always_inline bool flow_claim(struct flow *flow, __u32 claim)
{
	return !(claim & 1) && __sync_val_compare_and_swap(&flow->claim, claim, claim + 1) == claim;
}

/* An exchange, because it orders the stores before it on every machine. */
static __always_inline void flow_release(struct flow *flow, __u32 claim)
{
	__sync_lock_test_and_set(&flow->claim, claim + 2);
}

/* The slot whose quota the entry counts against. */
static __always_inline __u32 flow_owner(const struct flow *flow)
{
	__u32 end = flow->originator;

	barrier_var(end);
	return flow->slot[end & 1];
}

/* Takes an entry off its owner's quota. */
static __always_inline void flow_usage_drop(__u32 owner)
{
	__u64 *usage = bpf_map_lookup_elem(&flow_usage, &owner);

	if (usage)
		__sync_fetch_and_add(usage, -1);
}

/* Frees the entry that was found under this claim. Whoever claimed it since then has freed it or
 * given it to another flow. A claimed entry is never given back alive: its flow may have got another
 * one meanwhile. */
static __always_inline void flow_free(struct flow *flow, __u32 claim)
{
	__u32 owner = 0;

	if (!flow_claim(flow, claim))
		return;
	if (flow->state != FLOW_FREE) {
		__u32 place = flow->place, index = place / FLOWS_PER_BUCKET;
		__u64 *tags = bpf_map_lookup_elem(&flow_tags, &index);

		owner = flow_owner(flow);
		__sync_lock_test_and_set(&flow->standing, 0);
		if (tags)
			tag_way(tags, place, 0);
	}
	flow_release(flow, claim);
	if (owner)
		flow_usage_drop(owner);
}

#endif
