/* SPDX-License-Identifier: BSD-2-Clause */
/* The inner lines of search trees: of the maps from addresses to labels, and of sets. */
#include <errno.h>
#include <string.h>

#include "loader/classifier_build.h"

#define PIECES (CLASSIFIER_KEYS + 1)

/* One level over `count` lines of the level below. */
static int lay_level(struct layer *layer, __u32 *first, size_t *count, __u32 *last)
{
	size_t above = (*count + PIECES - 1) / PIECES;
	__u32 line = layer_take(layer, above);

	if (!line)
		return -ENOSPC;
	for (size_t i = 0; i < above; i++) {
		struct classifier_line *inner = layer_line(layer, line + (__u32)i);
		size_t pieces = *count - i * PIECES < PIECES ? *count - i * PIECES : PIECES;

		inner->header = LINE_INNER | (*first + (__u32)(i * PIECES));
		memset(inner->key, 0xff, sizeof(inner->key));
		for (size_t j = 0; j + 1 < pieces; j++)
			inner->key[j] = last[i * PIECES + j];
		last[i] = last[i * PIECES + pieces - 1];
	}
	*first = line;
	*count = above;
	return 0;
}

int search_tree_lay(struct layer *layer, __u32 first, size_t count, __u32 *last, __u32 *root)
{
	int result = 0;

	for (int levels = 1; count > 1 && !result; levels++)
		result = levels < CLASSIFIER_SEARCH_LEVELS ? lay_level(layer, &first, &count, last)
							   : -E2BIG;
	if (!result)
		*root = first;
	return result;
}
