/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a version notes of itself for the next writer: which lines it consists of, and which
 * policies they hold, so that those which stay the same are taken over.
 */
#include "loader/compiler.h"
#include "loader/policy_hash.h"

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

/* Appends a record whose extents stand at `extents`. */
static int add_record(struct compiler *compiler, struct policy_record record,
		      const struct extent *extents)
{
	if (compiler->record_count == compiler->record_room) {
		size_t room = compiler->record_room ? 2 * compiler->record_room : 16;
		struct policy_record *more = reallocarray(compiler->record, room, sizeof(*more));

		if (!more)
			return compiler_no_memory(compiler);
		compiler->record = more;
		compiler->record_room = room;
	}
	record.extent = (__u32)compiler->extents.count;
	for (__u32 i = 0; i < record.extent_count; i++) {
		struct extent extent = extents[i]; /* the list they stand in may move */

		if (extents_add(&compiler->extents, &extent))
			return compiler_no_memory(compiler);
	}
	compiler->record[compiler->record_count++] = record;
	return 0;
}

/* Takes over what this version, or else the running one, has of the same content. */
static int take_over(struct compiler *compiler, const struct policy_content *content, __u64 key,
		     bool *found, __u32 *line)
{
	const struct root *running = running_root(compiler);
	const struct policy_record *record = NULL, *records;
	const struct extent *extents = NULL;
	struct policy_record copy;

	for (size_t i = 0; i < compiler->record_count && !record; i++)
		if (same_content(&compiler->record[i], content)) {
			record = &compiler->record[i];
			extents = compiler->extents.extent;
		}
	records = running ? tables_line(compiler->tables, running->policies) : NULL;
	for (__u32 i = 0; running && i < running->policy_count && !record; i++)
		if (same_content(&records[i], content)) {
			record = &records[i];
			extents = tables_line(compiler->tables, running->extents);
		}
	*found = record;
	if (!record)
		return 0;
	copy = *record;
	copy.key = key;
	*line = copy.line;
	return add_record(compiler, copy, extents ? extents + copy.extent : NULL);
}

int compile_classifier(struct compiler *compiler, const struct classifier_rule *rules,
		       const __u32 *link, size_t count, enum access miss, __u64 key, __u32 *line)
{
	struct tables *tables = compiler->tables;
	const __u64 *seed = tables_seed(tables);
	struct policy_content content = { { miss } };
	struct policy_record record = { .key = key };
	bool found;
	int result;

	for (size_t i = 0; i < count; i++) {
		policy_hash_rule(seed, &rules[i], &content);
		policy_hash_place(seed, rules[i].id, link[i], false, &content);
	}
	result = take_over(compiler, &content, key, &found, line);
	if (result || found)
		return result;
	record.content[0] = content.half[0];
	record.content[1] = content.half[1];
	record.extent = (__u32)tables_mark(tables);
	result = classifier_build(tables, rules, count, miss, &record.line, compiler->error);
	if (result)
		return result;
	record.base = record.line;
	record.extent_count = (__u32)tables_mark(tables) - record.extent;
	record.base_extents = record.extent_count;
	*line = record.line;
	return add_record(compiler, record, &tables->taken.extent[record.extent]);
}

static int compare_first(const void *a, const void *b)
{
	const struct extent *left = a, *right = b;

	return (left->first > right->first) - (left->first < right->first);
}

/* Lines of all extents, of which several policies may name the same. */
static __u32 count_lines(struct extent *sorted, size_t count)
{
	__u32 lines = 0;

	qsort(sorted, count, sizeof(*sorted), compare_first);
	for (size_t i = 0; i < count; i++)
		if (!i || sorted[i].first != sorted[i - 1].first)
			lines += sorted[i].count;
	return lines;
}

/* Lays the list of extents, which holds its own lines. How many there will be at most is known:
 * three more than now, when its lines stand apart. */
static int lay_extents(struct compiler *compiler, size_t mark, struct root *root, __u32 root_line)
{
	struct tables *tables = compiler->tables;
	struct extent_list *list = &compiler->extents;
	size_t most = list->count + (tables->taken.count - mark) + 1;
	struct extent *laid, *sorted;

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
	sorted = malloc((list->count + 1) * sizeof(*sorted));
	if (!sorted)
		return compiler_no_memory(compiler);
	memcpy(sorted, list->extent, list->count * sizeof(*sorted));
	root->line_count = count_lines(sorted, list->count);
	free(sorted);
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
