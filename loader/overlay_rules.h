/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of overlay.h share: the resolved rules of each overlay, kept because to find them
 * in the document again takes a walk over all its rules.
 */
#ifndef SLUICE_LOADER_OVERLAY_RULES_H
#define SLUICE_LOADER_OVERLAY_RULES_H

#include "loader/compiler.h"
#include "loader/overlay.h"

struct overlay {
	__u64 key;              /* of its policy */
	struct rule_list rules; /* with room for OVERLAY_MAX */
};

struct overlays {
	__u32 version; /* whose overlays they are */
	struct overlay *list;
	size_t count;
};

/* Makes *overlays, and forgets what they hold of another version. -ENOMEM. */
int overlays_for(struct overlays **overlays, __u32 version);
/* NULL when it is not kept. Valid until the next overlay_new(). */
struct rule_list *overlay_find(const struct overlays *overlays, __u64 key);
/* An empty one; NULL when memory is short. */
struct rule_list *overlay_new(struct overlays *overlays, __u64 key);
/* Appends a rule of the document, with all that it points to but its lists of ports. */
int overlay_append(struct compiler *compiler, const struct vnet_build *build,
		   struct rule_list *list, const struct sluice_rule *from,
		   const struct rule_place *place);

#endif
