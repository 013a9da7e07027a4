/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A change under way, as its steps hand it on.
 */
#ifndef SLUICE_LOADER_COMMIT_H
#define SLUICE_LOADER_COMMIT_H

#include "loader/attach.h"
#include "loader/confirm.h"

struct commit {
	struct sluice *sw;
	const struct sluice_config *config;
	char *text;                    /* of config, canonical */
	size_t length;
	struct devices devices;        /* of the host */
	struct attachments running;    /* as recorded */
	struct attachments next;       /* ports first, in the document's order, then uplinks */
	bool made_devices;             /* which have to go again if it fails */
	bool same_attachments;         /* next is what running is: nothing to attach, detach or record */
	struct placement *placements;
	const struct placement *uplink; /* what tunnels go by; NULL: nothing */
	struct root before;            /* the running version's; zero: none */
	__u32 version;                 /* the new one's */
	__u32 root;
};

/* --- loader/commit_numbers.c --- */

/* Numbers for the document's ports and rules: counters of new ones cleared, then saved. */
int numbers_take(struct commit *commit, struct sluice_error *error);

/* Clears the counters of a rule's number that somebody else may have had. */
int numbers_clear_rule(const struct sluice *sw, __u32 number, struct sluice_error *error);

/* --- loader/commit_devices.c: the map `devices` --- */

/* Whether every port's slot leads to its device. */
bool devices_in_place(const struct commit *commit);
/* Makes every slot of the new version lead to its device. */
int devices_fill(const struct commit *commit, struct sluice_error *error);
/* Empties the slots that the version before had and the new one has not. */
int devices_remove_gone(const struct commit *commit, struct sluice_error *error);
/* Makes `devices` what the running version says, whatever it was. */
int devices_heal(const struct sluice *sw, struct sluice_error *error);

#endif
