/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts that are bit vectors (maps/classifier.h), for boxes that cross so much that cuts do not part
 * them. Fields are cut at the boxes' ends, or, of more than VECTOR_INTERVALS, at every so many-th.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "loader/classifier_build.h"

/* A field's intervals; the last value of each, how many boxes hold some of it, and how many of these
 * not all. */
struct intervals {
	__u32 *last;
	__u32 *partial;
	__u32 *some;
	size_t count;
	__u32 vectors; /* first line of the first one's vector */
	__u32 lines;   /* of each vector */
};

static int compare_values(const void *a, const void *b)
{
	const __u32 *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* The spans of a box in a field. */
static const struct span *spans_of(const struct layer *layer, const struct box *box, int field,
				   size_t *count)
{
	const struct set *set;

	*count = 1;
	if (!box->set[field])
		return &box->span[field];
	set = &layer->sets.set[box->set[field] - 1];
	*count = set->count;
	return set->span;
}

static size_t count_spans(const struct layer *layer, const struct box *boxes, size_t count,
			  int field)
{
	size_t all = 0, spans;

	for (size_t i = 0; i < count; i++) {
		spans_of(layer, &boxes[i], field, &spans);
		all += spans;
	}
	return all;
}

/* Orders the values and drops what comes twice; of more than most, keeps every so many-th. */
static size_t thin_out(__u32 *values, size_t count, size_t most)
{
	size_t kept = 0;

	qsort(values, count, sizeof(*values), compare_values);
	for (size_t i = 0; i < count; i++)
		if (!kept || values[kept - 1] != values[i])
			values[kept++] = values[i];
	for (size_t i = 0; i < most && kept > most; i++)
		values[i] = values[i * kept / most];
	return MIN(kept, most);
}

static int find_intervals(const struct layer *layer, const struct box *boxes, size_t count,
			  int field, struct intervals *intervals)
{
	__u32 *values = calloc(2 * count_spans(layer, boxes, count, field) + 1, sizeof(*values));
	size_t ends = 0;

	if (!values)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		size_t spans;
		const struct span *span = spans_of(layer, &boxes[i], field, &spans);

		for (size_t j = 0; j < spans; j++) {
			if (span[j].low)
				values[ends++] = span[j].low - 1;
			if (span[j].high != ~0U)
				values[ends++] = span[j].high;
		}
	}
	intervals->last = values;
	intervals->count = thin_out(values, ends, VECTOR_INTERVALS - 1);
	values[intervals->count++] = ~0U;
	intervals->partial = calloc(2 * intervals->count, sizeof(*intervals->partial));
	intervals->some = intervals->partial + intervals->count;
	return intervals->partial ? 0 : -ENOMEM;
}

