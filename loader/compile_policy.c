/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NSGs and ACLs to classifiers. A policy means something else in each vnet (asgs, VirtualNetwork),
 * so it is laid once per vnet and direction that use it.
 */
#include "loader/compiler.h"


#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct builtin_rule builtin_rules[DIRECTION_COUNT][BUILTIN_RULE_COUNT] = {
	[DIRECTION_INBOUND] = {
		{"65000", "VirtualNetwork", "VirtualNetwork", ACCESS_ALLOW},
		{"65001", "LoadBalancer", NULL, ACCESS_ALLOW},
		{"65500", NULL, NULL, ACCESS_DENY},
	},
	[DIRECTION_OUTBOUND] = {
		{"65000", "VirtualNetwork", "VirtualNetwork", ACCESS_ALLOW},
		{"65001", NULL, "Internet", ACCESS_ALLOW},
		{"65500", NULL, NULL, ACCESS_DENY},
	},
};

int rule_list_new(struct rule_list *list, size_t room)
{
	list->rule = calloc(room + 1, sizeof(*list->rule));
	list->link = calloc(room + 1, sizeof(*list->link));
	list->ranges = calloc(2 * room + 1, sizeof(*list->ranges));
	list->room = room;
	list->count = 0;
	return list->rule && list->link && list->ranges ? 0 : -ENOMEM;
}

void rule_list_free(struct rule_list *list)
{
	for (size_t i = 0; list->ranges && i < 2 * list->room; i++)
		ranges_free(&list->ranges[i]);
	free(list->ranges);
	free(list->link);
	free(list->rule);
}

/* Where the compiler resolves names: the vnet, and the group the rules' numbers are under. */
struct scope {
	struct compiler *compiler;
	const struct vnet_build *build;
	const char *group;
};

static int resolve_lists(struct compiler *compiler, const struct vnet_build *build,
			 struct classifier_rule *rule, const struct sluice_rule *from,
			 struct ranges own[2])
{
	const struct ranges *sources, *destinations;
	int result;

	result = compile_selectors(compiler, build, from->sources, from->source_count,
				   &rule->any_source, &own[0], &sources);
	if (!result)
		result = compile_selectors(compiler, build, from->destinations,
					   from->destination_count, &rule->any_destination,
					   &own[1], &destinations);
	if (result)
		return result;
	rule->sources = sources->range;
	rule->source_count = sources->count;
	rule->destinations = destinations->range;
	rule->destination_count = destinations->count;
	return 0;
}

int compile_append_rule(struct compiler *compiler, const struct vnet_build *build,
			struct rule_list *list, const struct sluice_rule *from, __u32 number)
{
	struct classifier_rule *rule = &list->rule[list->count];
	struct ranges *own = &list->ranges[2 * list->count];

	list->count++;
	rule->id = number;
	rule->access = from->access;
	rule->protocol = from->protocol;
	rule->icmp_type = from->icmp_type;
	rule->icmp_code = from->icmp_code;
	rule->source_ports = from->source_ports;
	rule->source_port_count = from->source_port_count;
	rule->destination_ports = from->destination_ports;
	rule->destination_port_count = from->destination_port_count;
	return resolve_lists(compiler, build, rule, from, own);
}

static int append_rule(struct scope *scope, struct rule_list *list, const struct sluice_rule *from)
{
	__u32 number = compile_rule_number(scope->compiler->rules, scope->group, from->name, NULL,
					   scope->compiler->error);

	if (!number)
		return -ENOSPC;
	return compile_append_rule(scope->compiler, scope->build, list, from, number);
}

/* --- NSGs: their order is their priorities ----------------------------------------------- */

static void order_last(struct rule_list *list, __u32 priority)
{
	list->rule[list->count - 1].order = priority;
	list->link[list->count - 1] = priority;
}

/* A built-in rule is a rule of the document that nobody had to write. */
static int append_builtin(struct scope *scope, struct rule_list *list,
			  const struct builtin_rule *builtin)
{
	struct sluice_selector source = { .kind = SLUICE_SELECT_TAG,
					  .name = (char *)builtin->source };
	struct sluice_selector destination = { .kind = SLUICE_SELECT_TAG,
					       .name = (char *)builtin->destination };
	struct sluice_rule rule = {
		.name = (char *)builtin->name,
		.access = builtin->access,
		.protocol = SLUICE_ANY,
		.icmp_type = SLUICE_ANY,
		.icmp_code = SLUICE_ANY,
		.sources = &source,
		.source_count = builtin->source ? 1 : 0,
		.destinations = &destination,
		.destination_count = builtin->destination ? 1 : 0,
	};

	int result = append_rule(scope, list, &rule);

	if (!result)
		order_last(list, (__u32)strtoul(builtin->name, NULL, 10));
	return result;
}

