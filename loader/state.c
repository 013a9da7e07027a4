/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of the state directory: private, and replaced whole or not at all.
 */
#include "loader/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int state_check_directory(const char *path, struct sluice_error *error)
{
	struct stat info;

	if (lstat(path, &info)) {
		if (errno == ENOENT)
			return -ENOENT;
		return sluice_error_set(error, -errno, "cannot look at %s: %s", path,
					strerror(errno));
	}
	if (!S_ISDIR(info.st_mode))
		return sluice_error_set(error, -EPERM, "%s is not a directory: remove it", path);
	if (info.st_uid != 0 || (info.st_mode & 022))
		return sluice_error_set(error, -EPERM,
					"%s must belong to root alone but has owner %u and mode %03o: "
					"find out who made it, then remove it",
					path, info.st_uid, info.st_mode & 0777);
	return 0;
}

int state_private_directory(const char *path, struct sluice_error *error)
{
	int result;

	if (mkdir(path, 0700) && errno != EEXIST)
		return sluice_error_set(error, -errno, "cannot make %s: %s", path, strerror(errno));
	result = state_check_directory(path, error);
	if (!result && chmod(path, 0700))
		result = sluice_error_set(error, -errno, "cannot close %s to others: %s", path,
					  strerror(errno));
	return result;
}

void state_path(const struct sluice *sw, const char *name, char path[STATE_PATH_MAX])
{
	snprintf(path, STATE_PATH_MAX, "%s/%s", sw->state, name);
}

void state_version_path(const struct sluice *sw, unsigned int version, char path[STATE_PATH_MAX])
{
	snprintf(path, STATE_PATH_MAX, "%s/versions/%u.edits", sw->state, version);
	if (access(path, F_OK))
		snprintf(path, STATE_PATH_MAX, "%s/versions/%u.yaml", sw->state, version);
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		length -= (size_t)written;
	}
	return 0;
}

/* Writes head and text to path by way of a temporary name beside it. Nothing is synced to a disk: when
 * the machine stops the maps are gone, and without them these files mean nothing. */
static int replace_file(const char *path, const char *head, const char *text, size_t length,
			struct sluice_error *error)
{
	char temporary[STATE_PATH_MAX + 8];
	int fd, result;

	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return sluice_error_set(error, -errno, "cannot write %s: %s", temporary,
					strerror(errno));
	result = write_all(fd, head, strlen(head)) ?: write_all(fd, text, length);
	close(fd);
	if (!result && rename(temporary, path))
		result = -errno;
	if (result) {
		unlink(temporary);
		return sluice_error_set(error, result, "cannot write %s: %s", path,
					strerror(-result));
	}
	return 0;
}

int state_write(const struct sluice *sw, const char *name, const char *text, size_t length,
		struct sluice_error *error)
{
	char path[STATE_PATH_MAX];

	state_path(sw, name, path);
	return replace_file(path, "", text, length, error);
}

int state_mark(const struct sluice *sw, const char *name, struct sluice_error *error)
{
	char path[STATE_PATH_MAX];
	int fd;

	state_path(sw, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return sluice_error_set(error, -errno, "cannot make %s: %s", path, strerror(errno));
	close(fd);
	return 0;
}

int state_read(const struct sluice *sw, const char *name, char **text, size_t *length,
	       struct sluice_error *error)
{
	char path[STATE_PATH_MAX];
	struct stat info;
	char *memory;
	ssize_t got;
	int fd;

	state_path(sw, name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &info)) {
		int code = -errno;

		if (fd >= 0)
			close(fd);
		return sluice_error_set(error, code, "cannot read %s: %s", path, strerror(-code));
	}
	memory = malloc((size_t)info.st_size + 1);
	got = memory ? read(fd, memory, (size_t)info.st_size) : -1;
	close(fd);
	if (got != info.st_size) {
		free(memory);
		return sluice_error_set(error, -EIO, "cannot read all of %s", path);
	}
	memory[got] = '\0';
	*text = memory;
	if (length)
		*length = (size_t)got;
	return 0;
}

int state_remove(const struct sluice *sw, const char *name, struct sluice_error *error)
{
	char path[STATE_PATH_MAX];

	state_path(sw, name, path);
	if (unlink(path) && errno != ENOENT)
		return sluice_error_set(error, -errno, "cannot remove %s: %s", path,
					strerror(errno));
	return 0;
}

bool state_has(const struct sluice *sw, const char *name)
{
	char path[STATE_PATH_MAX];

	state_path(sw, name, path);
	return !access(path, F_OK);
}

static int remove_visit(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	(void)info;
	(void)type;
	(void)walk;
	return remove(path);
}

int remove_tree(const char *path, struct sluice_error *error)
{
	if (nftw(path, remove_visit, 16, FTW_DEPTH | FTW_PHYS) && errno != ENOENT)
		return sluice_error_set(error, -errno, "cannot remove %s: %s", path,
					strerror(errno));
	return 0;
}

