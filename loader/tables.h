/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The writer's side of maps/tables.h: extents of lines in the memory-mapped array.
 *
 * One writer at a time (the switch's lock). An extent is taken, filled, published by storing its
 * root into struct control, and never changed again.
 */
#ifndef SLUICE_LOADER_TABLES_H
#define SLUICE_LOADER_TABLES_H

#include "loader/sluice.h"
#include "maps/tables.h"

/* The lines as the writer sees them: the map's memory, or plain memory in tests. */
struct tables {
	struct table_line *lines; /* lines[0]: the writers' note, no packet reads it */
	__u32 count;              /* lines in all */
	__u32 first;              /* the extent being filled: first..first+used, below limit */
	__u32 used;
	__u32 limit; /* how many lines it may take */
};

/* Starts an extent in the lines that neither the running version (running_first, running_count;
 * 0, 0: none) nor a packet still under way can be reading: behind the running extent, up to where
 * the lines begin that were not yet waited for. Where no room is left, or with from_start, it waits
 * for an RCU grace period and starts the ring anew, on the side of the running extent that has
 * more room. Needs no size: limit is what fits. A build that runs into the limit (-ENOSPC) is begun
 * again with from_start, once. */
int tables_begin(struct tables *tables, __u32 running_first, __u32 running_count, bool from_start,
		 struct sluice_error *error);
/* Takes count zeroed lines of the extent: their first line number, or 0 when it is full. */
__u32 tables_take(struct tables *tables, __u32 count);
/* The memory of a taken line. */
void *tables_line(struct tables *tables, __u32 line);

#endif
