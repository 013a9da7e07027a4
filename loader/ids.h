/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers for names that packets and counters use, stable from version to version: a port's slot,
 * a rule's id. Kept in the state directory beside the documents; written before the version that
 * uses a number is published, so a killed writer leaves at most numbers nobody uses.
 *
 * Keys: ports "NAME"; rules "nsg/NSG/in/RULE", "nsg/NSG/out/65500", "acl/ACL/RULE".
 */
#ifndef SLUICE_LOADER_IDS_H
#define SLUICE_LOADER_IDS_H

#include "loader/sluice.h"

struct ids; /* one name space: numbers 1..limit-1 */

struct ids *ids_new(__u32 limit);
void ids_free(struct ids *ids);
/* The number of a key, or 0. */
__u32 ids_find(const struct ids *ids, const char *key);
/* The key of a number, or NULL. Belongs to ids. Keys released stay known until their number is
 * taken again. */
const char *ids_key(const struct ids *ids, __u32 number);
/* The number of a key, a new one when it has none: next-fit, so that a number just released is
 * the last to come back. *fresh: it is new and its counters must be cleared. 0: none left. */
__u32 ids_take(struct ids *ids, const char *key, bool *fresh);
/* Whether numbers that keys had before come round again. */
bool ids_come_round(const struct ids *ids);
/* Gives a key that number, unless either has another by now. */
int ids_put(struct ids *ids, __u32 number, const char *key);
/* Mark-and-release: between ids_begin and ids_release, keys not found by ids_take are released. */
void ids_begin(struct ids *ids);
void ids_release(struct ids *ids);
/* To and from a file (written to a temporary name, renamed). */
int ids_save(const struct ids *ids, const char *path, struct sluice_error *error);
int ids_load(struct ids *ids, const char *path, struct sluice_error *error);

#endif
