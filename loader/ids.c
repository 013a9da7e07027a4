/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers for names; see ids.h.
 *
 * Entries are indexed by number; a hash table of the live ones finds a key's number. The file is
 * text: a head with the number that is tried next, then one line per key, "+" live or "-"
 * released, its number, its key.
 */
#include "loader/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_HEAD "sluice numbers 1"

struct entry {
	char *key; /* NULL: never taken */
	bool live;
	bool seen; /* found or taken since ids_begin */
};

struct ids {
	struct entry *entry; /* by number; entry[0] is not used */
	__u32 limit;
	__u32 live;
	__u32 next;       /* where the search for a free number begins */
	__u32 *slot;      /* hash table of numbers, 0: empty; linear probing */
	__u32 slot_count; /* a power of two, more than twice the live ones */
};

static __u32 key_hash(const char *key)
{
	__u32 hash = 2166136261U; /* FNV-1a */

	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * 16777619U;
	return hash;
}

struct ids *ids_new(__u32 limit)
{
	struct ids *ids = calloc(1, sizeof(*ids));

	if (!ids)
		return NULL;
	ids->entry = calloc(limit, sizeof(*ids->entry));
	ids->limit = limit;
	ids->next = 1;
	if (!ids->entry) {
		free(ids);
		return NULL;
	}
	return ids;
}

static void forget_all(struct ids *ids)
{
	for (__u32 number = 1; number < ids->limit; number++)
		free(ids->entry[number].key);
	memset(ids->entry, 0, ids->limit * sizeof(*ids->entry));
	free(ids->slot);
	ids->slot = NULL;
	ids->slot_count = 0;
	ids->live = 0;
	ids->next = 1;
}

void ids_free(struct ids *ids)
{
	if (!ids)
		return;
	forget_all(ids);
	free(ids->entry);
	free(ids);
}

/* The place in the hash table that holds the key, or the empty one where it belongs. */
static __u32 *find_slot(const struct ids *ids, const char *key)
{
	__u32 at = key_hash(key) & (ids->slot_count - 1);

	while (ids->slot[at] && strcmp(ids->entry[ids->slot[at]].key, key) != 0)
		at = (at + 1) & (ids->slot_count - 1);
	return &ids->slot[at];
}

