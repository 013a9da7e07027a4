/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state directory: files beside the maps, with the same lifetime.
 *
 *   lock              whose turn it is; the holder's pid is its text (loader/lock.c)
 *   switch.json       the network namespace
 *   versions/N.yaml   the document of version N, with when and why in its first line
 *   versions/N.edits  instead of it, what was added to an earlier one (loader/edits.h)
 *   slots, rules      numbers for names (loader/ids.h)
 *   attachments.json  what is attached where, and what was changed for it (loader/attach.h)
 *   cpus.json         CPUs that interrupts and RPS were given, and had before (loader/cpus.h)
 *   changing          there while a writer is between two versions
 *   pending           a rollback that waits to be confirmed (loader/confirm.c)
 *   rolled-back       there after a rollback nobody had confirmed
 *
 * Which version runs is not written here: the running one is what control.root points to.
 */
#ifndef SLUICE_LOADER_STATE_H
#define SLUICE_LOADER_STATE_H

#include "loader/switch.h"

#define STATE_PATH_MAX 256
#define VERSIONS_KEPT 32

/* Makes path a directory only root can enter, or refuses one that is not. */
int state_private_directory(const char *path, struct sluice_error *error);
/* -EPERM when path is there and somebody else than root owns it or may write to it, or it is not a
 * directory; -ENOENT when it is not there. */
int state_check_directory(const char *path, struct sluice_error *error);

/* sw->state/NAME into path. */
void state_path(const struct sluice *sw, const char *name, char path[STATE_PATH_MAX]);
/* Of the file of a version, whole or not; where there is none, of a whole one. */
void state_version_path(const struct sluice *sw, unsigned int version, char path[STATE_PATH_MAX]);

/* Replaces a file of the state directory whole: temporary name, rename. */
int state_write(const struct sluice *sw, const char *name, const char *text, size_t length,
		struct sluice_error *error);
/* Makes an empty file, whose being there is all it says. */
int state_mark(const struct sluice *sw, const char *name, struct sluice_error *error);
/* Its text, ended by a zero; free with free(). -ENOENT without a sentence when it is not there. */
int state_read(const struct sluice *sw, const char *name, char **text, size_t *length,
	       struct sluice_error *error);
/* Removes it; not being there is no error. */
int state_remove(const struct sluice *sw, const char *name, struct sluice_error *error);
bool state_has(const struct sluice *sw, const char *name);

/* The first line of a version's file, and the document behind it. */
struct version_head {
	unsigned int number;
	long long time;
	char why[128];
};
/* text: the document. The file appears whole or not at all. */
int state_write_version(const struct sluice *sw, const struct version_head *head,
			const char *text, size_t length, struct sluice_error *error);
/* The same for one that is not whole; text: all behind the first line. */
int state_write_edits(const struct sluice *sw, const struct version_head *head, const char *text,
		      size_t length, struct sluice_error *error);
/* -ENOENT without a sentence when there is none. */
int state_read_head(const struct sluice *sw, unsigned int version, struct version_head *head,
		    struct sluice_error *error);
/* Reads one; returns whether the line is one. */
bool version_head_parse(const char *line, struct version_head *head);
struct version_file {
	unsigned int number;
	bool edits; /* not a whole one */
};

/* All versions' files, ascending; free with free(). */
int state_versions(const struct sluice *sw, struct version_file **files, size_t *count,
		   struct sluice_error *error);
/* Removes versions' files above the running one, and the oldest beyond VERSIONS_KEPT, never `keep`
 * nor a whole one that those kept were made from. */
int state_prune_versions(const struct sluice *sw, unsigned int running, unsigned int keep,
			 struct sluice_error *error);

/* Which namespace the switch runs in: written by up, checked by open. */
int state_write_netns(const struct sluice *sw, struct sluice_error *error);
/* Refuses when the calling thread is in another namespace than the switch; fills sw->netns. *gone, may be
 * NULL: set instead of refusing when that namespace exists no more. */
int state_check_netns(struct sluice *sw, bool *gone, struct sluice_error *error);

/* Removes a directory and what is in it, never following links; 0 when it is not there. */
int remove_tree(const char *path, struct sluice_error *error);

#endif
