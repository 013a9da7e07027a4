/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queues of a device and where their work is done: which CPUs take the interrupts, on which
 * NUMA node, beside the node the device hangs on.
 */
#ifndef SLUICE_LOADER_QUEUES_H
#define SLUICE_LOADER_QUEUES_H

#include <sched.h>

#include "loader/survey.h"

struct queues {
	int node; /* the device's NUMA node; -1: the firmware names none, or no hardware */
	unsigned int nodes; /* of this host */
	unsigned int interrupts;
	unsigned int strays; /* interrupts that a CPU of another node takes */
	cpu_set_t node_cpus; /* of the device's node; all when that is -1 */
	cpu_set_t irq_cpus;  /* that take the interrupts */
};

/* "0-3,8" to a set; false when the text is no such list. */
bool cpu_list_parse(const char *text, cpu_set_t *set);
/* The same back, cut to size. */
void cpu_list_text(const cpu_set_t *set, char *text, size_t size);

/* Reads them for the PCI device of that address ("0000:01:00.0"); "": no hardware. */
void queues_read(const struct survey *survey, const char *bus_info, struct queues *queues);

#endif
