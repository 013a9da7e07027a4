/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writers' turns: flock on a file of the state directory. The kernel drops it with its holder,
 * so a killed writer keeps nobody out; the pid inside only serves the message.
 */
#include "loader/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Waits until somebody closes the file or `ms` are over. A holder that dies is reported a moment
 * before its lock is gone, so no wait is longer than RETRY_MS. */
#define RETRY_MS 50
static void wait_for_close(int watch, long long ms)
{
	struct pollfd ready = { .fd = watch, .events = POLLIN };
	char events[4096];

	if (poll(&ready, 1, ms < RETRY_MS ? (int)ms : RETRY_MS) > 0)
		while (read(watch, events, sizeof(events)) > 0)
			;
}

static int busy(int fd, const struct sluice *sw, struct sluice_error *error)
{
	char pid[24] = "";
	ssize_t got = pread(fd, pid, sizeof(pid) - 1, 0);

	if (got < 0)
		got = 0;
	pid[got] = '\0';
	return sluice_error_set(error, -EBUSY,
				"switch %s is being changed by process %ld: try again when it is done",
				sw->name, strtol(pid, NULL, 10));
}

/* The lock counts only while its file is the one others find by name: `down` removes it. */
static bool still_there(int fd, const char *path)
{
	struct stat ours, theirs;

	return !fstat(fd, &ours) && !stat(path, &theirs) && ours.st_ino == theirs.st_ino &&
	       ours.st_dev == theirs.st_dev;
}

static int take(int fd, const char *path, const struct sluice *sw, unsigned int wait_seconds,
		struct sluice_error *error)
{
	long long end = now_ms() + wait_seconds * 1000LL;
	int watch = -1, result = 0;

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		long long left = end - now_ms();

		if (errno != EWOULDBLOCK && errno != EINTR) {
			result = sluice_error_set(error, -errno, "cannot lock %s: %s", path,
						  strerror(errno));
			break;
		}
		if (left <= 0) {
			result = busy(fd, sw, error);
			break;
		}
		if (watch < 0) {
			watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
			if (watch >= 0)
				inotify_add_watch(watch, path, IN_CLOSE_WRITE | IN_MODIFY);
			continue;
		}
		wait_for_close(watch, left);
	}
	if (watch >= 0)
		close(watch);
	return result;
}

int lock_take(struct sluice *sw, unsigned int wait_seconds, bool make, struct sluice_error *error)
{
	char path[STATE_PATH_MAX], pid[24];
	int fd, result, length;

	state_path(sw, "lock", path);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (make ? O_CREAT : 0), 0600);
	if (fd < 0 && errno == ENOENT)
		return sluice_error_set(error, -ENOTCONN, "switch %s is not up", sw->name);
	if (fd < 0)
		return sluice_error_set(error, -errno, "cannot open %s: %s", path, strerror(errno));
	result = take(fd, path, sw, wait_seconds, error);
	if (!result && !still_there(fd, path))
		result = sluice_error_set(error, -ENOTCONN, "switch %s was taken down meanwhile",
					  sw->name);
	if (result) {
		close(fd);
		return result;
	}
	/* One width for every pid: nothing of a longer one stays behind. */
	length = snprintf(pid, sizeof(pid), "%-10d\n", getpid());
	if (pwrite(fd, pid, (size_t)length, 0) != length) {
		result = sluice_error_set(error, -errno, "cannot write %s: %s", path,
					  strerror(errno));
		close(fd);
		return result;
	}
	sw->lock_fd = fd;
	return 0;
}

void lock_drop(struct sluice *sw)
{
	if (sw->lock_fd < 0)
		return;
	flock(sw->lock_fd, LOCK_UN);
	close(sw->lock_fd);
	sw->lock_fd = -1;
}

int sluice_lock(struct sluice *sw, unsigned int wait_seconds, struct sluice_error *error)
{
	int result;

	if (sw->lock_fd >= 0)
		return sluice_error_set(error, -EBUSY, "this switch handle holds the lock already");
	result = host_check(error) ?: lock_take(sw, wait_seconds, false, error);
	if (result)
		return result;
	if (!sw->control->root)
		result = sluice_error_set(error, -ENOTCONN, "switch %s is not up", sw->name);
	result = result ?: switch_read_ids(sw, error) ?: switch_heal(sw, error);
	if (result)
		lock_drop(sw);
	return result;
}

void sluice_unlock(struct sluice *sw)
{
	lock_drop(sw);
}
