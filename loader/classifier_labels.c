/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses as values of a field: an IPv4 address is one, an IPv6 address is the number of the
 * interval it lies in. The map from address to interval is a search tree over the first 32 bits
 * whose answers lead, where several intervals begin under the same 32 bits, into trees over the
 * next.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/classifier_build.h"

static const address_number ipv4_first = (address_number)0xffff << 32;
static const address_number ipv4_last = ((address_number)0xffff << 32) + 0xffffffff;

/* --- which lists there are --- */

static size_t hash_list(const struct address_range *range, size_t count)
{
	return (size_t)((((__u64)(unsigned long)range >> 4) + count) * 0x9e3779b97f4a7c15ULL >> 20);
}

int lists_collect(struct layer *layer, int side)
{
	struct address_lists *lists = &layer->side[side];
	size_t buckets = 64;
	__u32 *bucket;

	while (buckets < 2 * layer->count)
		buckets *= 2;
	bucket = calloc(buckets, sizeof(*bucket));
	lists->list = calloc(layer->count + 1, sizeof(*lists->list));
	lists->of_rule = calloc(layer->count + 1, sizeof(*lists->of_rule));
	if (!bucket || !lists->list || !lists->of_rule) {
		free(bucket);
		return -ENOMEM;
	}
	for (size_t i = 0; i < layer->count; i++) {
		const struct classifier_rule *rule = layer->rule[i];
		const struct address_range *range = side ? rule->destinations : rule->sources;
		size_t count = side ? rule->destination_count : rule->source_count;
		size_t at = hash_list(range, count) & (buckets - 1);

		if (side ? rule->any_destination : rule->any_source) {
			lists->of_rule[i] = ADDRESS_ANY;
			continue;
		}
		while (bucket[at] && (lists->list[bucket[at] - 1].range != range ||
				      lists->list[bucket[at] - 1].count != count))
			at = (at + 1) & (buckets - 1);
		if (!bucket[at]) {
			lists->list[lists->count] =
				(struct address_list){ .range = range, .count = count };
			bucket[at] = (__u32)++lists->count;
		}
		lists->of_rule[i] = bucket[at] - 1;
	}
	free(bucket);
	return 0;
}

void lists_free(struct address_lists *lists)
{
	for (size_t i = 0; i < lists->count; i++)
		free(lists->list[i].span);
	free(lists->list);
	free(lists->of_rule);
	*lists = (struct address_lists){ 0 };
}

/* --- intervals --- */

/* Where intervals begin, ascending. */
struct borders {
	address_number *at;
	size_t count;
};

/* A range as far as it is the family's; false: nothing is left. */
static bool clip(const struct address_range *range, enum classifier_family family,
		 address_number *first, address_number *last)
{
	*first = address_to_number(&range->first);
	*last = address_to_number(&range->last);
	if (family ==
	    FAMILY_IPV6) /* one that also holds all of IPv4 keeps it: no packet will ask */
		return *first <= *last && !(*first >= ipv4_first && *last <= ipv4_last);
	*first = *first > ipv4_first ? *first : ipv4_first;
	*last = *last < ipv4_last ? *last : ipv4_last;
	return *first <= *last;
}

static int compare_numbers(const void *a, const void *b)
{
	const address_number *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static int collect_borders(const struct address_lists *lists, struct borders *borders)
{
	address_number first, last;
	size_t room = 1, kept = 0;

	for (size_t i = 0; i < lists->count; i++)
		room += 2 * lists->list[i].count;
	borders->at = malloc(room * sizeof(*borders->at));
	if (!borders->at)
		return -ENOMEM;
	borders->at[borders->count++] = 0;
	for (size_t i = 0; i < lists->count; i++)
		for (size_t j = 0; j < lists->list[i].count; j++) {
			if (!clip(&lists->list[i].range[j], FAMILY_IPV6, &first, &last))
				continue;
			borders->at[borders->count++] = first;
			if (last != ~(address_number)0)
				borders->at[borders->count++] = last + 1;
		}
	qsort(borders->at, borders->count, sizeof(*borders->at), compare_numbers);
	for (size_t i = 1; i < borders->count; i++)
		if (borders->at[i] != borders->at[kept])
			borders->at[++kept] = borders->at[i];
	borders->count = kept + 1;
	return 0;
}

/* The interval that an address lies in. */
static __u32 interval_of(const struct borders *borders, address_number address)
{
	size_t low = 0, high = borders->count;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (borders->at[middle] <= address)
			low = middle;
		else
			high = middle;
	}
	return (__u32)low;
}

static int resolve_list(struct layer *layer, struct address_list *list,
			const struct borders *borders)
{
	address_number first, last;
	size_t count = 0;

	if (!list->span)
		list->span = malloc((list->count + 1) * sizeof(*list->span));
	if (!list->span)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++) {
		if (!clip(&list->range[i], layer->family, &first, &last))
			continue;
		if (layer->family == FAMILY_IPV4)
			list->span[count++] = (struct span){ (__u32)first, (__u32)last };
		else
			list->span[count++] = (struct span){ interval_of(borders, first),
							     interval_of(borders, last) };
	}
	list->span_count = spans_normalize(list->span, count);
	list->set = 0;
	if (list->span_count > 1) {
		list->set = sets_intern(&layer->sets, list->span, list->span_count);
		if (!list->set)
			return -ENOMEM;
	}
	return 0;
}

/* --- the map --- */