/* Makes the hash table anew, with room for `live` keys, from the entries. */
static int rehash(struct ids *ids, __u32 live)
{
	__u32 count = 64;
	__u32 *slot;

	while (count <= 2 * live)
		count *= 2;
	slot = calloc(count, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	free(ids->slot);
	ids->slot = slot;
	ids->slot_count = count;
	for (__u32 number = 1; number < ids->limit; number++)
		if (ids->entry[number].live)
			*find_slot(ids, ids->entry[number].key) = number;
	return 0;
}

__u32 ids_find(const struct ids *ids, const char *key)
{
	return ids->slot ? *find_slot(ids, key) : 0;
}

const char *ids_key(const struct ids *ids, __u32 number)
{
	return number < ids->limit ? ids->entry[number].key : NULL;
}

/* The next number that no live key has, or 0. */
static __u32 free_number(const struct ids *ids)
{
	__u32 number = ids->next;

	for (__u32 tried = 1; tried < ids->limit; tried++) {
		if (number >= ids->limit)
			number = 1;
		if (!ids->entry[number].live)
			return number;
		number++;
	}
	return 0;
}

/* Gives a free number to a key that has none. */
static int assign(struct ids *ids, __u32 number, const char *key, bool live)
{
	char *copy;

	if (live && ids->slot_count <= 2 * (ids->live + 1)) {
		int result = rehash(ids, 2 * (ids->live + 1));

		if (result)
			return result;
	}
	copy = strdup(key);
	if (!copy)
		return -ENOMEM;
	free(ids->entry[number].key);
	ids->entry[number] = (struct entry){ .key = copy, .live = live, .seen = live };
	if (live) {
		*find_slot(ids, copy) = number;
		ids->live++;
	}
	return 0;
}

__u32 ids_take(struct ids *ids, const char *key, bool *fresh)
{
	__u32 number = ids_find(ids, key);
	bool is_new = !number;

	if (is_new) {
		number = free_number(ids);
		if (!number || assign(ids, number, key, true))
			return 0;
		ids->next = number + 1;
	}
	ids->entry[number].seen = true;
	if (fresh)
		*fresh = is_new;
	return number;
}

bool ids_come_round(const struct ids *ids)
{
	return ids->entry[ids->limit - 1].key;
}

int ids_put(struct ids *ids, __u32 number, const char *key)
{
	if (!number || number >= ids->limit || ids->entry[number].live || ids_find(ids, key))
		return 0;
	if (ids->next <= number)
		ids->next = number + 1;
	return assign(ids, number, key, true);
}

void ids_begin(struct ids *ids)
{
	for (__u32 number = 1; number < ids->limit; number++)
		ids->entry[number].seen = false;
}

void ids_release(struct ids *ids)
{
	bool changed = false;

	for (__u32 number = 1; number < ids->limit; number++) {
		struct entry *entry = &ids->entry[number];

		if (!entry->live || entry->seen)
			continue;
		entry->live = false;
		ids->live--;
		changed = true;
	}
	if (!changed)
		return;
	/* The table only shrinks or stays, so its memory is there already. */
	memset(ids->slot, 0, ids->slot_count * sizeof(*ids->slot));
	for (__u32 number = 1; number < ids->limit; number++)
		if (ids->entry[number].live)
			*find_slot(ids, ids->entry[number].key) = number;
}

static int write_entries(const struct ids *ids, FILE *file)
{
	fprintf(file, "%s %u\n", FILE_HEAD, ids->next);
	for (__u32 number = 1; number < ids->limit; number++) {
		const struct entry *entry = &ids->entry[number];

		if (entry->key)
			fprintf(file, "%c %u %s\n", entry->live ? '+' : '-', number, entry->key);
	}
	if (fflush(file) || ferror(file))
		return errno ? -errno : -EIO;
	return 0;
}

int ids_save(const struct ids *ids, const char *path, struct sluice_error *error)
{
	char temporary[4096];
	FILE *file;
	int result;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.tmp", path) >= sizeof(temporary))
		return sluice_error_set(error, -ENAMETOOLONG, "the path %s is too long", path);
	file = fopen(temporary, "we");
	if (!file)
		return sluice_error_set(error, -errno, "cannot write %s: %s", temporary,
					strerror(errno));
	result = write_entries(ids, file);
	if (fclose(file) && !result)
		result = -errno;
	if (!result && rename(temporary, path))
		result = -errno;
	if (result) {
		unlink(temporary);
		return sluice_error_set(error, result, "cannot write %s: %s", path,
					strerror(-result));
	}
	return 0;
}

/* Takes one line of the file in, without its newline. -EINVAL when it is none of ours. */
static int read_entry(struct ids *ids, char *line)
{
	unsigned long number;
	char *key;
	bool live = line[0] == '+';

	if ((!live && line[0] != '-') || line[1] != ' ')
		return -EINVAL;
	number = strtoul(line + 2, &key, 10);
	if (*key++ != ' ' || !*key || !number || number >= ids->limit || ids->entry[number].key ||
	    (live && ids_find(ids, key)))
		return -EINVAL;
	return assign(ids, number, key, live);
}

static int read_entries(struct ids *ids, FILE *file)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	int result = 0;

	if (fscanf(file, FILE_HEAD " %u%*1[\n]", &ids->next) != 1 || !ids->next ||
	    ids->next > ids->limit)
		result = -EINVAL;
	while (!result && (length = getline(&line, &room, file)) > 0) {
		if (line[length - 1] != '\n') {
			result = -EINVAL; /* cut short */
			break;
		}
		line[length - 1] = '\0';
		result = read_entry(ids, line);
	}
	if (!result && ferror(file))
		result = -EIO;
	free(line);
	return result;
}

int ids_load(struct ids *ids, const char *path, struct sluice_error *error)
{
	struct ids *loaded = ids_new(ids->limit);
	struct ids swap;
	FILE *file;
	int result;

	if (!loaded)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	file = fopen(path, "re");
	if (!file) {
		result = sluice_error_set(error, -errno, "cannot read %s: %s", path,
					  strerror(errno));
		ids_free(loaded);
		return result;
	}
	result = read_entries(loaded, file);
	fclose(file);
	if (result) {
		ids_free(loaded);
		return sluice_error_set(error, result, "%s is damaged: no list of numbers", path);
	}
	swap = *ids;
	*ids = *loaded;
	*loaded = swap;
	ids_free(loaded);
	return 0;
}
