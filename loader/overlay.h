/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One rule more: the running version laid again with a rule added to a policy, in time that does
 * not depend on how many rules there are.
 *
 * The policy's classifier, its base, stays where it is. The rules added since it was laid, at most
 * OVERLAY_MAX, are its overlay: laid anew with each of them, under a new head that asks both. Vnets,
 * devices and other policies are taken over; ports, which name the heads, are copied.
 */
#ifndef SLUICE_LOADER_OVERLAY_H
#define SLUICE_LOADER_OVERLAY_H

#include "loader/compile.h"

#define OVERLAY_MAX 256

/* The rules of overlays, resolved, as they were laid last; of one version. */
struct overlays;

void overlays_free(struct overlays *overlays);

/* A rule that stands in no list of the document yet. */
struct added_rule {
	const struct sluice_rule *rule;
	bool acl;
	size_t owner;    /* index of its acl or nsg */
	size_t position; /* in that one's list */
	__u32 number;
};

/*
 * Lays the running version, which is config compiled, with one more rule as `version`. *root: the
 * line to store into struct control. -EAGAIN without a sentence: it is time to compile the whole
 * instead. *overlays: what the last call left, or NULL; on failure they are freed.
 */
int compile_added(struct tables *tables, const struct sluice_config *config,
		  const struct added_rule *added, struct ids *slots, struct ids *rules,
		  struct overlays **overlays, __u32 version, __u32 *root,
		  struct sluice_error *error);

#endif
