/* SPDX-License-Identifier: BSD-2-Clause */
/* Lays a list of rules as maps/classifier.h says. */
#include "loader/classifier.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/classifier_build.h"

#define HEAD_LINES (1 + CLASSIFIER_LAYERS * CLASSIFIER_FAMILIES)

static int compare_order(const void *a, const void *b)
{
	const struct classifier_rule *left = *(const struct classifier_rule *const *)a;
	const struct classifier_rule *right = *(const struct classifier_rule *const *)b;

	return (left->order > right->order) - (left->order < right->order);
}

/* A rule that names an empty list (an asg without members) can match nothing and is left out. */
static bool matches_nothing(const struct classifier_rule *rule)
{
	return (!rule->any_source && !rule->source_count) ||
	       (!rule->any_destination && !rule->destination_count);
}

static int layer_begin(struct layer *layer, struct tables *tables,
		       const struct classifier_rule *rules, size_t count)
{
	int result = 0;

	*layer = (struct layer){ .tables = tables, .budget = tables->count };
	layer->rule = calloc(count + 1, sizeof(*layer->rule));
	layer->rule_sets = calloc(count + 1, sizeof(*layer->rule_sets));
	if (!layer->rule || !layer->rule_sets)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (!matches_nothing(&rules[i]))
			layer->rule[layer->count++] = &rules[i];
	qsort(layer->rule, layer->count, sizeof(*layer->rule), compare_order);
	for (int side = 0; side < 2 && !result; side++)
		result = lists_collect(layer, side);
	return result;
}

static void layer_end(struct layer *layer)
{
	sets_free(&layer->sets);
	for (int side = 0; side < 2; side++)
		lists_free(&layer->side[side]);
	free(layer->rule_sets);
	free(layer->rule);
}

static int lay_view(struct layer *layer, enum classifier_family family,
		    struct classifier_view *view)
{
	struct box *boxes = NULL;
	size_t count;
	int result = 0;

	layer->family = family;
	for (int side = 0; side < 2 && !result; side++)
		result = lists_resolve(layer, side, &view->map[side]);
	if (!result)
		result = layer_boxes(layer, &boxes, &count);
	if (!result)
		result = parts_lay(layer, boxes, count, view);
	free(boxes);
	return result;
}

static int lay_blocks(struct layer *layer, __u32 *first)
{
	size_t blocks =
		(layer->count + CLASSIFIER_RULES_PER_BLOCK - 1) / CLASSIFIER_RULES_PER_BLOCK;

	*first = layer_take(layer, blocks * CLASSIFIER_BLOCK_LINES);
	if (!*first)
		return layer->count ? -ENOSPC : 0;
	for (size_t i = 0; i < layer->count; i++) {
		size_t block = i / CLASSIFIER_RULES_PER_BLOCK, at = i % CLASSIFIER_RULES_PER_BLOCK;
		__u32 line = *first + (__u32)block * CLASSIFIER_BLOCK_LINES;
		const struct classifier_rule *rule = layer->rule[i];
		struct classifier_verdicts *verdicts = layer_line(layer, line);
		struct classifier_orders *orders = layer_line(layer, line + 1);
		struct classifier_set_lines *sets = layer_line(layer, line + 2);

		verdicts->verdict[at] =
			rule->id | (rule->access == ACCESS_ALLOW ? VERDICT_ALLOW : 0);
		orders->order[at] = rule->order;
		sets->line[at] = layer->rule_sets[i].line;
	}
	return 0;
}

/* Lays the rules as one layer, its views at view[]. */
static int lay_layer(struct tables *tables, const struct classifier_rule *rules, size_t count,
		     struct classifier_view view[CLASSIFIER_FAMILIES])
{
	struct layer layer;
	int result = layer_begin(&layer, tables, rules, count);
	__u32 blocks = 0;

	for (int family = 0; family < CLASSIFIER_FAMILIES && !result; family++)
		result = lay_view(&layer, family, &view[family]);
	if (!result)
		result = lay_blocks(&layer, &blocks);
	for (int family = 0; family < CLASSIFIER_FAMILIES; family++)
		view[family].blocks = blocks;
	layer_end(&layer);
	return result;
}

/* Says what went wrong, gives back what was taken. */
static int refuse(struct tables *tables, __u32 used, int result, size_t count,
		  struct sluice_error *error)
{
	__u32 taken = tables->used - used;

	tables_give_back(tables, used);
	if (result == -ENOMEM)
		return sluice_error_set(error, result, "out of memory for a list of %zu rules",
					count);
	if (result == -E2BIG)
		return sluice_error_set(error, -ENOSPC,
					"a list of %zu rules overlaps in too many ways to be "
					"decided in few steps; split it by source, destination or "
					"ports, or use fewer rules",
					count);
	return sluice_error_set(error, -ENOSPC,
				"the table has no room for a list of %zu rules (%u lines were not "
				"enough); use fewer rules, or rules that overlap less",
				count, taken);
}

int classifier_build(struct tables *tables, const struct classifier_rule *rules, size_t count,
		     enum access miss, __u32 *line, struct sluice_error *error)
{
	__u32 used = tables->used, first = tables_take(tables, HEAD_LINES);
	struct classifier *head;
	int result;

	if (!first)
		return refuse(tables, used, -ENOSPC, count, error);
	head = tables_line(tables, first);
	result = lay_layer(tables, rules, count, (struct classifier_view *)(head + 1));
	if (result)
		return refuse(tables, used, result, count, error);
	*head = (struct classifier){
		.miss_access = miss,
		.layer_count = 1,
	};
	*line = first;
	return 0;
}

int classifier_extend(struct tables *tables, __u32 base_line, const struct classifier_rule *rules,
		      size_t count, __u32 *line, struct sluice_error *error)
{
	__u32 used = tables->used, first = tables_take(tables, HEAD_LINES);
	const struct classifier *base = tables_line(tables, base_line);
	struct classifier_view *views;
	struct classifier *head;
	int result;

	if (!first)
		return refuse(tables, used, -ENOSPC, count, error);
	head = tables_line(tables, first);
	views = (struct classifier_view *)(head + 1);
	*head = *base;
	head->layer_count = 2;
	memcpy(views, base + 1, CLASSIFIER_FAMILIES * sizeof(*views));
	result = lay_layer(tables, rules, count, views + CLASSIFIER_FAMILIES);
	if (result)
		return refuse(tables, used, result, count, error);
	*line = first;
	return 0;
}
