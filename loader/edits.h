/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Versions written as what was added to an earlier one.
 *
 * A version that differs from the one before by a rule added is not written whole: versions/N.edits
 * names the whole version it began with, and then, a line of JSON each, every rule added since, with
 * its position in its list and its number. So each such file together with one whole one says all,
 * and there are at most EDITS_MAX lines in it.
 */
#ifndef SLUICE_LOADER_EDITS_H
#define SLUICE_LOADER_EDITS_H

#include "loader/state.h"

#define EDITS_MAX 256

struct edits {
	unsigned int base; /* the whole version; 0: there are no edits */
	size_t count;
	char *text; /* the lines; NULL: none */
	size_t length;
};

/* What sluice_config_add() was given, and what came of it. */
struct edit {
	enum sluice_kind kind;
	const char *parent;
	const char *name;
	const struct sluice_setting *settings;
	size_t setting_count;
	size_t position;
	__u32 number;    /* of the rule */
	const char *key; /* under which it has that number */
};

void edits_free(struct edits *edits);
/* -ENOENT without a sentence when there is no such version, or it is a whole one. */
int edits_read(const struct sluice *sw, unsigned int version, struct edits *edits,
	       struct sluice_error *error);
/* Appends an edit; on failure nothing has changed. -ENOSPC: there are EDITS_MAX. */
int edits_add(struct edits *edits, const struct edit *edit, struct sluice_error *error);
int edits_write(const struct sluice *sw, const struct version_head *head, const struct edits *edits,
		struct sluice_error *error);
/* Makes the document of the whole version that of the edits. */
int edits_apply(const struct edits *edits, struct sluice_config *config,
		struct sluice_error *error);
/* Gives every rule of the edits its number, unless that is another's by now. */
int edits_number(const struct edits *edits, struct ids *rules, struct sluice_error *error);

#endif
