/* SPDX-License-Identifier: BSD-2-Clause */
/* Names to places in a list; see name_index.h. */
#include "loader/name_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What every named thing of a document begins with. */
struct head {
	struct sluice_place place;
	char *name;
};

_Static_assert(offsetof(struct sluice_nsg, name) == offsetof(struct head, name), "nsg");
_Static_assert(offsetof(struct sluice_acl, name) == offsetof(struct head, name), "acl");
_Static_assert(offsetof(struct sluice_tag, name) == offsetof(struct head, name), "tag");
_Static_assert(offsetof(struct sluice_asg, name) == offsetof(struct head, name), "asg");
_Static_assert(offsetof(struct sluice_vnet, name) == offsetof(struct head, name), "vnet");
_Static_assert(offsetof(struct sluice_subnet, name) == offsetof(struct head, name), "subnet");
_Static_assert(offsetof(struct sluice_route_table, name) == offsetof(struct head, name), "table");

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

int name_index_build(struct name_index *index, const void *list, size_t size, size_t count)
{
	struct named *entry = calloc(count ? count : 1, sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		entry[i] = (struct named){
			((const struct head *)((const char *)list + i * size))->name, i
		};
	qsort(entry, count, sizeof(*entry), compare_names);
	index->entry = entry;
	index->count = count;
	return 0;
}

ssize_t name_index_find(const struct name_index *index, const char *name)
{
	struct named key = { .name = name };
	const struct named *found =
		bsearch(&key, index->entry, index->count, sizeof(*index->entry), compare_names);

	return found ? (ssize_t)found->index : -1;
}

void name_index_free(struct name_index *index)
{
	free(index->entry);
	*index = (struct name_index){ 0 };
}
