/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A part of classify.h: parts that are bit vectors (struct classifier_vectors). What is known on the way is
 * kept in the point: the functions here have 32 bytes of the stack each. The way is a bpf_loop(), whose
 * step the verifier looks at a few times only.
 */
#ifndef SLUICE_BPF_CLASSIFY_VECTORS_H
#define SLUICE_BPF_CLASSIFY_VECTORS_H

#include "bpf/classify_box.h"

/* A step is a word of the vectors or a box. */
#define VECTOR_STEPS (VECTOR_WORDS + CLASSIFIER_CANDIDATES)

/* The number of the lowest bit that is set: how many are below it. Without branches. */
static __always_inline __u64 lowest_bit(__u64 bits)
{
	bits = (bits & -bits) - 1;
	bits -= bits >> 1 & 0x5555555555555555ULL;
	bits = (bits & 0x3333333333333333ULL) + (bits >> 2 & 0x3333333333333333ULL);
	bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return bits * 0x0101010101010101ULL >> 56;
}

/* A word of all vectors that the point meets. */
__noinline __u64 classify_word(const struct classifier_point *point, __u32 number)
{
	__u64 bits = ~0ULL;

	if (!point)
		return 0;
#pragma nounroll
	for (int field = 0; field < CLASSIFIER_FIELDS; field++) {
		const struct classifier_vector_line *line =
			table_at(point->vector[field] + number / VECTOR_WORDS_PER_LINE);

		if (!line)
			return 0;
		bits &= line->word[number % VECTOR_WORDS_PER_LINE];
	}
	return bits;
}

/* Finds the vectors that the point meets. */
__noinline __u32 classify_meet(struct classifier_point *point, __u32 line)
{
	const struct classifier_vectors *vectors = table_at(line);

	if (!point || !vectors)
		return 0;
#pragma unroll
	for (int field = 0; field < CLASSIFIER_FIELDS; field++)
		point->vector[field] = classify_search((__u64)point->value[field] << 32, 0,
						       vectors->root[field]);
	point->boxes = vectors->boxes;
	point->box = 0;
	return 1;
}

#define BOX_FOUND (1U << 31)

/* The first box from `box` on, in the same word, whose bit all vectors have, and BOX_FOUND; else the first
 * one of the next word that none has without bits; VECTOR_BOXES: there is none. */
static __always_inline __u32 next_box(const struct classifier_point *point, __u32 box)
{
	__u32 word = 1 + box / VECTOR_BITS;
	__u64 bits;

	if (word >= VECTOR_WORDS)
		return VECTOR_BOXES;
	bits = classify_word(point, word) & (~0ULL << (box % VECTOR_BITS));
	if (bits)
		return ((word - 1) * VECTOR_BITS + lowest_bit(bits)) | BOX_FOUND;
	bits = classify_word(point, 0) & (~1ULL << word);
	return bits ? (lowest_bit(bits) - 1) * VECTOR_BITS : VECTOR_BOXES;
}

/* One word or one box further; 1: the way ends here, with the best rule in the point. */
static long vectors_step(__u32 index, void *context)
{
	struct classifier_point *point = context;
	__u32 box = next_box(point, point->box), rule;
	const struct classifier_line *leaf;

	if (box == VECTOR_BOXES)
		return 1;
	point->box = box & ~BOX_FOUND;
	if (!(box & BOX_FOUND))
		return 0;
	leaf = table_at(point->boxes + point->box / BOXES_PER_LINE);
	if (!leaf)
		return 1;
	rule = leaf->box[box % BOXES_PER_LINE].rule;
	if ((rule & ~BOX_HAS_SETS) >= point->best)
		return 1;
	if (box_holds(leaf, box % BOXES_PER_LINE, point) && sets_hold(point, rule)) {
		point->best = rule & ~BOX_HAS_SETS;
		return 1;
	}
	point->box++;
	return 0;
}

/* The lowest number of a rule in the part at `line` that the point is in, if it is below `best`,
 * else `best`. */
static __noinline __u32 classify_vectors(struct classifier_point *point, __u32 line, __u32 best)
{
	point->best = best;
	if (classify_meet(point, line))
		bpf_loop(VECTOR_STEPS, vectors_step, point, 0);
	return point->best;
}

#endif
