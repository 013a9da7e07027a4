/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network namespaces and netlink within them.
 */
#ifndef SLUICE_LOADER_NETNS_H
#define SLUICE_LOADER_NETNS_H

#include <libmnl/libmnl.h>

#include "loader/sluice.h"

/* A namespace by its name under /run/netns: a descriptor or -errno. */
int netns_open(const char *name);
/* A socket that lives in a namespace (-1: the caller's): a descriptor or -errno. The calling thread is
 * back where it was when this returns. */
int netns_socket(int netns, int domain, int type, int protocol);
/* The calling thread goes into a namespace: a descriptor of the one it was in, for netns_leave(), or
 * -errno. */
int netns_enter(int netns);
/* Goes back and closes the descriptor. */
void netns_leave(int own);
/* What tells a namespace (-1: the caller's) from all others that there were since the machine booted;
 * its inode is given to a new one when it goes. 0 or -errno. */
int netns_cookie(int netns, __u64 *cookie);
/* Sends one request there and gives every answer to visit (may be NULL): 0 or -errno, the kernel's
 * own where it refuses. */
int netlink_talk(int netns, struct nlmsghdr *message, mnl_cb_t visit, void *context);
/* How a namespace numbers the caller's: *id -1 when it has no number for it. */
int netns_id_of_ours(int netns, int *id);
/* How the caller's namespace numbers another. */
int netns_id(int netns, int *id);
/* Calls visit with a descriptor of each namespace a name or a process leads to, until it returns
 * non-zero, which is returned. visit closes nothing. */
int netns_each(int (*visit)(int netns, void *context), void *context);

#endif
