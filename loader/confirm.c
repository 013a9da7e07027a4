/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A rollback that happens unless somebody confirms.
 *
 * The file `pending` holds the version to bring back, the deadline and a token; a detached process
 * waits on a timer. Who removes the file disarms: the process finds its token gone and ends. A
 * deadline counts time the machine sleeps, because a person who was cut off waits that time too.
 */
#include "loader/confirm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loader/lock.h"

struct pending {
	unsigned int version;       /* 0: take the switch down */
	long long deadline;         /* CLOCK_BOOTTIME, seconds */
	unsigned long long token;
};

static int pending_read(const struct sluice *sw, struct pending *pending)
{
	struct pending read;
	char *text;
	int result = state_read(sw, "pending", &text, NULL, NULL);

	if (result)
		return result;
	if (sscanf(text, "version %u deadline %lld token %llx", &read.version, &read.deadline,
		   &read.token) != 3)
		result = -EINVAL;
	free(text);
	if (!result)
		*pending = read;
	return result;
}

static long long boot_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

unsigned int confirm_target(const struct sluice *sw)
{
	struct pending pending;

	return pending_read(sw, &pending) ? 0 : pending.version;
}

int sluice_pending(struct sluice *sw)
{
	struct pending pending;
	long long left;
	int result = pending_read(sw, &pending);

	if (result)
		return result;
	left = pending.deadline - boot_seconds();
	return left < 0 ? 0 : (int)left;
}

/* --- the process that waits --- */

static bool still_pending(const struct sluice *sw, unsigned long long token)
{
	struct pending pending;

	return !pending_read(sw, &pending) && pending.token == token;
}

/* Returns whether the time is over and nobody has confirmed. */
static bool wait_for_deadline(const struct sluice *sw, const struct pending *pending)
{
	struct itimerspec deadline = { .it_value.tv_sec = pending->deadline };
	struct pollfd ready[2] = { { .events = POLLIN }, { .events = POLLIN } };
	char events[4096];

	ready[0].fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
	ready[1].fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (ready[0].fd < 0 || timerfd_settime(ready[0].fd, TFD_TIMER_ABSTIME, &deadline, NULL))
		return true; /* Too early is better than never for somebody who is cut off. */
	if (ready[1].fd >= 0)
		inotify_add_watch(ready[1].fd, sw->state, IN_DELETE | IN_MOVE | IN_DELETE_SELF);
	while (still_pending(sw, pending->token)) {
		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			return true;
		if (ready[0].revents)
			return still_pending(sw, pending->token);
		while (read(ready[1].fd, events, sizeof(events)) > 0)
			;
	}
	return false;
}

/* The device that cut the person off may be gone by now; a rollback works with what is there. */
static int roll_back(struct sluice *sw, const struct pending *pending)
{
	struct sluice_config *config;
	unsigned int version;
	char text[32];
	int result;

	result = sluice_version_config(sw, pending->version, &config, NULL);
	if (result)
		return result;
	result = switch_commit(sw, config, "rolled back: not confirmed in time",
			       COMMIT_TOLERATE_MISSING, &version, NULL);
	sluice_config_free(config);
	if (result)
		return result;
	snprintf(text, sizeof(text), "%u\n", pending->version);
	return state_write(sw, "rolled-back", text, strlen(text), NULL) ?:
	       state_remove(sw, "pending", NULL);
}

static void expire(const struct sluice_options *options, const struct pending *pending)
{
	struct sluice *sw;

	if (sluice_open(options, &sw, NULL))
		return;
	/* A writer is never at it for long. */
	if (!sluice_lock(sw, 60, NULL) && still_pending(sw, pending->token)) {
		if (pending->version) {
			roll_back(sw, pending);
		} else {
			sluice_close(sw);
			sluice_down(options, NULL);
			return;
		}
	}
	sluice_close(sw);
}

static void detach_from_caller(void)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	if (chdir("/"))
		_exit(1);
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	close_range(3, ~0U, 0);
}

/* In a child of a child, so that nobody has to wait for it. */
static void watch(const struct sluice *sw, const struct pending *pending)
{
	struct sluice_options options = { .name = sw->name };
	struct sluice copy = *sw; /* its name and paths: the descriptors are closed */

	detach_from_caller();
	if (wait_for_deadline(&copy, pending))
		expire(&options, pending);
	_exit(0);
}

static int start_watch(const struct sluice *sw, const struct pending *pending,
		       struct sluice_error *error)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return sluice_error_set(error, -errno, "cannot start the process that rolls back: %s",
					strerror(errno));
	if (!child) {
		pid_t grandchild = fork();

		if (!grandchild)
			watch(sw, pending);
		_exit(grandchild < 0);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return sluice_error_set(error, -errno, "lost the process that rolls back");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return sluice_error_set(error, -EAGAIN,
					"cannot start the process that rolls back");
	return 0;
}

int sluice_arm_rollback(struct sluice *sw, unsigned int number, unsigned int seconds,
			struct sluice_error *error)
{
	struct pending pending = { .version = number, .deadline = boot_seconds() + seconds };
	char text[128];
	int result;

	if (getrandom(&pending.token, sizeof(pending.token), 0) != sizeof(pending.token))
		return sluice_error_set(error, -EIO, "no random numbers");
	snprintf(text, sizeof(text), "version %u deadline %lld token %llx\n", pending.version,
		 pending.deadline, pending.token);
	result = state_remove(sw, "rolled-back", error) ?:
		 state_write(sw, "pending", text, strlen(text), error);
	if (result)
		return result;
	result = start_watch(sw, &pending, error);
	if (result)
		state_remove(sw, "pending", NULL);
	return result;
}

static int disarm(struct sluice *sw, struct sluice_error *error)
{
	if (state_has(sw, "pending"))
		return state_remove(sw, "pending", error);
	if (state_has(sw, "rolled-back"))
		return sluice_error_set(error, -ESTALE,
					"too late: it was rolled back already, see 'sluice history'");
	return sluice_error_set(error, -ENOENT, "nothing waits to be confirmed");
}

int sluice_confirm(struct sluice *sw, struct sluice_error *error)
{
	bool mine = sw->lock_fd < 0;
	int result;

	/* Under the lock: a rollback under way is over, or has not begun, when it is looked at. */
	result = mine ? sluice_lock(sw, 10, error) : 0;
	if (result)
		return result;
	result = disarm(sw, error);
	if (mine)
		sluice_unlock(sw);
	return result;
}
