/* SPDX-License-Identifier: BSD-2-Clause */
/* The running version with one rule more; see overlay.h. */
#include "loader/overlay_rules.h"
#include "loader/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A record of the running version that the rule is added to. */
struct affected {
	__u32 record;
	size_t vnet; /* in whose words the rule's names are to be read */
	__u32 vni;   /* 0: of every vnet */
	__u32 line;  /* of the new head */
};

struct addition {
	struct compiler compiler;
	const struct added_rule *added;
	const struct root *running;
	const struct policy_record *records; /* of the running version */
	struct overlays *overlays;
	struct affected *affected;
	size_t affected_count;
	struct acl_neighbours neighbours;
};

static const struct sluice_acl *acl_of(const struct addition *addition)
{
	const struct added_rule *added = addition->added;

	return added->acl ? &addition->compiler.config->acls[added->owner] : NULL;
}

static bool of_the_switch(const struct addition *addition)
{
	const struct sluice_acl *acl = acl_of(addition);

	return acl && !acl->applies_to_ports;
}

/* The group under which the policy's records are found; free() it. */
static char *group_of(const struct addition *addition)
{
	const struct added_rule *added = addition->added;
	const struct sluice_config *config = addition->compiler.config;

	if (of_the_switch(addition))
		return strdup(SWITCH_ACLS_GROUP);
	if (added->acl)
		return compile_acl_group(config->acls[added->owner].name);
	return compile_nsg_group(config->nsgs[added->owner].name, added->rule->direction);
}

static int note_affected(struct addition *addition, __u64 key, size_t vnet, __u32 vni)
{
	struct affected *more;

	for (__u32 i = 0; i < addition->running->policy_count; i++) {
		if (addition->records[i].key != key)
			continue;
		more = reallocarray(addition->affected, addition->affected_count + 1,
				    sizeof(*more));
		if (!more)
			return compiler_no_memory(&addition->compiler);
		addition->affected = more;
		more[addition->affected_count++] = (struct affected){ i, vnet, vni, 0 };
	}
	return 0;
}

static int find_affected(struct addition *addition)
{
	const struct sluice_config *config = addition->compiler.config;
	const __u64 *seed = tables_seed(addition->compiler.tables);
	enum direction direction = addition->added->rule->direction;
	char *group = group_of(addition);
	int result = 0;

	if (!group)
		return compiler_no_memory(&addition->compiler);
	if (of_the_switch(addition))
		result = note_affected(addition, policy_key(seed, group, direction, 0), 0, 0);
	for (size_t i = 0; i < config->vnet_count && !result; i++)
		result = note_affected(addition,
				       policy_key(seed, group, direction, config->vnets[i].vni), i,
				       config->vnets[i].vni);
	free(group);
	/* Every NSG that is used has a record; an ACL has none while it is empty. */
	return result ?: addition->added->acl && !addition->affected_count ? -EAGAIN : 0;
}

static bool differs_by_vnet(const struct sluice_rule *rule)
{
	return compile_differ_by_vnet(rule->sources, rule->source_count) ||
	       compile_differ_by_vnet(rule->destinations, rule->destination_count);
}

/* What would have to be laid in another way. */
static bool is_another_case(const struct addition *addition)
{
	for (size_t i = 0; i < addition->affected_count; i++) {
		const struct policy_record *record =
			&addition->records[addition->affected[i].record];

		if (record->overlay_count >= OVERLAY_MAX ||
		    (of_the_switch(addition) && !addition->affected[i].vni &&
		     differs_by_vnet(addition->added->rule)))
			return true;
	}
	return false;
}

/* --- the overlays so far --- */

static bool names_something(const struct sluice_selector *selectors, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (selectors[i].name)
			return true;
	return false;
}

/* Names are resolved only when there are any: in the rule, or perhaps in overlays to be read. */
static bool needs_names(const struct addition *addition)
{
	const struct sluice_rule *rule = addition->added->rule;

	for (size_t i = 0; i < addition->affected_count; i++) {
		const struct policy_record *record =
			&addition->records[addition->affected[i].record];

		if (record->overlay_count && !overlay_find(addition->overlays, record->key))
			return true;
	}
	return names_something(rule->sources, rule->source_count) ||
	       names_something(rule->destinations, rule->destination_count);
}

struct overlay_reader {
	struct addition *addition;
	const struct vnet_build *build;
	struct rule_list *list;
	struct rule_place *place; /* by rule */
	__u32 count;
};

static int compare_rules(const void *a, const void *b)
{
	const struct rule_place *left = a, *right = b;

	return (left->rule > right->rule) - (left->rule < right->rule);
}

