/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A part of classify.h: whether a box, and the sets of its rule, hold a point; and the search trees that
 * sets, vectors and the maps of IPv6 addresses are.
 */
#ifndef SLUICE_BPF_CLASSIFY_BOX_H
#define SLUICE_BPF_CLASSIFY_BOX_H

#include "bpf/flow_key.h"
#include "maps/classifier.h"

/* A tuple as a layer sees it: by enum classifier_field and the two behind it. Eight, so that any
 * three bits are an index. The rest is the way through a part of vectors. */
struct classifier_point {
	__u32 value[8];
	__u32 vector[CLASSIFIER_FIELDS]; /* the lines of those that the point meets */
	__u32 boxes;                     /* the first line of the part's boxes */
	__u32 box;                       /* which of them is next */
	__u32 best;                      /* the lowest number of a rule so far */
};

#define NO_RULE (BOX_NONE & ~BOX_HAS_SETS)

#define POINT_FAMILY 5 /* enum classifier_family */
#define POINT_BLOCKS 6 /* first line of the layer's blocks of rules */
#define POINT_ORDER  7 /* of the best rule so far, going by layers */

/* 1 where a is less than b + more. The compiler must not see that this is a comparison, or it makes
 * it a branch. */
static __always_inline __u64 is_below(__u32 a, __u32 b, __u64 more)
{
	__u64 difference = (__u64)a - b - more;

	asm volatile("" : "+r"(difference));
	return difference >> 63;
}

/* How many of the sorted keys are below value; count: a multiple of four less one. Every fourth key
 * says which three of the others have to be looked at. */
static __always_inline __u32 keys_below(const __u32 *keys, int count, __u32 value)
{
	__u64 below = 0;

#pragma unroll
	for (int i = 3; i < count; i += 4)
		below += is_below(keys[i], value, 0);
	below *= 4;
	keys += below;
#pragma unroll
	for (int i = 0; i < 3; i++)
		below += is_below(keys[i], value, 0);
	return below;
}

/* Whole addresses, by subtracting one from the other, word after word: what is borrowed at the end
 * says which is less. */
static __always_inline __u32 wide_keys_below(const struct classifier_line *line, __u64 high,
					     __u64 low)
{
	__u32 below = 0;

#pragma unroll
	for (int i = 0; i < CLASSIFIER_WIDES; i++) {
		const __u32 *key = line->wide_key[i];
		__u64 borrowed = is_below(key[3], low, 0);

		borrowed = is_below(key[2], low >> 32, borrowed);
		borrowed = is_below(key[1], high, borrowed);
		below += is_below(key[0], high >> 32, borrowed);
	}
	return below;
}

/* The line of a search tree that answers for a value. */
static __always_inline const struct classifier_line *find_answer(__u32 line, __u32 value)
{
	for (__u64 level = 0; level < CLASSIFIER_SEARCH_LEVELS; level++) {
		const struct classifier_line *at = table_at(line);

		if (!at || (at->header & LINE_KIND) != LINE_INNER)
			return at;
		line = at->header + keys_below(at->key, CLASSIFIER_KEYS, value);
	}
	return NULL;
}

/* What the search tree at `line` answers for an address, whose words are used up one by one; a
 * value of 32 bits is the first of them. */
__noinline __u32 classify_search(__u64 high, __u64 low, __u32 line)
{
	__u64 words = high, more = low;

	/* 64 bits: of less, spilled to the stack, the verifier would lose count. */
	for (__u64 word = 0; word < 4; word++) {
		const struct classifier_line *at = find_answer(line, words >> 32);

		if (!at)
			return 0;
		if ((at->header & LINE_KIND) == LINE_WIDE)
			return at->wide_base + wide_keys_below(at, high, low);
		if ((at->header & LINE_KIND) == LINE_MEMBER)
			return (at->header + keys_below(at->key, CLASSIFIER_KEYS, words >> 32)) & 1;
		line = at->answer[keys_below(at->answer_key, CLASSIFIER_ANSWERS - 1, words >> 32) &
				  (CLASSIFIER_ANSWERS - 1)];
		if (!(line & ANSWER_DEEPER))
			return line;
		line &= ~ANSWER_DEEPER;
		words = words << 32 | more >> 32;
		more <<= 32;
	}
	return 0;
}

