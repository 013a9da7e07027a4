/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queues of a device and where their work is done: which CPUs take the interrupts, on which
 * NUMA node, beside the node the device hangs on.
 */
#ifndef SLUICE_LOADER_QUEUES_H
#define SLUICE_LOADER_QUEUES_H

#include <sched.h>

#include "loader/survey.h"

/* A device, by what its files are found under. */
struct queue_owner {
	const char *net;      /* /sys/class/net of its namespace; see queue_view_open() */
	const char *name;     /* in there; "": it is not asked for */
	const char *bus_info; /* its PCI address ("0000:01:00.0"); "": no hardware */
};

struct queues {
	int node; /* the device's NUMA node; -1: the firmware names none, or no hardware */
	unsigned int nodes; /* of this host */
	unsigned int receive; /* queues it receives on now; 0: not known */
	unsigned int send;
	unsigned int interrupts;
	unsigned int strays; /* interrupts that a CPU of another node takes */
	cpu_set_t node_cpus; /* of the device's node; all when that is -1 */
	cpu_set_t irq_cpus;  /* that take the interrupts */
	cpu_set_t rps_cpus;  /* that RPS hands received frames to; none: they stay where they arrive */
};

/* "0-3,8" to a set; false when the text is no such list. */
bool cpu_list_parse(const char *text, cpu_set_t *set);
/* The same back, cut to size. */
void cpu_list_text(const cpu_set_t *set, char *text, size_t size);
/* "00000001,0000000f", as files of sysfs have it, lowest last. */
bool cpu_mask_parse(const char *text, cpu_set_t *set);
bool cpu_set_within(const cpu_set_t *set, const cpu_set_t *all);

void queues_read(const struct survey *survey, const struct queue_owner *owner,
		 struct queues *queues);

/* What there is to say about where the work of a device is done, into note; "" when it is well placed.
 * home: the queues of the NIC whose frames a port's are; NULL for the NIC itself. */
void queues_note(const struct queues *queues, const struct queues *home, char *note, size_t size);

/* Where the files of the calling thread's namespace are, which /sys may be another's. */
struct queue_view {
	struct survey survey;
	int sysfs; /* -1: it cannot be had; then net is a path where nothing is */
	char net[48];
};

void queue_view_open(struct queue_view *view);
void queue_view_close(struct queue_view *view);

#endif
