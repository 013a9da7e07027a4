/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The writers' lock without what sluice_lock does besides.
 */
#ifndef SLUICE_LOADER_LOCK_H
#define SLUICE_LOADER_LOCK_H

#include "loader/state.h"

/* Takes the lock; make: its file may be new. -EBUSY after wait_seconds, -ENOTCONN when the file is
 * not there or was removed while waiting. */
int lock_take(struct sluice *sw, unsigned int wait_seconds, bool make, struct sluice_error *error);
void lock_drop(struct sluice *sw);

#endif
