/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding network namespaces, and talking netlink in them.
 */
#include "loader/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/device.h"
#include "loader/state.h"

#define OWN_NETNS "/proc/thread-self/ns/net"

int netns_open(const char *name)
{
	char path[128];
	int fd;

	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return -ENOENT;
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int netns_enter(int netns)
{
	int own = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);

	if (own < 0)
		return -errno;
	if (setns(netns, CLONE_NEWNET)) {
		int code = -errno;

		close(own);
		return code;
	}
	return own;
}

void netns_leave(int own)
{
	/* A thread that cannot go back would act on the wrong namespace from here on. */
	if (setns(own, CLONE_NEWNET))
		abort();
	close(own);
}

int netns_socket(int netns, int domain, int type, int protocol)
{
	int own = netns >= 0 ? netns_enter(netns) : -1, fd;

	if (netns >= 0 && own < 0)
		return own;
	fd = socket(domain, type | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		fd = -errno;
	if (own >= 0)
		netns_leave(own);
	return fd;
}

int netns_cookie(int netns, __u64 *cookie)
{
	int fd = netns_socket(netns, AF_INET, SOCK_DGRAM, 0), result = 0;
	socklen_t length = sizeof(*cookie);

	if (fd < 0)
		return fd;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &length))
		result = -errno;
	close(fd);
	return result;
}

static int receive_answers(int fd, unsigned int sequence, mnl_cb_t visit, void *context)
{
	char buffer[32768] __attribute__((aligned(8)));

	for (;;) {
		ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
		int more;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		errno = EPROTO;
		more = mnl_cb_run(buffer, (size_t)got, sequence, 0, visit, context);
		if (more < 0)
			return -errno;
		if (more == MNL_CB_STOP)
			return 0;
	}
}

int netlink_talk(int netns, struct nlmsghdr *message, mnl_cb_t visit, void *context)
{
	int fd, result = 0;

	/* An acknowledgment ends what is no dump; NLM_F_EXCL is one of the two bits that make one. */
	if ((message->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		message->nlmsg_flags |= NLM_F_ACK;
	message->nlmsg_seq = 1;
	fd = netns_socket(netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (fd < 0)
		return fd;
	if (send(fd, message, message->nlmsg_len, 0) < 0)
		result = -errno;
	result = result ?: receive_answers(fd, message->nlmsg_seq, visit, context);
	close(fd);
	return result;
}

static int nsid_visit(const struct nlmsghdr *message, void *context)
{
	const struct nlattr *attribute;
	int *id = context;

	if (message->nlmsg_type != RTM_NEWNSID)
		return MNL_CB_OK;
	mnl_attr_for_each(attribute, message, sizeof(struct rtgenmsg))
		if (mnl_attr_get_type(attribute) == NETNSA_NSID)
			*id = (int)mnl_attr_get_u32(attribute);
	return MNL_CB_OK;
}

/* How namespace `where` numbers namespace `which`. */
static int nsid_request(int where, int which, int *id)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct rtgenmsg *family;
	int found = -1, result;

	message->nlmsg_type = RTM_GETNSID;
	message->nlmsg_flags = NLM_F_REQUEST;
	family = mnl_nlmsg_put_extra_header(message, sizeof(*family));
	family->rtgen_family = AF_UNSPEC;
	mnl_attr_put_u32(message, NETNSA_FD, (__u32)which);
	result = netlink_talk(where, message, nsid_visit, &found);
	if (!result)
		*id = found;
	return result;
}

int netns_id_of_ours(int netns, int *id)
{
	int own = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	int result;

	if (own < 0)
		return -errno;
	result = nsid_request(netns, own, id);
	close(own);
	return result;
}

int netns_id(int netns, int *id)
{
	return nsid_request(-1, netns, id);
}

/* Opens DIRECTORY/ENTRY/TAIL for each entry and visits it. */
static int each_in(const char *directory, const char *tail, int (*visit)(int, void *),
		   void *context)
{
	DIR *list = opendir(directory);
	struct dirent *entry;
	int result = 0;

	if (!list)
		return 0;
	while (!result && (entry = readdir(list))) {
		char path[512];
		int fd;

		if (entry->d_name[0] == '.' || (*tail && (entry->d_name[0] < '0' || entry->d_name[0] > '9')))
			continue;
		snprintf(path, sizeof(path), "%s/%s%s", directory, entry->d_name, tail);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		result = visit(fd, context);
		close(fd);
	}
	closedir(list);
	return result;
}

int netns_each(int (*visit)(int netns, void *context), void *context)
{
	return each_in("/run/netns", "", visit, context) ?:
	       each_in("/proc", "/ns/net", visit, context);
}

/* --- the far end of a veth pair --- */

struct search {
	int nsid;      /* wanted: by number, */
	__u64 cookie;  /* or by cookie */
	__u64 last;    /* inode seen just before: processes share namespaces */
	int found;
};

static bool is_sought(const struct search *search, int netns)
{
	__u64 cookie;
	int id = -1;

	if (search->nsid >= 0)
		return !netns_id(netns, &id) && id == search->nsid;
	return !netns_cookie(netns, &cookie) && cookie == search->cookie;
}

static int search_visit(int netns, void *context)
{
	struct search *search = context;
	struct stat info;

	if (fstat(netns, &info) || info.st_ino == search->last)
		return 0;
	search->last = info.st_ino;
	if (!is_sought(search, netns))
		return 0;
	search->found = fcntl(netns, F_DUPFD_CLOEXEC, 0);
	return 1;
}

int netns_by_cookie(__u64 cookie)
{
	struct search search = { .nsid = -1, .cookie = cookie, .found = -1 };

	netns_each(search_visit, &search);
	return search.found < 0 ? -ENOENT : search.found;
}

int peer_find(const struct device *device, struct peer *peer, struct sluice_error *error)
{
	struct search search = { .nsid = device->link_nsid, .found = -1 };
	struct peer found = { .ifindex = device->link };
	int result;

	if (device->link_nsid < 0)
		search.found = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	else
		netns_each(search_visit, &search);
	found.netns = search.found;
	if (found.netns < 0 || netns_cookie(found.netns, &found.cookie))
		result = -ENOENT;
	else
		result = name_by_index(found.netns, found.ifindex, found.name);
	if (result) {
		peer_free(&found);
		return sluice_error_set(error, -ENOENT,
					"cannot find the namespace of the other end of %s, which XDP "
					"needs prepared: give that namespace a name with 'ip netns "
					"attach NAME PID', or set hook: tc", device->name);
	}
	*peer = found;
	return 0;
}

void peer_free(struct peer *peer)
{
	if (peer->netns >= 0)
		close(peer->netns);
	peer->netns = -1;
}
