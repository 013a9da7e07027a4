/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A survey of a host: what the doctor's files found so far, and where they look.
 *
 * Everything that the kernel shows in files is read below one root, so that hosts with hardware that
 * is not here can be laid out in a directory and surveyed.
 */
#ifndef SLUICE_LOADER_SURVEY_H
#define SLUICE_LOADER_SURVEY_H

#include "loader/sluice.h"

struct survey {
	const char *root; /* stands before /sys, /proc and /run; "" on the real host */
	struct sluice_finding *list;
	size_t count;
	bool short_of_memory; /* a finding could not be kept: the list is not to be trusted */
};

/* Adds a finding. remedy: one command, or "". */
void finding_add(struct survey *survey, enum sluice_finding_level level, const char *subject,
		 const char *remedy, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The same about one device: its subject is "DEVICE: what". */
void device_finding_add(struct survey *survey, const char *device, enum sluice_finding_level level,
			const char *what, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* Files by their path on the host, printf-style. All are false (or 0) for what is not there. */

bool survey_has(const struct survey *survey, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The first line without its end. */
bool survey_text(const struct survey *survey, char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
bool survey_number(const struct survey *survey, long long *number, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The last part of what a symbolic link leads to. */
bool survey_link(const struct survey *survey, char *name, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The whole, to be closed by the caller; NULL. */
FILE *survey_open(const struct survey *survey, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Calls visit with the name of each entry of a directory, in the order of their names, until it
 * returns false. Returns how many entries there are. */
size_t survey_each(const struct survey *survey, bool (*visit)(const char *entry, void *context),
		   void *context, const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
