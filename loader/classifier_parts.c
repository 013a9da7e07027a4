/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which boxes share a tree. A box that is wide in a field would be in many pieces of every cut of
 * that field; so a tree is made of boxes that are narrow in the same field, and as few fields as
 * possible are taken for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "loader/classifier_build.h"

#define WIDE 4 /* a box is wide in a field where it holds more than one in so many ends */

static int compare_values(const void *a, const void *b)
{
	const __u32 *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* How many of the sorted values are below one. */
static size_t count_below(const __u32 *values, size_t count, __u32 value)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (values[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How many of the sorted values are not above one. */
static size_t count_through(const __u32 *values, size_t count, __u32 value)
{
	return value == ~0U ? count : count_below(values, count, value + 1);
}

/* How a field sees the boxes: their ends, sorted, and for each box how many it meets and how many
 * ends lie inside it. */
struct field_view {
	__u32 *lows;
	__u32 *highs;
	__u32 *meets;
	__u32 *inside;
};

static int see_field(const struct box *boxes, size_t count, int field, struct field_view *view)
{
	view->lows = calloc(4 * (count + 1), sizeof(*view->lows));
	if (!view->lows)
		return -ENOMEM;
	view->highs = view->lows + count + 1;
	view->meets = view->highs + count + 1;
	view->inside = view->meets + count + 1;
	for (size_t i = 0; i < count; i++) {
		view->lows[i] = boxes[i].span[field].low;
		view->highs[i] = boxes[i].span[field].high;
	}
	qsort(view->lows, count, sizeof(*view->lows), compare_values);
	qsort(view->highs, count, sizeof(*view->highs), compare_values);
	for (size_t i = 0; i < count; i++) {
		const struct span *span = &boxes[i].span[field];
		size_t begun = count_through(view->lows, count, span->high);
		size_t ended = count_below(view->highs, count, span->low);

		view->meets[i] = (__u32)(begun - ended);
		view->inside[i] = (__u32)(begun - count_through(view->lows, count, span->low) +
					  count_below(view->highs, count, span->high) - ended);
	}
	return 0;
}

/*
 * Sets the field's bit in each box's mask that is narrow in it: few ends of others lie inside, and
 * beside the wide ones it meets few others, fewer than one in `narrow`. The latter leaves out a
 * field in which most are the same, such as the protocol: to be narrow there is of no use.
 */
static int find_narrow(const struct box *boxes, size_t count, int field, size_t narrow, __u8 *masks)
{
	struct field_view view;
	__u32 most = 0;
	size_t wide = 0;

	if (see_field(boxes, count, field, &view))
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		most = MAX(most, view.inside[i]);
	for (size_t i = 0; i < count; i++)
		wide += view.inside[i] > most / WIDE;
	for (size_t i = 0; i < count; i++)
		if (view.inside[i] <= most / narrow &&
		    view.meets[i] <= wide + (count - wide) / narrow)
			masks[i] |= (__u8)(1 << field);
	free(view.lows);
	return 0;
}

/* The field in which most boxes without a part are narrow; -1: none is in any. */
static int best_field(const __u8 *masks, size_t count)
{
	size_t narrow[CLASSIFIER_FIELDS] = { 0 };
	int best = -1;

	for (size_t i = 0; i < count; i++)
		for (int field = 0; field < CLASSIFIER_FIELDS; field++)
			narrow[field] += masks[i] >> field & 1;
	for (int field = 0; field < CLASSIFIER_FIELDS; field++)
		if (narrow[field] && (best < 0 || narrow[field] > narrow[best]))
			best = field;
	return best;
}

struct boxes {
	const struct box *box;
	__u8 *narrow;  /* by box: a bit for each field it is narrow in */
	size_t marked; /* what narrow means there */
	size_t count;
};

#define LONGEST_LEAF (CLASSIFIER_LEAF_LINES * BOXES_PER_LINE)

#define BY_ORDER 1 /* in place of what is narrow: parts are runs of rules */

#define EVERY_BOX 0xff /* in place of a mask */

struct part {
	struct box *box;
	size_t count;
	bool rest; /* what is narrow in no field */
};

static int compare_parts(const void *a, const void *b)
{
	const struct part *left = a, *right = b;

	return (left->box->rule > right->box->rule) - (left->box->rule < right->box->rule);
}

/* Moves the boxes with a bit of `mask` out of masks[] and boxes[] into a part, in their order. */
static int take_part(struct box *boxes, __u8 *masks, size_t *count, __u8 mask, struct part *part)
{
	size_t left = 0;

	part->count = 0;
	part->box = malloc((*count + 1) * sizeof(*part->box));
	if (!part->box)
		return -ENOMEM;
	for (size_t i = 0; i < *count; i++) {
		if (masks[i] & mask || mask == EVERY_BOX) {
			part->box[part->count++] = boxes[i];
			continue;
		}
		boxes[left] = boxes[i];
		masks[left++] = masks[i];
	}
	*count = left;
	return 0;
}

/* Divides by what is narrow into at most `most` parts; the last takes what the others left. */
static int divide_by_field(const struct boxes *boxes, size_t most, struct part *parts,
			   size_t *part_count)
{
	struct box *rest = malloc((boxes->count + 1) * sizeof(*rest));
	__u8 *masks = malloc(boxes->count + 1);
	size_t count = boxes->count;
	int result = rest && masks ? 0 : -ENOMEM;

	if (!result) {
		memcpy(rest, boxes->box, count * sizeof(*rest));
		memcpy(masks, boxes->narrow, count);
	}
	while (count && !result) {
		int field = best_field(masks, count);
		__u8 mask = field < 0 || *part_count + 1 == most ? EVERY_BOX : (__u8)(1 << field);

		result = take_part(rest, masks, &count, mask, &parts[*part_count]);
		parts[*part_count].rest = mask == EVERY_BOX;
		*part_count += result ? 0 : 1;
	}
	free(rest);
	free(masks);
	return result;
}

/* Divides into runs of the same length: what crosses in every field crosses less in each. */
static int divide_by_order(const struct boxes *boxes, size_t most, struct part *parts,
			   size_t *part_count)
{
	size_t run = boxes->count / most + 1;

	for (size_t i = 0; i < boxes->count; i += run) {
		struct part *part = &parts[*part_count];

		part->rest = true;
		part->count = MIN(run, boxes->count - i);
		part->box = malloc(part->count * sizeof(*part->box));
		if (!part->box)
			return -ENOMEM;
		memcpy(part->box, &boxes->box[i], part->count * sizeof(*part->box));
		++*part_count;
	}
	return 0;
}

/* vectors: the rest is laid as bit vectors. */
static int lay_parts(struct layer *layer, const struct boxes *boxes, size_t most, bool vectors,
		     struct classifier_view *view)
{
	struct part parts[CLASSIFIER_PARTS];
	size_t part_count = 0;
	int result = boxes->marked == BY_ORDER ? divide_by_order(boxes, most, parts, &part_count)
					       : divide_by_field(boxes, most, parts, &part_count);

	qsort(parts, part_count, sizeof(*parts), compare_parts);
	for (size_t i = 0; i < part_count && !result; i++) {
		const struct part *part = &parts[i];
		__u32 root = 0;

		if (vectors && part->rest)
			result = vectors_lay(layer, part->box, part->count, &root);
		else
			result = tree_lay(layer, part->box, part->count, &root);
		view->part[i].root = root;
		view->part[i].first_rule = part->box->rule;
	}
	view->part_count = (__u32)part_count;
	for (size_t i = 0; i < part_count; i++)
		free(parts[i].box);
	return result;
}

/* Gives back what was laid since so many lines were in use. */
static void take_back(struct layer *layer, __u32 used)
{
	tables_give_back(layer->tables, used);
	for (size_t i = 0; i < layer->sets.count; i++)
		if (layer->sets.set[i].laid.used > used)
			layer->sets.set[i].laid = (struct laid){ 0 };
	for (size_t i = 0; i < layer->count; i++)
		if (layer->rule_sets[i].used > used)
			layer->rule_sets[i] = (struct laid){ 0 };
}

/*
 * What is tried, best first, until the lines do: one tree costs a packet least, but what is wide
 * is in many of its leaves; each further part makes it smaller. Then leaves are allowed to be long,
 * and rules that cross much may take more lines than ordinary ones. What crosses too much for that becomes
 * bit vectors; where these can not tell enough apart, trees may take what lines there are.
 */
static const struct attempt {
	size_t parts;
	size_t narrow;
	size_t leaf;
	size_t lines_per_box; /* in eighths */
	size_t lines;
	bool vectors; /* for the rest */
} attempts[] = {
	{ 1, 16, 6, 12, 64, false },
	{ 2, 16, 6, 12, 64, false },
	{ 3, 16, 6, 12, 64, false },
	{ 4, 16, 6, 12, 64, false },
	{ 3, 64, 12, 16, 64, false },
	{ CLASSIFIER_PARTS, 16, 6, 12, 64, false },
	{ CLASSIFIER_PARTS, 64, 6, 18, 64, false },
	{ CLASSIFIER_PARTS, 64, 12, 18, 64, false },
	{ CLASSIFIER_PARTS, 16, 6, 64, 4096, false },
	{ CLASSIFIER_PARTS, 16, 16, 64, 4096, false },
	{ CLASSIFIER_PARTS, 16, 32, 160, 262144, false },
	{ CLASSIFIER_PARTS, 64, 12, 18, 262144, true },
	{ 1, BY_ORDER, 0, 64, 262144, true },
	{ 2, BY_ORDER, 0, 64, 524288, true },
	{ 4, BY_ORDER, 0, 64, 786432, true },
	{ CLASSIFIER_PARTS, BY_ORDER, 0, 64, 1048576, true },
	{ CLASSIFIER_PARTS, BY_ORDER, 32, 64, 65536, false },
	{ CLASSIFIER_PARTS, 16, 96, 64, 65536, false },
	{ CLASSIFIER_PARTS, 16, LONGEST_LEAF, 64, 65536, false },
	{ CLASSIFIER_PARTS, BY_ORDER, LONGEST_LEAF, 64, 65536, false },
	{ CLASSIFIER_PARTS, 16, 32, 0, ~0U, false },
	{ CLASSIFIER_PARTS, BY_ORDER, LONGEST_LEAF, 0, ~0U, false },
};

static int mark_narrow(struct boxes *boxes, size_t narrow)
{
	int result = 0;

	if (boxes->marked == narrow)
		return 0;
	boxes->marked = narrow;
	if (narrow == BY_ORDER)
		return 0;
	memset(boxes->narrow, 0, boxes->count);
	for (int field = 0; field < CLASSIFIER_FIELDS && !result; field++)
		result = find_narrow(boxes->box, boxes->count, field, narrow, boxes->narrow);
	return result;
}

int parts_lay(struct layer *layer, struct box *box, size_t count, struct classifier_view *view)
{
	struct boxes boxes = { .box = box, .narrow = calloc(count + 1, 1), .count = count };
	__u32 used = layer->tables->used, limit = layer->budget;
	int result = boxes.narrow ? -ENOSPC : -ENOMEM;

	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++) {
		const struct attempt *attempt = &attempts[i];
		size_t lines = attempt->lines + count * attempt->lines_per_box / 8;

		if (result != -ENOSPC && result != -E2BIG)
			break;
		take_back(layer, used);
		layer->leaf = attempt->leaf;
		layer->budget = (__u32)MIN(limit, used + lines);
		result = mark_narrow(&boxes, attempt->narrow)
				 ?: lay_parts(layer, &boxes, attempt->parts, attempt->vectors, view);
	}
	layer->budget = limit;
	free(boxes.narrow);
	return result;
}
