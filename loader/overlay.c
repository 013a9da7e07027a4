/* SPDX-License-Identifier: BSD-2-Clause */
/* The resolved rules of overlays, from one call to the next; see overlay.h. */
#include "loader/overlay_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_all(struct overlays *overlays)
{
	for (size_t i = 0; i < overlays->count; i++)
		rule_list_free(&overlays->list[i].rules);
	overlays->count = 0;
}

void overlays_free(struct overlays *overlays)
{
	if (!overlays)
		return;
	free_all(overlays);
	free(overlays->list);
	free(overlays);
}

int overlays_for(struct overlays **overlays, __u32 version)
{
	if (!*overlays)
		*overlays = calloc(1, sizeof(**overlays));
	if (!*overlays)
		return -ENOMEM;
	if ((*overlays)->version != version)
		free_all(*overlays);
	(*overlays)->version = version;
	return 0;
}

struct rule_list *overlay_find(const struct overlays *overlays, __u64 key)
{
	for (size_t i = 0; i < overlays->count; i++)
		if (overlays->list[i].key == key)
			return &overlays->list[i].rules;
	return NULL;
}

struct rule_list *overlay_new(struct overlays *overlays, __u64 key)
{
	struct overlay *more =
		reallocarray(overlays->list, overlays->count + 1, sizeof(*overlays->list));

	if (!more)
		return NULL;
	overlays->list = more;
	more[overlays->count] = (struct overlay){ .key = key };
	if (rule_list_new(&more[overlays->count].rules, OVERLAY_MAX)) {
		rule_list_free(&more[overlays->count].rules);
		return NULL;
	}
	return &more[overlays->count++].rules;
}

/* The ranges of a name belong to the compiler, which is gone when the rule is laid again. */
static int own_ranges(const struct address_range **ranges, size_t count, struct ranges *own)
{
	if (*ranges == own->range)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (ranges_add(own, &(*ranges)[i]))
			return -ENOMEM;
	*ranges = own->range;
	return 0;
}

int overlay_append(struct compiler *compiler, const struct vnet_build *build,
		   struct rule_list *list, const struct sluice_rule *from,
		   const struct rule_place *place)
{
	struct ranges *own = &list->ranges[2 * list->count];
	struct classifier_rule *rule = &list->rule[list->count];
	int result = compile_append_rule(compiler, build, list, from, place->rule);

	if (result)
		return result;
	rule->order = place->order;
	if (own_ranges(&rule->sources, rule->source_count, &own[0]) ||
	    own_ranges(&rule->destinations, rule->destination_count, &own[1]))
		return compiler_no_memory(compiler);
	return 0;
}
