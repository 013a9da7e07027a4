/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of sluice_status_get(). */
#ifndef SLUICE_LOADER_STATUS_H
#define SLUICE_LOADER_STATUS_H

#include "loader/device.h"

/* Fills `placed` of uplinks and ports, whose devices are known. */
void status_queues(const struct sluice_config *config, const struct devices *devices,
		   struct sluice_status *status);

#endif
