/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * classify(): the first rule of a classifier that matches a tuple (maps/classifier.h). Only this
 * file knows how a classifier lies in `tables`.
 *
 * Keys and boxes are compared without branches, by the signs of differences: what the processor
 * cannot guess costs more than to compare all of a line, and the verifier has one way to follow.
 * The functions called are global ones, which the verifier looks at once, not at every call; it
 * knows nothing of what they are given, hence the checks.
 */
#ifndef SLUICE_BPF_CLASSIFY_H
#define SLUICE_BPF_CLASSIFY_H

#include "bpf/classify_box.h"
#include "bpf/classify_vectors.h"

struct verdict {
	__u32 rule;   /* id; 0: none matched */
	__u32 access; /* enum access */
};

/* From the root of a tree to the leaf that holds the point. */
static __always_inline const struct classifier_line *find_leaf(const struct classifier_point *point,
							       __u32 line)
{
	for (__u64 depth = 0; depth <= CLASSIFIER_DEPTH; depth++) {
		const struct classifier_line *at = table_at(line);
		__u32 field;

		if (!at || (at->header & LINE_KIND) == LINE_LEAF)
			return at;
		field = (at->header & NODE_FIELD) >> NODE_FIELD_SHIFT;
		line = (at->header & NODE_LINE) +
		       keys_below(at->key, CLASSIFIER_KEYS, point->value[field]);
	}
	return NULL;
}

/* The lowest number of a rule in the tree at `line` that the point is in, if it is below `best`,
 * else `best`. Boxes stand in the order of their rules. */
__noinline __u32 classify_tree(const struct classifier_point *point, __u32 line, __u32 best)
{
	const struct classifier_line *leaf;

	if (!point)
		return best;
	leaf = find_leaf(point, line);
	for (__u64 i = 0; i < CLASSIFIER_LEAF_LINES && leaf; i++) {
#pragma unroll
		for (__u64 place = 0; place < BOXES_PER_LINE; place++) {
			const struct classifier_box *box = &leaf->box[place];

			if ((box->rule & ~BOX_HAS_SETS) >= best)
				return best;
			if (box_holds(leaf, place, point) && sets_hold(point, box->rule))
				return box->rule & ~BOX_HAS_SETS;
		}
		line = leaf->header & ~LINE_KIND;
		leaf = line ? table_at(line) : NULL;
	}
	return best;
}

/* What is the same in all layers. */
static __always_inline void point_begin(struct classifier_point *point, const struct tuple *tuple)
{
	point->value[POINT_FAMILY] = address_is_ipv4(&tuple->source) ? FAMILY_IPV4 : FAMILY_IPV6;
	point->value[FIELD_SOURCE_PORT] = bpf_ntohs(tuple->source_port);
	point->value[FIELD_DESTINATION_PORT] = bpf_ntohs(tuple->destination_port);
	if (is_icmp(tuple->protocol))
		point->value[FIELD_DESTINATION_PORT] = tuple->icmp_type << 8 | tuple->icmp_code;
	point->value[FIELD_PROTOCOL] = classifier_protocol(tuple->protocol);
}

static __always_inline void point_in_view(struct classifier_point *point, const struct tuple *tuple,
					  const struct classifier_view *view)
{
	point->value[FIELD_SOURCE] = bpf_ntohl(tuple->source.words[3]);
	point->value[FIELD_DESTINATION] = bpf_ntohl(tuple->destination.words[3]);
	if (view->map[0]) {
		__u64 lines = classify_descend(
			(__u64)bpf_ntohl(tuple->source.words[0]) << 32 |
				bpf_ntohl(tuple->destination.words[0]),
			view->map[0], view->map[1]);

		point->value[FIELD_SOURCE] =
			classify_search(bpf_be64_to_cpu(tuple->source.halves[0]),
					bpf_be64_to_cpu(tuple->source.halves[1]), lines >> 32);
		point->value[FIELD_DESTINATION] =
			classify_search(bpf_be64_to_cpu(tuple->destination.halves[0]),
					bpf_be64_to_cpu(tuple->destination.halves[1]), lines);
	}
	point->value[POINT_BLOCKS] = view->blocks;
}

/* The lowest number of a rule in a layer that matches, or NO_RULE. */
static __always_inline __u32 classify_layer(struct classifier_point *point,
					    const struct classifier_view *view)
{
	__u32 best = NO_RULE;

	for (__u64 i = 0; i < CLASSIFIER_PARTS; i++) {
		if (i >= view->part_count || view->part[i].first_rule >= best)
			break;
		if (view->part[i].root & PART_VECTORS)
			best = classify_vectors(point, view->part[i].root & ~PART_VECTORS, best);
		else
			best = classify_tree(point, view->part[i].root, best);
	}
	return best;
}

_Static_assert(ACCESS_DENY == 0 && ACCESS_ALLOW == 1 && VERDICT_ALLOW == 1U << 31,
	       "a verdict's top bit is its access");

static __always_inline __u64 answer_of(__u32 verdict)
{
	return (__u64)(verdict >> 31) << 32 | (verdict & ~VERDICT_ALLOW);
}

static __always_inline __u64 miss_answer(__u32 line)
{
	const struct classifier *head = table_at(line);

	return head ? (__u64)head->miss_access << 32 : 0;
}

static __always_inline __u32 layer_count(__u32 line)
{
	const struct classifier *head = table_at(line);

	return head ? head->layer_count : 0;
}

/* access << 32 | rule. Kept to few variables: this function's part of the stack is scarce. */
__noinline __u64 classify_tuple(const struct tuple *tuple, __u32 line)
{
	struct classifier_point point = { .value[POINT_ORDER] = ~0U };
	__u64 answer;

	if (!tuple)
		return 0;
	answer = miss_answer(line);
	point_begin(&point, tuple);
	for (__u64 layer = 0; layer < CLASSIFIER_LAYERS; layer++) {
		const struct classifier_view *view = table_at(
			line + 1 + layer * CLASSIFIER_FAMILIES + point.value[POINT_FAMILY]);
		__u32 rule, order;

		if (!view || !view->part_count)
			continue;
		point_in_view(&point, tuple, view);
		rule = classify_layer(&point, view);
		if (rule == NO_RULE)
			continue;
		order = layer_count(line) > 1 ? word_of_rule(point.value[POINT_BLOCKS], rule, 1)
					      : 0;
		if (order < point.value[POINT_ORDER]) {
			point.value[POINT_ORDER] = order;
			answer = answer_of(word_of_rule(point.value[POINT_BLOCKS], rule, 0));
		}
	}
	return answer;
}

/* Line 0 is no classifier: it allows. */
static __always_inline struct verdict classify(const struct tuple *tuple, __u32 line)
{
	struct verdict verdict = { .access = ACCESS_ALLOW };

	if (line) {
		__u64 answer = classify_tuple(tuple, line);

		verdict.rule = answer;
		verdict.access = answer >> 32;
	}
	return verdict;
}

#endif
