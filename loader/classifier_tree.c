/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trees of boxes: each node cuts one field into up to 16 pieces, between ends of boxes and so that
 * each piece gets about as many of them. Which field: the one whose cuts leave the least work, taken
 * over all pieces.
 *
 * A box that holds all of a piece hides the boxes behind it there. What a piece holds of a set may
 * be a single span: then it is a box like any other, and the set is forgotten.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "loader/classifier_build.h"

#define PIECES     (CLASSIFIER_KEYS + 1)
#define MOST_BOXES 32   /* of a leaf that was not meant to be long */
#define SAMPLES    1024 /* boxes that are looked at to choose a cut */
#define SET_ENDS   16   /* spans of a set that are looked at, at most */
#define SETS_ENDS  2048 /* and of all sets together, or one of each */

/* A piece of the space and the boxes in it, ascending by rule. */
struct region {
	struct span span[CLASSIFIER_FIELDS];
	const struct box *box;
	size_t count;
};

/* A way to cut a region. Piece i ends at key[i]; the last at the region's end. */
struct cut {
	int field;
	__u32 key[CLASSIFIER_KEYS];
	size_t keys;
	__u64 work;
};

enum end_kind {
	END_LOW,    /* the last value before a box */
	END_HIGH,   /* the last value of a box */
	END_INSIDE, /* of a set's span, inside its box */
};

/* Several ends at one value, where a field may be cut. */
struct candidate {
	__u32 value;
	size_t first, next; /* its ends */
	size_t crossed;     /* boxes on both sides of it */
};

#define MOST_ENDS (SAMPLES * (2 + 2 * SET_ENDS))

/* Where sampled boxes begin and end in a field. */
struct ends {
	__u64 end[MOST_ENDS]; /* value << 2 | enum end_kind */
	size_t count;
	size_t begun; /* boxes that begin before all of them */
	struct candidate candidate[MOST_ENDS];
};

struct tree {
	struct layer *layer;
	struct ends ends;
};

static bool covers_field(const struct box *box, const struct span *span, int field)
{
	return !box->set[field] && box->span[field].low <= span->low &&
	       box->span[field].high >= span->high;
}

/* Whether it holds all of the region, but for what `except` says of one field (-1: none). */
static bool covers(const struct box *box, const struct region *region, int except)
{
	for (int field = 0; field < CLASSIFIER_FIELDS; field++)
		if (field != except && !covers_field(box, &region->span[field], field))
			return false;
	return true;
}

/* --- where to cut --- */

static void add_end(struct ends *ends, const struct span *region, __u32 value, enum end_kind kind)
{
	if (value >= region->low && value < region->high)
		ends->end[ends->count++] = (__u64)value << 2 | kind;
}

static void add_set_ends(struct ends *ends, const struct span *region, const struct set *set,
			 size_t most)
{
	size_t first = set_find(set, region->low), last = set_find(set, region->high), step;

	last = MIN(last + 1, set->count);
	step = (last - first) / most + 1;
	for (size_t i = first; i < last; i += step) {
		if (set->span[i].low)
			add_end(ends, region, set->span[i].low - 1, END_INSIDE);
		add_end(ends, region, set->span[i].high, END_INSIDE);
	}
}

