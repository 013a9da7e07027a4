/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a version notes of itself for the next writer: which lines it consists of, and which
 * policies they hold, so that those which stay the same are taken over.
 */
#include "loader/compiler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct root *running_root(const struct compiler *compiler)
{
	__u32 line = compiler->tables->running;

	return line ? tables_line(compiler->tables, line) : NULL;
}

static bool same_content(const struct policy_record *record, const struct policy_content *content)
{
	return record->content[0] == content->half[0] && record->content[1] == content->half[1];
}

int compile_add_record(struct compiler *compiler, struct policy_record record,
		       const struct extent *extents)
{
	__u32 from;

	if (compiler->record_count == compiler->record_room) {
		size_t room = compiler->record_room ? 2 * compiler->record_room : 16;
		struct policy_record *more = reallocarray(compiler->record, room, sizeof(*more));

		if (!more)
			return compiler_no_memory(compiler);
		compiler->record = more;
		compiler->record_room = room;
	}
	from = record.extent;
	record.extent = (__u32)compiler->extents.count;
	for (__u32 i = 0; i < record.extent_count; i++) {
		/* By number: the list moves as it grows. */
		struct extent extent = extents ? extents[i] : compiler->extents.extent[from + i];

		if (extents_add(&compiler->extents, &extent))
			return compiler_no_memory(compiler);
	}
	compiler->record[compiler->record_count++] = record;
	return 0;
}

int compile_share(struct compiler *compiler, const struct policy_content *content, __u64 key,
		  bool *found, __u32 *line)
{
	*found = false;
	for (size_t i = 0; i < compiler->record_count && !*found; i++) {
		struct policy_record copy = compiler->record[i];

		if (!same_content(&copy, content))
			continue;
		*found = true;
		*line = copy.line;
		copy.key = key;
		return compile_add_record(compiler, copy, NULL);
	}
	return 0;
}

/* Takes over what this version, or else the running one, has of the same content. */
static int take_over(struct compiler *compiler, const struct policy_content *content, __u64 key,
		     bool *found, __u32 *line)
{
	const struct root *running = running_root(compiler);
	const struct policy_record *records;
	const struct extent *extents;
	struct policy_record copy;
	int result = compile_share(compiler, content, key, found, line);

	if (result || *found || !running)
		return result;
	records = tables_line(compiler->tables, running->policies);
	extents = tables_line(compiler->tables, running->extents);
	for (__u32 i = 0; i < running->policy_count && !*found; i++) {
		if (!same_content(&records[i], content))
			continue;
		*found = true;
		copy = records[i];
		copy.key = key;
		*line = copy.line;
		result = compile_add_record(compiler, copy, extents + copy.extent);
	}
	return result;
}

__u32 compile_places(struct compiler *compiler, const struct classifier_rule *rules, size_t count)
{
	__u32 lines = (__u32)((count + RULE_PLACES_PER_LINE - 1) / RULE_PLACES_PER_LINE);
	__u32 line = compiler_take(compiler, lines);
	struct rule_place *places = tables_line(compiler->tables, line);

	for (size_t i = 0; line && i < count; i++)
		places[i] = (struct rule_place){ rules[i].id, rules[i].order };
	return line;
}

static int lay_classifier(struct compiler *compiler, const struct rule_list *list, bool is_acl,
			  struct policy_record *record)
{
	int result = classifier_build(compiler->tables, list->rule, list->count,
				      is_acl ? ACCESS_ALLOW : ACCESS_DENY, &record->line,
				      compiler->error);

	record->base = record->line;
	if (result || !is_acl)
		return result;
	record->place_count = (__u32)list->count;
	record->places = compile_places(compiler, list->rule, list->count);
	return record->places ? 0 : -ENOSPC;
}

int compile_classifier(struct compiler *compiler, const struct rule_list *list, bool is_acl,
		       __u64 key, __u32 *line)
{
	struct tables *tables = compiler->tables;
	const __u64 *seed = tables_seed(tables);
	struct policy_content content = { { is_acl } };
	struct policy_record record = { .key = key };
	bool found;
	int result;

	for (size_t i = 0; i < list->count; i++) {
		policy_hash_rule(seed, &list->rule[i], &content);
		policy_hash_place(seed, list->rule[i].id, list->link[i], false, &content);
	}
	result = take_over(compiler, &content, key, &found, line);
	if (result || found)
		return result;
	record.content[0] = content.half[0];
	record.content[1] = content.half[1];
	record.extent = (__u32)tables_mark(tables);
	result = lay_classifier(compiler, list, is_acl, &record);
	if (result)
		return result;
	record.extent_count = (__u32)tables_mark(tables) - record.extent;
	record.base_extents = record.extent_count;
	*line = record.line;
	return compile_add_record(compiler, record, &tables->taken.extent[record.extent]);
}

/* Lays the list of extents, which holds its own lines. How many there will be at most is known:
 * three more than now, when its lines stand apart. */
static int lay_extents(struct compiler *compiler, size_t mark, struct root *root, __u32 root_line)
{
	struct tables *tables = compiler->tables;
	struct extent_list *list = &compiler->extents;
	size_t most = list->count + (tables->taken.count - mark) + 1;
	struct extent *laid;

	root->extents =
		compiler_take(compiler, (__u32)((most + EXTENTS_PER_LINE - 1) / EXTENTS_PER_LINE));
	if (!root->extents)
		return -ENOSPC;
	for (size_t i = mark; i < tables->taken.count; i++)
		if (extents_add(list, &tables->taken.extent[i]))
			return compiler_no_memory(compiler);
	root->extent_count = (__u32)list->count;
	laid = tables_line(tables, root->extents);
	memcpy(laid, list->extent, list->count * sizeof(*laid));
	memcpy(tables_line(tables, root_line), root, sizeof(*root));
	return 0;
}

int compile_root(struct compiler *compiler, const struct port *ports, struct root *root,
		 __u32 *line)
{
	struct tables *tables = compiler->tables;
	size_t mark = tables_mark(tables);
	__u32 root_line = compiler_take(compiler, 1);
	int result;

	root->ports = root_line ? compiler_take(compiler, root->port_count) : 0;
	if (!root->ports)
		return -ENOSPC;
	memcpy(tables_line(tables, root->ports), ports, root->port_count * sizeof(*ports));
	root->policy_count = (__u32)compiler->record_count;
	if (root->policy_count) {
		root->policies = compiler_take(compiler, root->policy_count);
		if (!root->policies)
			return -ENOSPC;
		memcpy(tables_line(tables, root->policies), compiler->record,
		       root->policy_count * sizeof(*compiler->record));
	}
	result = lay_extents(compiler, mark, root, root_line);
	if (!result)
		*line = root_line;
	return result;
}
