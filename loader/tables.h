/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The writer's side of maps/tables.h: lines of the memory-mapped array that nobody reads.
 *
 * One writer at a time (the switch's lock). Lines are taken, filled, published by storing a root
 * into struct control, and never changed again while a version refers to them.
 */
#ifndef SLUICE_LOADER_TABLES_H
#define SLUICE_LOADER_TABLES_H

#include "loader/sluice.h"
#include "maps/tables.h"

struct extent_list {
	struct extent *extent;
	size_t count;
	size_t room;
};

/* The lines as the writer sees them: the map's memory, or plain memory in tests. */
struct tables {
	struct table_line *lines; /* lines[0]: the writers' note, no packet reads it */
	__u32 count;              /* lines in all */
	__u32 used;               /* lines taken since tables_begin */
	/* What follows is this file's own but for `taken`. */
	struct extent_list taken; /* since tables_begin, in the order they were taken */
	struct extent_list kept;  /* lines that packets may be reading, ascending */
	__u32 running;
	__u32 hole_end; /* from the note's cursor to here nothing is in use */
	bool apart;     /* the next line begins an extent of its own */
	bool waited;    /* a grace period, since tables_begin */
	int failed;     /* why a line could not be had, when it is not for want of room */
};

/* Begins to lay a version beside the running one, whose root is at that line (0: none). */
int tables_begin(struct tables *tables, __u32 running, struct sluice_error *error);
void tables_end(struct tables *tables);
/* Takes count zeroed lines that stand together: their first line number, or 0 when there are no
 * more so many before the last line. */
__u32 tables_take(struct tables *tables, __u32 count);
/* After that: waits for an RCU grace period and begins anew at the first line, with nothing taken.
 * false: that was done already, or can not be. Where nothing is taken yet, tables_take() does it. */
bool tables_again(struct tables *tables);
/* What is taken from here on is listed in extents of its own: the number of the first of them in
 * tables->taken, when there will be one. */
size_t tables_mark(struct tables *tables);
/* Gives back what was taken last, down to used lines in all: a builder may try and try again. */
void tables_give_back(struct tables *tables, __u32 used);
/* The memory of a taken line. */
void *tables_line(const struct tables *tables, __u32 line);
/* A secret of this switch, for hashes that are kept with its versions. */
const __u64 *tables_seed(const struct tables *tables);

/* How many lines a version has. 0 or -ENOMEM. */
int tables_count_lines(const struct table_line *lines, const struct root *root, unsigned int *count);

int extents_add(struct extent_list *list, const struct extent *extent);

#endif