static int compare_ends(const void *a, const void *b)
{
	const __u64 *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static void collect_ends(struct tree *tree, const struct region *region, int field)
{
	const struct sets *sets = &tree->layer->sets;
	const struct span *span = &region->span[field];
	struct ends *ends = &tree->ends;
	size_t step = region->count / SAMPLES + 1;
	size_t most = MIN(SET_ENDS, SETS_ENDS / (region->count / step + 1) + 1);

	ends->count = ends->begun = 0;
	for (size_t i = 0; i < region->count; i += step) {
		const struct box *box = &region->box[i];

		if (box->set[field])
			add_set_ends(ends, span, &sets->set[box->set[field] - 1], most);
		if (box->span[field].low > span->low)
			add_end(ends, span, box->span[field].low - 1, END_LOW);
		else
			ends->begun++;
		add_end(ends, span, box->span[field].high, END_HIGH);
	}
	qsort(ends->end, ends->count, sizeof(*ends->end), compare_ends);
}

/* The ends from `first` on that have one value. *open: boxes that have begun and not ended. */
static struct candidate next_candidate(const struct ends *ends, size_t first, size_t *open)
{
	struct candidate at = { .value = (__u32)(ends->end[first] >> 2), .first = first };
	size_t begin = 0;

	for (at.next = first; at.next < ends->count; at.next++) {
		if (ends->end[at.next] >> 2 != at.value)
			break;
		begin += (ends->end[at.next] & 3) == END_LOW;
		*open -= (ends->end[at.next] & 3) == END_HIGH;
	}
	at.crossed = *open;
	*open += begin;
	return at;
}

static size_t distance(const struct candidate *at, size_t end)
{
	if (end < at->first)
		return at->first - end;
	return end < at->next ? 0 : end - at->next + 1;
}

static bool better(const struct candidate *a, const struct candidate *b, size_t end)
{
	if (!b || a->crossed != b->crossed)
		return !b || a->crossed < b->crossed;
	return distance(a, end) < distance(b, end);
}

/* Keys that part the ends about evenly: of those near an even part's end, each is where the fewest
 * boxes are on both sides of it. Where there are few different ends, all of them. */
static void choose_keys(struct ends *ends, size_t pieces, struct cut *cut)
{
	size_t count = 0, begun = ends->begun, at = 0, reach = ends->count / pieces / 2;

	for (size_t i = 0; i < ends->count; i = ends->candidate[count++].next)
		ends->candidate[count] = next_candidate(ends, i, &begun);
	cut->keys = 0;
	for (size_t piece = 1; piece < pieces; piece++) {
		size_t end = piece * ends->count / pieces;
		const struct candidate *best = NULL;

		while (at < count && ends->candidate[at].next + reach <= end)
			at++;
		for (size_t i = at; i < count && ends->candidate[i].first <= end + reach; i++)
			if (better(&ends->candidate[i], best, end))
				best = &ends->candidate[i];
		if (!best)
			continue;
		cut->key[cut->keys++] = best->value;
		at = (size_t)(best - ends->candidate) + 1;
	}
}

static size_t piece_of(const struct cut *cut, __u32 value)
{
	size_t piece = 0;

	for (size_t i = 0; i < cut->keys; i++)
		piece += cut->key[i] < value;
	return piece;
}

static struct span piece_span(const struct cut *cut, const struct span *region, size_t piece)
{
	return (struct span){ piece ? cut->key[piece - 1] + 1 : region->low,
			      piece < cut->keys ? cut->key[piece] : region->high };
}

/* What a piece holds of a box in the field that is cut: false, nothing. */
static bool narrow(const struct sets *sets, struct box *box, int field, const struct span *piece)
{
	const struct set *set;
	size_t first, last;

	if (box->span[field].low > piece->high || box->span[field].high < piece->low)
		return false;
	if (!box->set[field])
		return true;
	set = &sets->set[box->set[field] - 1];
	first = set_find(set, piece->low);
	last = set_find(set, piece->high);
	if (last == set->count || set->span[last].low > piece->high)
		last--; /* may become less than first: the piece lies in a gap */
	if (first == set->count || (ssize_t)last < (ssize_t)first)
		return false;
	box->span[field] = (struct span){ set->span[first].low, set->span[last].high };
	if (first == last)
		box->set[field] = 0;
	return true;
}

/* count * (1 + log2(count)), in 256ths of it. */
static __u64 work_of(__u64 count)
{
	__u64 log = 0;

	if (!count)
		return 0;
	while (count >> (log + 1))
		log++;
	return count * (256 * (1 + log) + 256 * (count - (1ULL << log)) / (1ULL << log));
}

/* What a piece holds of a box, as to how many boxes it has; full: a box before hides this one. */
static void count_piece(const struct tree *tree, const struct region *region, const struct cut *cut,
			const struct box *box, size_t piece, __u64 *count, bool *full)
{
	struct span span = piece_span(cut, &region->span[cut->field], piece);

	if (*full)
		return;
	if (box->set[cut->field]) {
		struct box part = *box;

		if (!narrow(&tree->layer->sets, &part, cut->field, &span))
			return;
	}
	++*count;
	*full = covers_field(box, &span, cut->field) && covers(box, region, cut->field);
}

/* Fills cut->work: what is left to do in all pieces, going by the sampled boxes. */
static void rate(const struct tree *tree, const struct region *region, struct cut *cut)
{
	__u64 count[PIECES] = { 0 };
	bool full[PIECES] = { false };
	size_t step = region->count / SAMPLES + 1;

	for (size_t i = 0; i < region->count; i += step) {
		const struct box *box = &region->box[i];
		size_t last = piece_of(cut, box->span[cut->field].high);

		for (size_t j = piece_of(cut, box->span[cut->field].low); j <= last; j++)
			count_piece(tree, region, cut, box, j, &count[j], &full[j]);
	}
	cut->work = 0;
	for (size_t j = 0; j <= cut->keys; j++)
		cut->work += work_of(count[j]);
}

static bool choose_cut(struct tree *tree, const struct region *region, struct cut *best)
{
	size_t pieces = MIN(PIECES, MAX(2, 2 * region->count / tree->layer->leaf));

	best->keys = 0;
	for (int field = 0; field < CLASSIFIER_FIELDS; field++) {
		struct cut cut = { .field = field };

		collect_ends(tree, region, field);
		choose_keys(&tree->ends, pieces, &cut);
		if (!cut.keys)
			continue;
		rate(tree, region, &cut);
		if (!best->keys || cut.work < best->work)
			*best = cut;
	}
	return best->keys > 0;
}

/* --- laying --- */

static int lay_sets(struct layer *layer, const struct box *box)
{
	struct laid *laid = &layer->rule_sets[box->rule];
	struct classifier_sets *sets;

	if (!laid->line) {
		laid->line = layer_take(layer, 1);
		laid->used = layer->tables->used;
		if (!laid->line)
			return -ENOSPC;
	}
	for (int field = 0; field < CLASSIFIER_FIELDS; field++) {
		struct set *set;
		int result;

		if (!box->set[field])
			continue;
		set = &layer->sets.set[box->set[field] - 1];
		result = set_lay(layer, set);
		if (result)
			return result;
		sets = layer_line(layer, laid->line);
		sets->root[layer->family][field] = set->laid.line;
	}
	return 0;
}

int box_lay(struct layer *layer, __u32 at, int place, const struct box *box)
{
	struct classifier_line *line = layer_line(layer, at);
	const struct span *span = box->span;
	struct classifier_box *laid = &line->box[place];
	bool has_sets = false;

	for (int field = 0; field < CLASSIFIER_FIELDS; field++)
		has_sets |= box->set[field] != 0;
	*laid = (struct classifier_box){
		.source_low = span[FIELD_SOURCE].low,
		.source_span = span[FIELD_SOURCE].high - span[FIELD_SOURCE].low,
		.destination_low = span[FIELD_DESTINATION].low,
		.destination_span = span[FIELD_DESTINATION].high - span[FIELD_DESTINATION].low,
		.source_port_low = (__u16)span[FIELD_SOURCE_PORT].low,
		.source_port_span =
			(__u16)(span[FIELD_SOURCE_PORT].high - span[FIELD_SOURCE_PORT].low),
		.destination_port_low = (__u16)span[FIELD_DESTINATION_PORT].low,
		.destination_port_span = (__u16)(span[FIELD_DESTINATION_PORT].high -
						 span[FIELD_DESTINATION_PORT].low),
		.rule = box->rule | (has_sets ? BOX_HAS_SETS : 0),
	};
	line->protocol[place].low = (__u8)span[FIELD_PROTOCOL].low;
	line->protocol[place].span = (__u8)(span[FIELD_PROTOCOL].high - span[FIELD_PROTOCOL].low);
	return has_sets ? lay_sets(layer, box) : 0;
}

static int lay_leaf(struct tree *tree, const struct region *region, __u32 line)
{
	struct layer *layer = tree->layer;
	size_t lines = (region->count + BOXES_PER_LINE - 1) / BOXES_PER_LINE;
	__u32 more = 0;

	if (region->count > MAX(layer->leaf, MOST_BOXES))
		return -E2BIG;
	if (lines > 1) {
		more = layer_take(layer, lines - 1);
		if (!more)
			return -ENOSPC;
	}
	for (size_t i = 0; i < MAX(lines, 1); i++) {
		__u32 at = i ? more + (__u32)i - 1 : line;
		struct classifier_line *leaf = layer_line(layer, at);

		leaf->header = LINE_LEAF | (i + 1 < lines ? more + (__u32)i : 0);
		for (int place = 0; place < BOXES_PER_LINE; place++) {
			size_t box = i * BOXES_PER_LINE + place;
			int result = 0;

			if (box < region->count)
				result = box_lay(layer, at, place, &region->box[box]);
			else
				leaf->box[place].rule = BOX_NONE;
			if (result)
				return result;
		}
	}
	return 0;
}

static int lay_region(struct tree *tree, const struct region *region, int depth, __u32 line);

/* The piece's part of the region's boxes, up to the first that hides the rest. */
static int lay_piece(struct tree *tree, const struct region *region, const struct cut *cut,
		     size_t number, int depth, __u32 line)
{
	struct region piece = *region;
	struct box *boxes = malloc((region->count + 1) * sizeof(*boxes));
	struct box *fitted;
	int result;

	if (!boxes)
		return -ENOMEM;
	piece.span[cut->field] = piece_span(cut, &region->span[cut->field], number);
	piece.count = 0;
	for (size_t i = 0; i < region->count; i++) {
		struct box *box = &boxes[piece.count];

		*box = region->box[i];
		if (!narrow(&tree->layer->sets, box, cut->field, &piece.span[cut->field]))
			continue;
		piece.count++;
		if (covers(box, &piece, -1))
			break;
	}
	fitted = realloc(boxes, (piece.count + 1) * sizeof(*boxes));
	boxes = fitted ? fitted : boxes;
	piece.box = boxes;
	result = lay_region(tree, &piece, depth + 1, line);
	free(boxes);
	return result;
}

static int lay_region(struct tree *tree, const struct region *region, int depth, __u32 line)
{
	struct classifier_line *node;
	struct cut cut;
	__u32 first;
	int result = 0;

	if (region->count <= tree->layer->leaf || depth == CLASSIFIER_DEPTH ||
	    !choose_cut(tree, region, &cut))
		return lay_leaf(tree, region, line);
	first = layer_take(tree->layer, cut.keys + 1);
	if (!first)
		return -ENOSPC;
	node = layer_line(tree->layer, line);
	node->header = LINE_INNER | (__u32)cut.field << NODE_FIELD_SHIFT | first;
	memset(node->key, 0xff, sizeof(node->key));
	memcpy(node->key, cut.key, cut.keys * sizeof(*cut.key));
	for (size_t i = 0; i <= cut.keys && !result; i++)
		result = lay_piece(tree, region, &cut, i, depth, first + (__u32)i);
	return result;
}

int tree_lay(struct layer *layer, const struct box *boxes, size_t count, __u32 *root)
{
	struct region region = { .box = boxes };
	struct tree *tree = malloc(sizeof(*tree));
	int result;

	if (!tree)
		return -ENOMEM;
	tree->layer = layer;
	region.span[FIELD_SOURCE] = region.span[FIELD_DESTINATION] = (struct span){ 0, ~0U };
	region.span[FIELD_SOURCE_PORT] = region.span[FIELD_DESTINATION_PORT] =
		(struct span){ 0, 0xffff };
	region.span[FIELD_PROTOCOL] = (struct span){ 0, 255 };
	/* Behind a box that holds everything, none is ever asked. */
	while (region.count < count &&
	       !(region.count && covers(&boxes[region.count - 1], &region, -1)))
		region.count++;
	*root = layer_take(layer, 1);
	result = *root ? lay_region(tree, &region, 0, *root) : -ENOSPC;
	free(tree);
	return result;
}
