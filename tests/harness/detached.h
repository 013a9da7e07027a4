/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library's own switch over maps that nobody pinned: what sluice_change() needs of a struct sluice,
 * with its state in a directory that goes with it, and devices that are not there.
 */
#ifndef SLUICE_TESTS_DETACHED_H
#define SLUICE_TESTS_DETACHED_H

#include "loader/switch.h"

struct sluice_bpf;

/* A rule that one document has more than another. */
struct detached_rule {
	bool acl;
	size_t owner;    /* index of its acl or nsg */
	size_t position; /* in that one's list */
};

/* Over the maps of a loaded skeleton, whose memory and numbers are the caller's. NULL: it says why on
 * standard error. */
struct sluice *detached_open(const struct sluice_bpf *skeleton, struct control *control,
			     const struct tables *tables, struct ids *slots, struct ids *rules);
void detached_close(struct sluice *sw);
/* Says that what control.root names is this document, whole, compiled and numbered by the caller. */
int detached_note(struct sluice *sw, const struct sluice_config *config,
		  struct sluice_error *error);
/* Forgets what the library keeps in memory between two changes, as another process would not have
 * it. */
int detached_forget(struct sluice *sw, struct sluice_error *error);
/* Adds the rule, which stands in `wanted`, by sluice_change(). -ENODEV: it takes a whole commit,
 * which a switch without devices can not have; the running version is as it was. -EBADE: what it
 * holds for its document now is not `wanted`. */
int detached_add(struct sluice *sw, const struct sluice_config *wanted,
		 const struct detached_rule *rule, struct sluice_error *error);

#endif