/* The 32 bits of an address that are searched at a depth, 0 to 3. */
static __u32 word_of(address_number address, unsigned int depth)
{
	return (__u32)(address >> (96 - 32 * depth));
}

/* What is answered for words from `from` on, up to the next one's. */
struct piece {
	__u32 from;
	__u32 answer;
};

static int lay_borders(struct layer *layer, const struct borders *borders, size_t first,
		       size_t count, unsigned int depth, __u32 before, __u32 *root);

/*
 * The pieces of the borders first..first+count, which have all words before `depth` in common.
 * `before` is the interval that lies before them.
 */
static int find_pieces(struct layer *layer, const struct borders *borders, size_t first,
		       size_t count, unsigned int depth, __u32 before, struct piece *pieces,
		       size_t *piece_count)
{
	size_t made = 1;

	pieces[0] = (struct piece){ 0, before };
	for (size_t i = first, next; i < first + count; i = next) {
		__u32 word = word_of(borders->at[i], depth);
		address_number rest = depth < 3 ? borders->at[i] << (32 * (depth + 1)) : 0;
		__u32 answer = (__u32)i;
		int result;

		for (next = i + 1; next < first + count; next++)
			if (word_of(borders->at[next], depth) != word)
				break;
		if (next - i > 1 || rest) {
			result = lay_borders(layer, borders, i, next - i, depth + 1,
					     i ? (__u32)i - 1 : 0, &answer);
			if (result)
				return result;
			answer |= ANSWER_DEEPER;
		}
		if (pieces[made - 1].from == word && word == 0)
			made--;
		pieces[made++] = (struct piece){ word, answer };
		if ((answer & ANSWER_DEEPER) && word != ~0U)
			pieces[made++] = (struct piece){ word + 1, (__u32)next - 1 };
		if (next < first + count && made &&
		    pieces[made - 1].from == word_of(borders->at[next], depth))
			made--; /* the next one begins just there */
	}
	*piece_count = made;
	return 0;
}

static int lay_pieces(struct layer *layer, const struct piece *pieces, size_t piece_count,
		      __u32 *root)
{
	size_t count = (piece_count + CLASSIFIER_ANSWERS - 1) / CLASSIFIER_ANSWERS;
	__u32 line = layer_take(layer, count);
	__u32 *last;
	int result;

	if (!line)
		return -ENOSPC;
	last = malloc(count * sizeof(*last));
	if (!last)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct classifier_line *answers = layer_line(layer, line + (__u32)i);

		answers->header = LINE_ANSWER;
		memset(answers->answer_key, 0xff, sizeof(answers->answer_key));
		for (size_t j = 0; j < CLASSIFIER_ANSWERS; j++) {
			size_t piece = i * CLASSIFIER_ANSWERS + j;

			if (piece >= piece_count)
				break;
			if (j)
				answers->answer_key[j - 1] = pieces[piece].from - 1;
			answers->answer[j] = pieces[piece].answer;
		}
		last[i] = i + 1 < count ? pieces[(i + 1) * CLASSIFIER_ANSWERS].from - 1 : ~0U;
	}
	result = search_tree_lay(layer, line, count, last, root);
	free(last);
	return result;
}

static int lay_words(struct layer *layer, const struct borders *borders, size_t first, size_t count,
		     unsigned int depth, __u32 before, __u32 *root)
{
	struct piece *pieces = malloc((2 * count + 1) * sizeof(*pieces));
	size_t piece_count;
	int result;

	if (!pieces)
		return -ENOMEM;
	result = find_pieces(layer, borders, first, count, depth, before, pieces, &piece_count);
	if (!result)
		result = lay_pieces(layer, pieces, piece_count, root);
	free(pieces);
	return result;
}

/* Few borders are compared as whole addresses, in one line. */
static int lay_wide(struct layer *layer, const struct borders *borders, size_t first, size_t count,
		    __u32 before, __u32 *root)
{
	struct classifier_line *line;

	*root = layer_take(layer, 1);
	if (!*root)
		return -ENOSPC;
	line = layer_line(layer, *root);
	line->header = LINE_WIDE;
	line->wide_base = before;
	memset(line->wide_key, 0xff, sizeof(line->wide_key));
	for (size_t i = 0; i < count; i++) {
		address_number key = borders->at[first + i] - 1;

		for (unsigned int j = 0; j < 4; j++)
			line->wide_key[i][j] = word_of(key, j);
	}
	return 0;
}

/* The tree over the borders first..first+count, which have all words before `depth` in common. */
static int lay_borders(struct layer *layer, const struct borders *borders, size_t first,
		       size_t count, unsigned int depth, __u32 before, __u32 *root)
{
	size_t skip = first ? 0 : 1; /* nothing lies before border 0, which is address 0 */

	if (count - skip <= CLASSIFIER_WIDES)
		return lay_wide(layer, borders, first + skip, count - skip, before, root);
	return lay_words(layer, borders, first, count, depth, before, root);
}

int lists_resolve(struct layer *layer, int side, __u32 *map)
{
	struct address_lists *lists = &layer->side[side];
	struct borders borders = { 0 };
	int result = 0;

	*map = 0;
	if (layer->family == FAMILY_IPV6)
		result = collect_borders(lists, &borders);
	for (size_t i = 0; i < lists->count && !result; i++)
		result = resolve_list(layer, &lists->list[i], &borders);
	if (!result && layer->family == FAMILY_IPV6)
		result = lay_borders(layer, &borders, 0, borders.count, 0, 0, map);
	free(borders.at);
	return result;
}
