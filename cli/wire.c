// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/wire.h"

#define PROCESS_NAME "sluice-wire"

static int open_tap(const char *device)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	if (ioctl(fd, TUNSETIFF, &request)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static int enter_netns(const char *netns)
{
	char path[256];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

/* Copies what one side has to the other. False when a side's device is gone. A frame that the
 * other side has no room for, or whose device is down, is lost, as on a wire. */
static bool copy_frames(int from, int to)
{
	static unsigned char frame[SLUICE_FRAME_MAX];
	ssize_t length;

	while ((length = read(from, frame, sizeof(frame))) > 0)
		if (write(to, frame, length) < 0 && errno == EBADFD)
			return false;
	return length < 0 && (errno == EAGAIN || errno == EIO || errno == EINTR);
}

static void copy_until_gone(int host, int guest)
{
	struct pollfd ends[2] = { { .fd = host, .events = POLLIN },
				  { .fd = guest, .events = POLLIN } };

	for (;;) {
		if (poll(ends, 2, -1) < 0 && errno != EINTR)
			return;
		if ((ends[0].revents | ends[1].revents) & (POLLERR | POLLHUP | POLLNVAL))
			return;
		if ((ends[0].revents & POLLIN) && !copy_frames(host, guest))
			return;
		if ((ends[1].revents & POLLIN) && !copy_frames(guest, host))
			return;
	}
}

/* The process between: says on `ready` that the taps are there, or the error's number. */
static void run_wire(const char *device, const char *netns, int ready)
{
	int host = open_tap(device), guest = -1, null, said;

	said = host < 0 ? host : enter_netns(netns);
	if (!said) {
		guest = open_tap("eth0");
		said = guest < 0 ? guest : 0;
	}
	setsid();
	prctl(PR_SET_NAME, PROCESS_NAME);
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd <= 2 && null >= 0; fd++)
		dup2(null, fd);
	if (write(ready, &said, sizeof(said)) != sizeof(said) || said)
		_exit(EXIT_FAILURE);
	close(ready);
	if (chdir("/"))
		_exit(EXIT_FAILURE);
	copy_until_gone(host, guest);
	_exit(EXIT_SUCCESS);
}

int wire_start(const char *device, const char *netns, pid_t *pid, struct sluice_error *error)
{
	int pipe_fds[2], said = -EIO;
	pid_t child;

	if (pipe2(pipe_fds, O_CLOEXEC))
		return sluice_error_set(error, -errno, "no pipe: %s", strerror(errno));
	child = fork();
	if (child == 0) {
		close(pipe_fds[0]);
		run_wire(device, netns, pipe_fds[1]);
	}
	close(pipe_fds[1]);
	if (child < 0)
		said = -errno;
	else if (read(pipe_fds[0], &said, sizeof(said)) != sizeof(said))
		said = -EIO;
	close(pipe_fds[0]);
	if (said) {
		if (child > 0)
			waitpid(child, NULL, 0);
		return sluice_error_set(error, said, "tap %s can not be made: %s", device,
					strerror(-said));
	}
	*pid = child;
	return 0;
}

bool wire_is(pid_t pid)
{
	char path[64], name[32] = "";
	FILE *file;
	bool same;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	same = fgets(name, sizeof(name), file) && !strcmp(name, PROCESS_NAME "\n");
	fclose(file);
	return same;
}
