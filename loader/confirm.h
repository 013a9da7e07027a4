/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pending rollback: a file that says what comes back when, and a process that waits for it.
 */
#ifndef SLUICE_LOADER_CONFIRM_H
#define SLUICE_LOADER_CONFIRM_H

#include "loader/switch.h"

/* The version a pending rollback would bring back, or 0. Its file must be kept. */
unsigned int confirm_target(const struct sluice *sw);

#endif
