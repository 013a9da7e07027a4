/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a name to its place in one of a document's lists, in the time a sorted list takes.
 */
#ifndef SLUICE_LOADER_NAME_INDEX_H
#define SLUICE_LOADER_NAME_INDEX_H

#include "loader/sluice.h"

struct name_index {
	struct named {
		const char *name;
		size_t index;
	} * entry; /* by name */
	size_t count;
};

/* Indexes a list of a document. Everything that a document names begins with its place and its
 * name. */
int name_index_build(struct name_index *index, const void *list, size_t size, size_t count);
/* The place in the list of the thing named so, or -1. */
ssize_t name_index_find(const struct name_index *index, const char *name);
void name_index_free(struct name_index *index);

#endif