static int read_rule(const struct sluice_rule *rule, __u32 number, void *context)
{
	struct overlay_reader *reader = context;
	const struct rule_place key = { .rule = number };
	const struct rule_place *place =
		bsearch(&key, reader->place, reader->count, sizeof(*reader->place), compare_rules);

	if (!place || reader->list->count == reader->count)
		return 0;
	return overlay_append(&reader->addition->compiler, reader->build, reader->list, rule,
			      place);
}

/* The overlay of a record, from the document when another process laid it. */
static int overlay_of(struct addition *addition, const struct policy_record *record,
		      const struct vnet_build *build, struct rule_list **list)
{
	struct compiler *compiler = &addition->compiler;
	struct overlay_reader reader = { .addition = addition, .build = build };
	size_t size = record->overlay_count * sizeof(*reader.place);
	int result;

	*list = overlay_find(addition->overlays, record->key);
	if (*list)
		return 0;
	*list = overlay_new(addition->overlays, record->key);
	if (!*list)
		return compiler_no_memory(compiler);
	if (!record->overlay_count)
		return 0;
	reader.list = *list;
	reader.count = record->overlay_count;
	reader.place = malloc(size);
	if (!reader.place)
		return compiler_no_memory(compiler);
	memcpy(reader.place, tables_line(compiler->tables, record->overlay), size);
	qsort(reader.place, reader.count, sizeof(*reader.place), compare_rules);
	result = each_policy_rule(compiler->config, compiler->rules, addition->added, read_rule,
				  &reader);
	free(reader.place);
	return result;
}

/* --- one record --- */

static int choose_place(const struct addition *addition, const struct policy_record *record,
			struct rule_place *place)
{
	place->rule = addition->added->number;
	if (addition->added->acl)
		return acl_order_between(addition->compiler.tables, record, &addition->neighbours,
					 &place->order);
	place->order = addition->added->rule->priority;
	return 0;
}

static void add_content(const struct addition *addition, const struct classifier_rule *rule,
			struct policy_record *record)
{
	const __u64 *seed = tables_seed(addition->compiler.tables);
	const struct acl_neighbours *neighbours = &addition->neighbours;
	struct policy_content content = { { record->content[0], record->content[1] } };

	policy_hash_rule(seed, rule, &content);
	policy_hash_place(seed, rule->id, addition->added->acl ? neighbours->before : rule->order,
			  false, &content);
	if (addition->added->acl && neighbours->behind) {
		policy_hash_place(seed, neighbours->behind, neighbours->before, true, &content);
		policy_hash_place(seed, neighbours->behind, rule->id, false, &content);
	}
	record->content[0] = content.half[0];
	record->content[1] = content.half[1];
}

/* Lays the overlay and its head, and lists what they and the base consist of. */
static int lay_overlay(struct addition *addition, const struct rule_list *list,
		       struct policy_record *record)
{
	struct compiler *compiler = &addition->compiler;
	struct tables *tables = compiler->tables;
	const struct extent *extents = tables_line(tables, addition->running->extents);
	struct extent_list all = {};
	size_t mark = tables_mark(tables);
	int result;

	record->overlay_count = (__u32)list->count;
	record->overlay = compile_places(compiler, list->rule, list->count);
	if (!record->overlay)
		return -ENOSPC;
	result = classifier_extend(tables, record->base, list->rule, list->count, &record->line,
				   compiler->error);
	if (result)
		return result;
	for (__u32 i = 0; i < record->base_extents && !result; i++)
		result = extents_add(&all, &extents[record->extent + i]);
	for (size_t i = mark; i < tables->taken.count && !result; i++)
		result = extents_add(&all, &tables->taken.extent[i]);
	tables_mark(tables);
	record->extent_count = (__u32)all.count;
	result = result ? compiler_no_memory(compiler)
			: compile_add_record(compiler, *record, all.extent);
	free(all.extent);
	return result;
}

static int extend_record(struct addition *addition, struct affected *affected)
{
	struct policy_record record = addition->records[affected->record];
	const struct vnet_build *build =
		addition->compiler.vnet ? &addition->compiler.vnet[affected->vnet] : NULL;
	struct policy_content content;
	struct rule_place place;
	struct rule_list *list;
	bool found;
	int result;

	result = overlay_of(addition, &record, build, &list);
	if (!result && list->count == record.overlay_count)
		result = choose_place(addition, &record, &place)
				 ?: overlay_append(&addition->compiler, build, list,
						   addition->added->rule, &place);
	/* It is there already when this is the second try. */
	if (!result && (list->count != record.overlay_count + 1 ||
			list->rule[list->count - 1].id != addition->added->number))
		result = -EAGAIN;
	if (result)
		return result;
	add_content(addition, &list->rule[list->count - 1], &record);
	content = (struct policy_content){ { record.content[0], record.content[1] } };
	result = compile_share(&addition->compiler, &content, record.key, &found, &affected->line);
	if (result || found)
		return result;
	result = lay_overlay(addition, list, &record);
	affected->line = record.line;
	return result;
}