static size_t interval_of(const struct intervals *intervals, __u32 value)
{
	size_t low = 0, high = intervals->count - 1;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (intervals->last[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void set_bit(struct layer *layer, struct intervals *intervals, size_t interval,
		    size_t box)
{
	struct classifier_vector_line *vector =
		layer_line(layer, intervals->vectors + (__u32)interval * intervals->lines);
	size_t word = 1 + box / VECTOR_BITS;

	vector->word[0] |= 1ULL << word;
	vector[word / VECTOR_WORDS_PER_LINE].word[word % VECTOR_WORDS_PER_LINE] |=
		1ULL << box % VECTOR_BITS;
	intervals->some[interval]++;
}

/* Sets the bits of a span of the box-th box, and counts it where it ends within an interval. */
static void set_span(struct layer *layer, struct intervals *intervals, const struct span *span,
		     size_t box)
{
	size_t first = interval_of(intervals, span->low), last = interval_of(intervals, span->high);
	__u32 begin = first ? intervals->last[first - 1] + 1 : 0;

	for (size_t i = first; i <= last; i++)
		set_bit(layer, intervals, i, box);
	intervals->partial[first] += span->low != begin;
	intervals->partial[last] += span->high != intervals->last[last];
}

/* The search tree that leads from a value to its interval's vector. */
static int lay_search(struct layer *layer, const struct intervals *intervals, __u32 *root)
{
	size_t count = (intervals->count + CLASSIFIER_ANSWERS - 1) / CLASSIFIER_ANSWERS;
	__u32 first = layer_take(layer, count), *last;
	int result;

	if (!first)
		return -ENOSPC;
	last = calloc(count, sizeof(*last));
	if (!last)
		return -ENOMEM;
	for (size_t i = 0; i < intervals->count; i++) {
		size_t at = i % CLASSIFIER_ANSWERS;
		struct classifier_line *line =
			layer_line(layer, first + (__u32)(i / CLASSIFIER_ANSWERS));

		if (!at)
			memset(line->answer_key, 0xff, sizeof(line->answer_key));
		line->header = LINE_ANSWER;
		line->answer[at] = intervals->vectors + (__u32)i * intervals->lines;
		if (at < CLASSIFIER_ANSWERS - 1)
			line->answer_key[at] = intervals->last[i];
		last[i / CLASSIFIER_ANSWERS] = intervals->last[i];
	}
	result = search_tree_lay(layer, first, count, last, root);
	free(last);
	return result;
}

static int lay_intervals(struct layer *layer, const struct box *boxes, size_t count, int field,
			 struct intervals *intervals, __u32 *root)
{
	size_t words = 1 + (count + VECTOR_BITS - 1) / VECTOR_BITS;

	intervals->lines = (__u32)((words + VECTOR_WORDS_PER_LINE - 1) / VECTOR_WORDS_PER_LINE);
	intervals->vectors = layer_take(layer, intervals->count * intervals->lines);
	if (!intervals->vectors)
		return -ENOSPC;
	for (size_t i = 0; i < count; i++) {
		size_t spans;
		const struct span *span = spans_of(layer, &boxes[i], field, &spans);

		for (size_t j = 0; j < spans; j++)
			set_span(layer, intervals, &span[j], i);
	}
	return lay_search(layer, intervals, root);
}

/* How many boxes may have the bits of a point and not hold it: no more than have the bit in one field, and
 * no more than end within the point's intervals. */
struct candidates {
	__u32 least_some;
	__u32 all_partial;
};

static int lay_field(struct layer *layer, const struct box *boxes, size_t count, int field,
		     __u32 *root, struct candidates *candidates)
{
	struct intervals intervals = { 0 };
	int result = find_intervals(layer, boxes, count, field, &intervals);
	__u32 some = 0, partial = 0;

	if (!result)
		result = lay_intervals(layer, boxes, count, field, &intervals, root);
	for (size_t i = 0; i < intervals.count && !result; i++) {
		some = MAX(some, intervals.some[i]);
		partial = MAX(partial, intervals.partial[i]);
	}
	candidates->least_some = MIN(candidates->least_some, some);
	candidates->all_partial += partial;
	free(intervals.last);
	free(intervals.partial);
	return result;
}

int vectors_lay(struct layer *layer, const struct box *boxes, size_t count, __u32 *root)
{
	size_t lines = (count + BOXES_PER_LINE - 1) / BOXES_PER_LINE;
	struct candidates candidates = { .least_some = ~0U };
	struct classifier_vectors *vectors;
	__u32 head, first;
	int result = 0;

	if (count > VECTOR_BOXES)
		return -E2BIG;
	head = layer_take(layer, 1 + lines);
	if (!head)
		return -ENOSPC;
	first = head + 1;
	vectors = layer_line(layer, head);
	vectors->boxes = first;
	for (size_t i = 0; i < count && !result; i++)
		result = box_lay(layer, first + (__u32)(i / BOXES_PER_LINE),
				 (int)(i % BOXES_PER_LINE), &boxes[i]);
	for (int field = 0; field < CLASSIFIER_FIELDS && !result; field++)
		result = lay_field(layer, boxes, count, field, &vectors->root[field], &candidates);
	*root = head | PART_VECTORS;
	if (!result && MIN(candidates.least_some, candidates.all_partial) > CLASSIFIER_CANDIDATES)
		return -E2BIG;
	return result;
}