/* --- versions --- */

#define HEAD_FORMAT "# version %u time %lld why "

bool version_head_parse(const char *line, struct version_head *head)
{
	struct version_head read = {};
	int at = 0;

	if (sscanf(line, HEAD_FORMAT "%n", &read.number, &read.time, &at) != 2 || !at)
		return false;
	snprintf(read.why, sizeof(read.why), "%.*s", (int)strcspn(line + at, "\n"), line + at);
	*head = read;
	return true;
}

static int write_version(const struct sluice *sw, const struct version_head *head,
			 const char *suffix, const char *text, size_t length,
			 struct sluice_error *error)
{
	char path[STATE_PATH_MAX], line[256];

	snprintf(line, sizeof(line), HEAD_FORMAT "%.120s", head->number, head->time, head->why);
	/* The reason came from a command line: it must not end the comment it stands in. */
	for (char *at = line; *at; at++)
		if ((unsigned char)*at < ' ' || (unsigned char)*at > '~')
			*at = ' ';
	strcat(line, "\n");
	snprintf(path, sizeof(path), "%s/versions/%u.%s", sw->state, head->number, suffix);
	return replace_file(path, line, text, length, error);
}

int state_write_version(const struct sluice *sw, const struct version_head *head,
			const char *text, size_t length, struct sluice_error *error)
{
	return write_version(sw, head, "yaml", text, length, error);
}

int state_write_edits(const struct sluice *sw, const struct version_head *head, const char *text,
		      size_t length, struct sluice_error *error)
{
	return write_version(sw, head, "edits", text, length, error);
}

int state_read_head(const struct sluice *sw, unsigned int version, struct version_head *head,
		    struct sluice_error *error)
{
	char path[STATE_PATH_MAX], line[256];
	FILE *file;
	bool good;

	state_version_path(sw, version, path);
	file = fopen(path, "re");
	if (!file && errno == ENOENT)
		return -ENOENT;
	if (!file)
		return sluice_error_set(error, -errno, "cannot read %s: %s", path, strerror(errno));
	good = fgets(line, sizeof(line), file) && version_head_parse(line, head);
	fclose(file);
	if (!good)
		return sluice_error_set(error, -EINVAL, "%s does not begin as a version's file",
					path);
	return 0;
}

static int compare_files(const void *a, const void *b)
{
	const struct version_file *left = a, *right = b;

	return (left->number > right->number) - (left->number < right->number);
}

static bool parse_name(const char *name, struct version_file *file)
{
	int end = 0;

	if (sscanf(name, "%u%n", &file->number, &end) != 1 || !end)
		return false;
	file->edits = !strcmp(name + end, ".edits");
	return file->edits || !strcmp(name + end, ".yaml");
}

int state_versions(const struct sluice *sw, struct version_file **files, size_t *count,
		   struct sluice_error *error)
{
	struct version_file *list = NULL, file;
	char path[STATE_PATH_MAX];
	size_t used = 0, room = 0;
	struct dirent *entry;
	DIR *directory;

	state_path(sw, "versions", path);
	directory = opendir(path);
	if (!directory)
		return sluice_error_set(error, -errno, "cannot read %s: %s", path, strerror(errno));
	while ((entry = readdir(directory))) {
		if (!parse_name(entry->d_name, &file))
			continue;
		if (used == room) {
			struct version_file *more;

			room = room ? 2 * room : 64;
			more = realloc(list, room * sizeof(*list));
			if (!more) {
				free(list);
				closedir(directory);
				return sluice_error_set(error, -ENOMEM, "out of memory");
			}
			list = more;
		}
		list[used++] = file;
	}
	closedir(directory);
	if (used)
		qsort(list, used, sizeof(*list), compare_files);
	*files = list;
	*count = used;
	return 0;
}

int state_prune_versions(const struct sluice *sw, unsigned int running, unsigned int keep,
			 struct sluice_error *error)
{
	struct version_file *files;
	size_t count, kept = 0;
	bool base_needed = false; /* by a kept version above that is not whole */
	int result;

	result = state_versions(sw, &files, &count, error);
	if (result)
		return result;
	for (size_t i = count; i-- > 0 && !result;) {
		const struct version_file *file = &files[i];
		char name[64];

		if (file->number <= running &&
		    (kept++ < VERSIONS_KEPT || file->number == keep ||
		     (base_needed && !file->edits))) {
			base_needed = file->edits; /* the next whole one below is its base */
			continue;
		}
		snprintf(name, sizeof(name), "versions/%u.%s", file->number,
			 file->edits ? "edits" : "yaml");
		result = state_remove(sw, name, error);
	}
	free(files);
	return result;
}
