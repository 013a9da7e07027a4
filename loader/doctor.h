/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list that the doctor's files fill.
 */
#ifndef SLUICE_LOADER_DOCTOR_H
#define SLUICE_LOADER_DOCTOR_H

#include "loader/sluice.h"

struct findings {
	struct sluice_finding *list;
	size_t count;
	bool short_of_memory; /* a finding could not be kept: the list is not to be trusted */
};

/* Adds a finding. text is what was found; remedy one command, or "". */
struct sluice_finding *finding_add(struct findings *findings, enum sluice_finding_level level,
				   const char *subject, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* loader/doctor_device.c: what one interface can do. -ENODEV. */
int doctor_device(struct findings *findings, const char *device, struct sluice_error *error);

/* loader/doctor_flows.c: whether the flow tables of the switches that run in netns (NULL or "": this
 * namespace) have room for what their ports may have. */
void doctor_flows(struct findings *findings, const char *netns);

#endif
