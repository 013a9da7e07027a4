/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key `cpus` of uplinks and ports: which CPUs do the work that a device's frames make.
 *
 *   STATE/cpus.json  what was set so, and what was there before
 *
 * A device with interrupts of its own has these spread over the CPUs, one CPU each. At a device of
 * software RPS hands received frames to the CPUs, before the switch's program sees them; native XDP
 * there is run by whoever sends, which nothing can move.
 *
 * Only what still stands as it was set is put back: others may have set it since, and an interrupt's
 * number may be another device's by now.
 */
#ifndef SLUICE_LOADER_CPUS_H
#define SLUICE_LOADER_CPUS_H

#include "loader/attach.h"
#include "loader/queues.h"

/* One file, and what is in it. */
struct cpu_setting {
	bool interrupt;        /* of an interrupt; else of RPS at one of a device's queues */
	unsigned int number;   /* of either */
	char device[IFNAMSIZ];
	cpu_set_t cpus;        /* as it is set */
	cpu_set_t was;         /* before */
};

struct cpu_settings {
	struct cpu_setting *list;
	size_t count;
};

void cpu_settings_free(struct cpu_settings *settings);
/* The setting of the same file, or NULL. */
const struct cpu_setting *cpu_settings_find(const struct cpu_settings *settings,
					    const struct cpu_setting *sought);

/* "node", or a list of CPUs as cpu_list_text() writes it into canonical (TEXT_MAX bytes). */
int cpus_check(const char *text, char *canonical, struct sluice_error *error);

/* --- loader/cpus.c: on any host, be it laid out in files --- */

/* Adds what a device has to be set to, by the key's text. home: the bus address of the NIC whose node
 * is meant by "node" when the device names none itself; "": there is none. */
int cpu_settings_want(const struct queue_view *view, const struct queue_owner *owner,
		      const char *text, const char *home, struct cpu_settings *wanted,
		      struct sluice_error *error);
/* Fills `was` of each: from record where it is known there, else from its file. */
int cpu_settings_note(const struct queue_view *view, const struct cpu_settings *record,
		      struct cpu_settings *wanted, struct sluice_error *error);
/* Writes the files that are not as they should be. */
int cpu_settings_put(const struct queue_view *view, const struct cpu_settings *wanted,
		     struct sluice_error *error);
/* Writes what was there before into the files of record that are not among kept. */
int cpu_settings_put_back(const struct queue_view *view, const struct cpu_settings *record,
			  const struct cpu_settings *kept, struct sluice_error *error);
bool cpu_settings_in_place(const struct queue_view *view, const struct cpu_settings *wanted);

/* --- loader/cpus_switch.c: of a switch --- */

/* Sets what config asks for; attachments are those of its ports and uplinks, in its order. */
int cpus_put_all(const struct sluice *sw, const struct sluice_config *config,
		 const struct devices *devices, const struct attachments *attachments,
		 struct sluice_error *error);
/* Puts back what config (NULL: no document) does not ask for. */
int cpus_put_back_others(const struct sluice *sw, const struct sluice_config *config,
			 const struct devices *devices, const struct attachments *attachments,
			 struct sluice_error *error);
/* Whether all is as config asks. */
bool cpus_in_place(const struct sluice_config *config, const struct devices *devices,
		   const struct attachments *attachments);

#endif