static int compare_priority(const void *a, const void *b)
{
	const struct sluice_rule *left = *(const struct sluice_rule *const *)a;
	const struct sluice_rule *right = *(const struct sluice_rule *const *)b;

	return (left->priority > right->priority) - (left->priority < right->priority);
}

/* Appends an NSG's own rules of a direction, lowest priority number first. */
static int append_by_priority(struct scope *scope, struct rule_list *list,
			      const struct sluice_nsg *nsg, enum direction direction)
{
	const struct sluice_rule **sorted = calloc(nsg->rule_count + 1, sizeof(*sorted));
	size_t count = 0;
	int result = 0;

	if (!sorted)
		return compiler_no_memory(scope->compiler);
	for (size_t i = 0; i < nsg->rule_count; i++)
		if (nsg->rules[i].direction == direction)
			sorted[count++] = &nsg->rules[i];
	qsort(sorted, count, sizeof(*sorted), compare_priority);
	for (size_t i = 0; i < count && !result; i++) {
		result = append_rule(scope, list, sorted[i]);
		if (!result)
			order_last(list, sorted[i]->priority);
	}
	free(sorted);
	return result;
}

static int lay_nsg(struct scope *scope, const struct sluice_nsg *nsg, enum direction direction,
		   __u32 *line)
{
	struct rule_list list;
	int result = 0;

	if (rule_list_new(&list, nsg->rule_count + BUILTIN_RULE_COUNT))
		result = compiler_no_memory(scope->compiler);
	if (!result)
		result = append_by_priority(scope, &list, nsg, direction);
	for (int i = 0; i < BUILTIN_RULE_COUNT && !result; i++)
		result = append_builtin(scope, &list, &builtin_rules[direction][i]);
	if (!result)
		result = compile_classifier(scope->compiler, &list, false,
					    policy_key(tables_seed(scope->compiler->tables),
						       scope->group, direction,
						       scope->build->vnet->vni),
					    line);
	rule_list_free(&list);
	return result;
}

int compile_nsg(struct compiler *compiler, struct vnet_build *build, const char *name,
		enum direction direction, __u32 *line)
{
	struct scope scope = { compiler, build, NULL };
	struct policy_lines *lines;
	ssize_t index;
	char *group;
	int result;

	if (!name) {
		*line = 0;
		return 0;
	}
	index = name_index_find(&compiler->nsgs, name);
	if (index < 0)
		return sluice_error_set(compiler->error, -EINVAL, "there is no nsg %s", name);
	lines = &build->nsg[index];
	if (!lines->laid[direction]) {
		group = compile_nsg_group(name, direction);
		if (!group)
			return compiler_no_memory(compiler);
		scope.group = group;
		result = lay_nsg(&scope, &compiler->config->nsgs[index], direction,
				 &lines->line[direction]);
		free(group);
		if (result)
			return result;
		lines->laid[direction] = true;
	}
	*line = lines->line[direction];
	return 0;
}

/* --- ACLs: their order is their place in the list ----------------------------------------- */

/* Appends an ACL's rules of a direction, in their order. */
static int append_acl(struct compiler *compiler, const struct vnet_build *build,
		      struct rule_list *list, const struct sluice_acl *acl,
		      enum direction direction)
{
	struct scope scope = { compiler, build, NULL };
	char *group = compile_acl_group(acl->name);
	int result = 0;

	if (!group)
		return compiler_no_memory(compiler);
	scope.group = group;
	for (size_t i = 0; i < acl->rule_count && !result; i++)
		if (acl->rules[i].direction == direction)
			result = append_rule(&scope, list, &acl->rules[i]);
	free(group);
	return result;
}

/* Spreads the orders, so that rules can be added anywhere without touching others. */
static void order_by_place(struct rule_list *list)
{
	__u32 step = acl_order_step(list->count);

	for (size_t i = 0; i < list->count; i++) {
		list->rule[i].order = ACL_ORDER_FIRST + (__u32)i * step;
		list->link[i] = i ? list->rule[i - 1].id : 0;
	}
}

