/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process that is a virtual machine's network card: it copies frames between a tap on the host
 * and a tap in a namespace, as a hypervisor does between a tap and its guest.
 */
#ifndef SLUICE_CLI_WIRE_H
#define SLUICE_CLI_WIRE_H

#include <sys/types.h>

#include "loader/sluice.h"

/* Makes tap `device` here and tap eth0 in the namespace, and starts the process between them.
 * The taps last as long as it does; it ends when one of them is deleted. */
int wire_start(const char *device, const char *netns, pid_t *pid, struct sluice_error *error);
/* Whether the process is one of these: a recorded number may have gone to another. */
bool wire_is(pid_t pid);

#endif