/* --- the version --- */

static struct affected *affected_by(const struct addition *addition, __u32 record)
{
	for (size_t i = 0; i < addition->affected_count; i++)
		if (addition->affected[i].record == record)
			return &addition->affected[i];
	return NULL;
}

static int lay_records(struct addition *addition)
{
	struct compiler *compiler = &addition->compiler;
	const struct extent *extents = tables_line(compiler->tables, addition->running->extents);
	int result = 0;

	for (__u32 i = 0; i < addition->running->network_extents; i++)
		if (extents_add(&compiler->extents, &extents[i]))
			return compiler_no_memory(compiler);
	for (__u32 i = 0; i < addition->running->policy_count && !result; i++) {
		const struct policy_record *record = &addition->records[i];
		struct affected *affected = affected_by(addition, i);

		result = affected ? extend_record(addition, affected)
				  : compile_add_record(compiler, *record, extents + record->extent);
	}
	return result;
}

/* A port's line of a classifier, in the new version. */
static __u32 new_line(const struct addition *addition, __u32 line, __u32 vni)
{
	for (size_t i = 0; i < addition->affected_count; i++) {
		const struct affected *affected = &addition->affected[i];

		if (line && addition->records[affected->record].line == line &&
		    (!affected->vni || affected->vni == vni))
			return affected->line;
	}
	return line;
}

static void swap_lines(const struct addition *addition, struct port *port)
{
	enum direction direction = addition->added->rule->direction;
	const struct vnet *vnet = tables_line(addition->compiler.tables, port->vnet);
	__u32 *const lines[] = { port->switch_acl, port->acl, port->nic_nsg, port->subnet_nsg };

	if (!(port->flags & PORT_IN_USE))
		return;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		lines[i][direction] = new_line(addition, lines[i][direction], vnet->vni);
}

static int lay_root(struct addition *addition, __u32 version, __u32 *line)
{
	struct compiler *compiler = &addition->compiler;
	struct root root = *addition->running;
	size_t size = root.port_count * sizeof(struct port);
	struct port *ports = malloc(size);
	int result;

	if (!ports)
		return compiler_no_memory(compiler);
	memcpy(ports, tables_line(compiler->tables, root.ports), size);
	for (__u32 slot = 0; slot < root.port_count; slot++)
		swap_lines(addition, &ports[slot]);
	root.version = version;
	result = compile_root(compiler, ports, &root, line);
	free(ports);
	return result;
}

static int lay(struct addition *addition, __u32 version, __u32 *root)
{
	struct compiler *compiler = &addition->compiler;
	int result = find_affected(addition);

	if (!result && is_another_case(addition))
		result = -EAGAIN;
	if (!result && needs_names(addition))
		result = compiler_begin(compiler);
	if (!result && addition->added->acl)
		addition->neighbours =
			acl_neighbours(compiler->config, compiler->rules, addition->added);
	result = result ?: lay_records(addition) ?: lay_root(addition, version, root);
	if (!result)
		addition->overlays->version = version;
	return result;
}

static int compile_once(struct tables *tables, const struct sluice_config *config,
			const struct added_rule *added, struct ids *slots, struct ids *rules,
			struct overlays *overlays, __u32 version, __u32 *root,
			struct sluice_error *error)
{
	const struct root *running = tables_line(tables, tables->running);
	struct addition addition = {
		.compiler = { .tables = tables,
			      .config = config,
			      .slots = slots,
			      .rules = rules,
			      .error = error },
		.added = added,
		.running = running,
		.records = tables_line(tables, running->policies),
		.overlays = overlays,
	};
	int result = lay(&addition, version, root);

	compiler_end(&addition.compiler);
	free(addition.affected);
	return result;
}

int compile_added(struct tables *tables, const struct sluice_config *config,
		  const struct added_rule *added, struct ids *slots, struct ids *rules,
		  struct overlays **overlays, __u32 version, __u32 *root,
		  struct sluice_error *error)
{
	const struct root *running = tables_line(tables, tables->running);
	int result;

	if (overlays_for(overlays, running->version))
		return sluice_error_set(error, -ENOMEM, "out of memory");
	result = compile_once(tables, config, added, slots, rules, *overlays, version, root, error);
	if (result == -ENOSPC && tables_again(tables))
		result = compile_once(tables, config, added, slots, rules, *overlays, version, root,
				      error);
	if (result) {
		overlays_free(*overlays);
		*overlays = NULL;
	}
	return result;
}
