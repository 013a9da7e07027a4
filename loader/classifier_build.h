/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files that lay a classifier (classifier*.c) share: rules as boxes, lists as spans.
 */
#ifndef SLUICE_LOADER_CLASSIFIER_BUILD_H
#define SLUICE_LOADER_CLASSIFIER_BUILD_H

#include "loader/classifier.h"
#include "loader/ranges.h"
#include "maps/classifier.h"

/* Values of a field, from low to high, both inclusive. */
struct span {
	__u32 low;
	__u32 high;
};

/* What may have to be laid again, when lines are given back. */
struct laid {
	__u32 line; /* 0: not laid */
	__u32 used; /* tables->used behind it */
};

/* Several spans, ascending and apart. Its search tree is laid when a leaf needs it. */
struct set {
	struct span *span;
	size_t count;
	struct laid laid;
};

/* The sets of a layer, each once. */
struct sets {
	struct set *set;
	size_t count;
	size_t room;
	__u32 *bucket; /* by hash: index of a set plus one; 0: none */
	size_t bucket_count;
};

/* A rule, or what a piece of the space holds of it. */
struct box {
	__u32 rule;
	struct span span[CLASSIFIER_FIELDS]; /* around the set, where there is one */
	__u32 set[CLASSIFIER_FIELDS];        /* index plus one; 0: all of the span */
};

/* A list of ranges, however many rules have it. */
struct address_list {
	const struct address_range *range;
	size_t count;
	struct span *span; /* as values of the field in the family under way */
	size_t span_count;
	__u32 set; /* index plus one, where there are several spans */
};

/* The lists of one side of all rules. */
struct address_lists {
	struct address_list *list;
	size_t count;
	__u32 *of_rule; /* index by rule's number; ADDRESS_ANY */
};

#define ADDRESS_ANY (~0U)

/* A layer as it is laid. Rules are in the order of their numbers. */
struct layer {
	struct tables *tables;
	const struct classifier_rule **rule;
	size_t count;
	struct address_lists side[2];
	struct sets sets;
	struct laid *rule_sets;        /* by rule's number: its struct classifier_sets */
	enum classifier_family family; /* the one under way */
	size_t leaf;                   /* as many boxes are not worth a node */
	__u32 budget;                  /* lines that may be used of the extent */
};

/* Takes zeroed lines within the budget; 0 when there is no room. */
static inline __u32 layer_take(const struct layer *layer, size_t count)
{
	if (layer->tables->used > layer->budget || count > layer->budget - layer->tables->used)
		return 0;
	return tables_take(layer->tables, (__u32)count);
}

static inline void *layer_line(const struct layer *layer, __u32 line)
{
	return tables_line(layer->tables, line);
}

/* classifier_search.c: lays the inner lines over `count` lines from `first` on, which lie behind each
 * other. last: the last value of each, overwritten. -ENOSPC; -E2BIG: too many for a search. */
int search_tree_lay(struct layer *layer, __u32 first, size_t count, __u32 *last, __u32 *root);

/* classifier_sets.c */
/* Orders, joins what overlaps or touches, drops what is upside down; returns how many are left. */
size_t spans_normalize(struct span *spans, size_t count);
/* The set with these spans: index plus one; 0: no memory. */
__u32 sets_intern(struct sets *sets, const struct span *spans, size_t count);
/* The first span of a set that ends at `value` or behind it; count: none. */
size_t set_find(const struct set *set, __u32 value);
/* Lays the set's search tree, once. -ENOSPC. */
int set_lay(struct layer *layer, struct set *set);
void sets_free(struct sets *sets);

/* classifier_labels.c */
int lists_collect(struct layer *layer, int side);
/* Fills each list's spans for the layer's family and lays the map they are values of. */
int lists_resolve(struct layer *layer, int side, __u32 *map);
void lists_free(struct address_lists *lists);

/* classifier_boxes.c */
/* The boxes of the layer's rules in its family, ascending by rule. */
int layer_boxes(struct layer *layer, struct box **boxes, size_t *count);

/* classifier_parts.c */
/* Fills view->part and view->part_count. -ENOSPC: no room, or the boxes cross too much. */
int parts_lay(struct layer *layer, struct box *boxes, size_t count, struct classifier_view *view);

/* classifier_vectors.c: root is a line number and PART_VECTORS. -E2BIG: too many boxes, or too many that
 * can not be told apart. */
int vectors_lay(struct layer *layer, const struct box *boxes, size_t count, __u32 *root);

/* classifier_tree.c */
/* Lays a box at a place of a line, and its rule's sets. -ENOSPC. */
int box_lay(struct layer *layer, __u32 line, int place, const struct box *box);
int tree_lay(struct layer *layer, const struct box *boxes, size_t count, __u32 *root);

#endif