/* An empty list allows everything, as no list does. */
static int lay_acl(struct compiler *compiler, struct rule_list *list, __u64 key, __u32 *line)
{
	*line = 0;
	if (!list->count)
		return 0;
	order_by_place(list);
	return compile_classifier(compiler, list, true, key, line);
}

static int lay_port_acl(struct compiler *compiler, const struct vnet_build *build,
			struct rule_list *list, const char *name, enum direction direction,
			__u32 *line)
{
	char *group = compile_acl_group(name);
	int result;

	if (!group)
		return compiler_no_memory(compiler);
	result = lay_acl(compiler, list,
			 policy_key(tables_seed(compiler->tables), group, direction,
				    build->vnet->vni), line);
	free(group);
	return result;
}

int compile_port_acl(struct compiler *compiler, struct vnet_build *build, const char *name,
		     enum direction direction, __u32 *line)
{
	const struct sluice_acl *acl;
	struct policy_lines *lines;
	struct rule_list list;
	ssize_t index;
	int result = 0;

	if (!name) {
		*line = 0;
		return 0;
	}
	index = name_index_find(&compiler->acls, name);
	if (index < 0)
		return sluice_error_set(compiler->error, -EINVAL, "there is no acl %s", name);
	acl = &compiler->config->acls[index];
	lines = &build->acl[index];
	if (!lines->laid[direction]) {
		if (rule_list_new(&list, acl->rule_count))
			result = compiler_no_memory(compiler);
		if (!result)
			result = append_acl(compiler, build, &list, acl, direction);
		if (!result)
			result = lay_port_acl(compiler, build, &list, name, direction,
					      &lines->line[direction]);
		rule_list_free(&list);
		if (result)
			return result;
		lines->laid[direction] = true;
	}
	*line = lines->line[direction];
	return 0;
}

bool compile_differ_by_vnet(const struct sluice_selector *selectors, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (selectors[i].kind == SLUICE_SELECT_ASG)
			return true;
		if (selectors[i].kind == SLUICE_SELECT_TAG &&
		    (!strcmp(selectors[i].name, "VirtualNetwork") ||
		     !strcmp(selectors[i].name, "Internet")))
			return true;
	}
	return false;
}

static bool acl_differs_by_vnet(const struct sluice_acl *acl)
{
	for (size_t i = 0; i < acl->rule_count; i++)
		if (compile_differ_by_vnet(acl->rules[i].sources, acl->rules[i].source_count) ||
		    compile_differ_by_vnet(acl->rules[i].destinations,
					   acl->rules[i].destination_count))
			return true;
	return false;
}

/* vni 0: they mean the same in every vnet. */
static int lay_switch_acls(struct compiler *compiler, const struct vnet_build *build,
			   enum direction direction, size_t room, __u32 vni, __u32 *line)
{
	const struct sluice_config *config = compiler->config;
	struct rule_list list;
	int result = 0;

	if (rule_list_new(&list, room))
		result = compiler_no_memory(compiler);
	for (size_t i = 0; i < config->acl_count && !result; i++)
		if (!config->acls[i].applies_to_ports)
			result = append_acl(compiler, build, &list, &config->acls[i], direction);
	if (!result)
		result = lay_acl(compiler, &list,
				 policy_key(tables_seed(compiler->tables), SWITCH_ACLS_GROUP,
					    direction, vni),
				 line);
	rule_list_free(&list);
	return result;
}

int compile_switch_acls(struct compiler *compiler, struct vnet_build *build,
			enum direction direction, __u32 *line)
{
	const struct sluice_config *config = compiler->config;
	struct policy_lines *lines = &compiler->switch_acl;
	size_t rule_count = 0;
	int result;

	if (!lines->laid[direction] && build->switch_acl.laid[direction])
		lines = &build->switch_acl;
	if (lines->laid[direction]) {
		*line = lines->line[direction];
		return 0;
	}
	for (size_t i = 0; i < config->acl_count; i++) {
		if (config->acls[i].applies_to_ports)
			continue;
		rule_count += config->acls[i].rule_count;
		if (acl_differs_by_vnet(&config->acls[i]))
			lines = &build->switch_acl;
	}
	result = lay_switch_acls(compiler, build, direction, rule_count,
				 lines == &build->switch_acl ? build->vnet->vni : 0,
				 &lines->line[direction]);
	if (result)
		return result;
	lines->laid[direction] = true;
	*line = lines->line[direction];
	return 0;
}
