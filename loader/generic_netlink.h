/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One question to a generic netlink family about one thing, and one number of the answer.
 */
#ifndef SLUICE_LOADER_GENERIC_NETLINK_H
#define SLUICE_LOADER_GENERIC_NETLINK_H

#include <libmnl/libmnl.h>
#include <stdint.h>

struct generic_question {
	const char *family; /* "netdev" */
	uint8_t command;
	uint16_t attribute; /* of the answer, */
	uint16_t size;      /* and how many bytes it has: 2 or 8 */
	/* Puts what is asked about into the message. */
	void (*put)(struct nlmsghdr *message, const void *context);
	const void *context;
};

/* Asks in the calling thread's namespace. -ENOTSUP: this kernel has no such family; -ENOENT: the
 * answer has no such attribute; else what the kernel says. */
int generic_ask(const struct generic_question *question, uint64_t *value);

#endif