/* A step from an inner line of a search tree to the next one; from another kind of line to itself,
 * without a branch on what was read. Not 0: there is none to go. */
static __always_inline __u64 step_down(__u32 *line, __u32 value)
{
	const struct classifier_line *at = table_at(*line);
	__u64 ended;
	__u32 next;

	if (!at)
		return 1;
	next = at->header + keys_below(at->key, CLASSIFIER_KEYS, value);
	ended = at->header >> 30;
	asm volatile("" : "+r"(ended));
	*line ^= (*line ^ next) & ~(__u32)(-ended >> 32);
	return ended;
}

/*
 * Goes down two search trees as far as the first words of their values say, a step each in turn, so
 * that what is not in the cache is waited for once. values and what is returned, lines: the one of
 * `first` in the upper half.
 */
__noinline __u64 classify_descend(__u64 values, __u32 first, __u32 second)
{
	for (__u64 level = 0; level < CLASSIFIER_SEARCH_LEVELS; level++) {
		__u64 first_ended = step_down(&first, values >> 32);
		__u64 second_ended = step_down(&second, values);

		if (first_ended && second_ended)
			break;
	}
	return (__u64)first << 32 | second;
}

/* One of the three words that a block says of a rule; 0: there is no such rule. */
static __always_inline __u32 word_of_rule(__u32 blocks, __u32 rule, __u32 which)
{
	const struct classifier_verdicts *words = table_at(
		blocks + rule / CLASSIFIER_RULES_PER_BLOCK * CLASSIFIER_BLOCK_LINES + which);

	return words ? words->verdict[rule % CLASSIFIER_RULES_PER_BLOCK] : 0;
}

/* Whether the sets of a rule whose box matched hold the point as well. */
static __always_inline bool sets_hold(const struct classifier_point *point, __u32 rule)
{
	const struct classifier_sets *sets;
	__u32 line;

	if (!(rule & BOX_HAS_SETS))
		return true;
	line = word_of_rule(point->value[POINT_BLOCKS], rule & ~BOX_HAS_SETS, 2);
	sets = table_at(line);
	if (!sets)
		return false;
#pragma unroll
	for (int field = 0; field < CLASSIFIER_FIELDS; field++) {
		__u32 root = sets->root[point->value[POINT_FAMILY] & 1][field];

		if (root && !classify_search((__u64)point->value[field] << 32, 0, root))
			return false;
	}
	return true;
}

/* Makes *outside negative when value is not in low..low+span. */
static __always_inline void test_field(__s64 *outside, __u32 value, __u32 low, __u32 span)
{
	*outside |= (__s64)span - (__u32)(value - low);
	asm volatile("" : "+r"(*outside));
}

static __always_inline bool box_holds(const struct classifier_line *leaf, int place,
				      const struct classifier_point *point)
{
	const struct classifier_box *box = &leaf->box[place];
	const __u32 *value = point->value;
	__s64 outside = 0;

	test_field(&outside, value[FIELD_SOURCE], box->source_low, box->source_span);
	test_field(&outside, value[FIELD_DESTINATION], box->destination_low, box->destination_span);
	test_field(&outside, value[FIELD_SOURCE_PORT], box->source_port_low, box->source_port_span);
	test_field(&outside, value[FIELD_DESTINATION_PORT], box->destination_port_low,
		   box->destination_port_span);
	test_field(&outside, value[FIELD_PROTOCOL], leaf->protocol[place].low,
		   leaf->protocol[place].span);
	return outside >= 0;
}

#endif
