/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vnet's steer rules to a classifier of their own, whose rules' ids say where their flows go
 * (maps/vnet.h).
 */
#include "loader/compiler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_priority(const void *a, const void *b)
{
	const struct sluice_steer *left = *(const struct sluice_steer *const *)a;
	const struct sluice_steer *right = *(const struct sluice_steer *const *)b;

	return (left->match.priority > right->match.priority) -
	       (left->match.priority < right->match.priority);
}

static int append(struct compiler *compiler, const struct vnet_build *build, struct rule_list *list,
		  const struct sluice_steer *steer)
{
	__u32 id = ids_find(compiler->slots, steer->to) & STEER_SLOT;
	int result;

	if (steer->drop_dead)
		id |= STEER_DROPS;
	result = compile_append_rule(compiler, build, list, &steer->match, id);
	list->rule[list->count - 1].access = ACCESS_ALLOW;
	list->rule[list->count - 1].order = steer->match.priority;
	list->link[list->count - 1] = steer->match.priority;
	return result;
}

int compile_steers(struct compiler *compiler, struct vnet_build *build)
{
	const struct sluice_config *config = compiler->config;
	const struct sluice_steer **sorted = calloc(config->steer_count + 1, sizeof(*sorted));
	struct vnet *vnet = tables_line(compiler->tables, build->line);
	struct rule_list list = {};
	size_t count = 0;
	int result = 0;

	if (!sorted)
		return compiler_no_memory(compiler);
	for (size_t i = 0; i < config->steer_count; i++)
		if (!strcmp(config->steers[i].vnet, build->vnet->name))
			sorted[count++] = &config->steers[i];
	qsort(sorted, count, sizeof(*sorted), compare_priority);
	if (count && rule_list_new(&list, count))
		result = compiler_no_memory(compiler);
	for (size_t i = 0; i < count && !result; i++)
		result = append(compiler, build, &list, sorted[i]);
	if (count && !result)
		result = compile_classifier(compiler, &list, true,
					    policy_key(tables_seed(compiler->tables), "steers",
						       DIRECTION_OUTBOUND, build->vnet->vni),
					    &vnet->steer);
	rule_list_free(&list);
	free(sorted);
	return result;
}
