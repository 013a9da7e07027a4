/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of values, and the search trees that answer whether they hold one. */
#include "loader/classifier_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Each line holds whole spans, two keys each, so that it begins outside of every span. */
#define SPANS_PER_LINE (CLASSIFIER_KEYS / 2)

static int compare_spans(const void *a, const void *b)
{
	const struct span *left = a, *right = b;

	return (left->low > right->low) - (left->low < right->low);
}

size_t spans_normalize(struct span *spans, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (spans[i].low <= spans[i].high)
			spans[kept++] = spans[i];
	count = kept;
	if (!count)
		return 0;
	qsort(spans, count, sizeof(*spans), compare_spans);
	kept = 0;
	for (size_t i = 1; i < count; i++) {
		if (spans[kept].high != ~0U && spans[i].low > spans[kept].high + 1)
			spans[++kept] = spans[i];
		else if (spans[i].high > spans[kept].high)
			spans[kept].high = spans[i].high;
	}
	return kept + 1;
}

static size_t hash_spans(const struct span *spans, size_t count)
{
	__u64 hash = count;

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ (spans[i].low | (__u64)spans[i].high << 32)) * 0x9e3779b97f4a7c15ULL;
	return (size_t)(hash >> 17);
}

static bool same_spans(const struct set *set, const struct span *spans, size_t count)
{
	return set->count == count && !memcmp(set->span, spans, count * sizeof(*spans));
}

/* Where a set stands among the buckets, or belongs. */
static __u32 *find_bucket(const struct sets *sets, const struct span *spans, size_t count)
{
	size_t i = hash_spans(spans, count) & (sets->bucket_count - 1);

	while (sets->bucket[i] && !same_spans(&sets->set[sets->bucket[i] - 1], spans, count))
		i = (i + 1) & (sets->bucket_count - 1);
	return &sets->bucket[i];
}

static int sets_grow(struct sets *sets)
{
	size_t room = sets->room ? 2 * sets->room : 64;
	struct set *more = reallocarray(sets->set, room, sizeof(*more));
	__u32 *buckets;

	if (!more)
		return -ENOMEM;
	sets->set = more;
	buckets = calloc(2 * room, sizeof(*buckets));
	if (!buckets)
		return -ENOMEM;
	free(sets->bucket);
	sets->bucket = buckets;
	sets->bucket_count = 2 * room;
	sets->room = room;
	for (size_t i = 0; i < sets->count; i++)
		*find_bucket(sets, sets->set[i].span, sets->set[i].count) = (__u32)i + 1;
	return 0;
}

__u32 sets_intern(struct sets *sets, const struct span *spans, size_t count)
{
	struct span *copy;
	__u32 *bucket;

	if (sets->count == sets->room && sets_grow(sets))
		return 0;
	bucket = find_bucket(sets, spans, count);
	if (*bucket)
		return *bucket;
	copy = malloc(count * sizeof(*copy));
	if (!copy)
		return 0;
	memcpy(copy, spans, count * sizeof(*copy));
	sets->set[sets->count] = (struct set){ .span = copy, .count = count };
	*bucket = (__u32)++sets->count;
	return *bucket;
}

size_t set_find(const struct set *set, __u32 value)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (set->span[middle].high < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Keys are the last values before a change: of what is outside, of what is inside. */
static void lay_members(struct classifier_line *line, const struct span *spans, size_t count)
{
	size_t keys = 0;

	line->header = LINE_MEMBER;
	memset(line->key, 0xff, sizeof(line->key));
	for (size_t i = 0; i < count; i++) {
		if (!spans[i].low) /* its first key would be below nothing: it stands for 0 itself */
			line->header |= 1;
		else
			line->key[keys++] = spans[i].low - 1;
		line->key[keys++] = spans[i].high;
	}
}

int set_lay(struct layer *layer, struct set *set)
{
	size_t count = (set->count + SPANS_PER_LINE - 1) / SPANS_PER_LINE;
	__u32 first, *last;
	int result;

	if (set->laid.line)
		return 0;
	first = layer_take(layer, count);
	if (!first)
		return -ENOSPC;
	last = malloc(count * sizeof(*last));
	if (!last)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct span *spans = &set->span[i * SPANS_PER_LINE];
		size_t rest = set->count - i * SPANS_PER_LINE;

		rest = rest < SPANS_PER_LINE ? rest : SPANS_PER_LINE;
		lay_members(layer_line(layer, first + (__u32)i), spans, rest);
		last[i] = spans[rest - 1].high;
	}
	result = search_tree_lay(layer, first, count, last, &first);
	free(last);
	if (!result)
		set->laid = (struct laid){ first, layer->tables->used };
	return result;
}

void sets_free(struct sets *sets)
{
	for (size_t i = 0; i < sets->count; i++)
		free(sets->set[i].span);
	free(sets->set);
	free(sets->bucket);
	*sets = (struct sets){ 0 };
}
