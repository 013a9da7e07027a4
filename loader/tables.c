/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines that nobody reads, taken from the first to the last and then from the first again.
 *
 * Whoever writes over a line must know that no packet reads it. A packet reads only the version
 * whose root it found when it began, so once a version is replaced, the packets that still read it
 * are those under way at that moment; an RCU grace period outlasts them all, because XDP and tc
 * programs run inside an RCU read-side section. After a grace period only the version that ran
 * then can have readers; the writer notes its root in line 0, which packets never read, and begins
 * to take lines at the first, around those of that version and of the running one. What it has
 * taken since lies below the note's cursor and is not taken again before the next grace period. A
 * wait is thus paid once a turn, not once a version. A version that comes to the last line begins
 * again after the wait: its lines above the cursor would be nobody's while packets read them.
 *
 * A killed writer leaves a cursor that is too high, never one too low: what it took for a version
 * that never ran is free again in the next turn, because no running version lists it.
 */
#include "loader/tables.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Line 0: the writer's note to the next writer, who may be another process. It stands at the end,
 * so that the line says version 0 to whoever takes "no root" for a root. */
struct tables_note {
	__u8 padding[40];
	__u64 seed[2];
	__u32 cursor; /* lines below may be read unless they are in no version; 0: none was taken */
	__u32 waited; /* root of the version that ran at the last grace period; 0: none */
};

_Static_assert(sizeof(struct tables_note) == SLUICE_CACHE_LINE, "the note is line 0");

static struct tables_note *note_of(const struct tables *tables)
{
	return (struct tables_note *)tables->lines;
}

/*
 * The kernel waits for a grace period before an update of a map of maps returns, so that user
 * space can let go of the map it took out (kernel/bpf/syscall.c, maybe_wait_bpf_programs).
 */
static int wait_by_map_of_maps(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, options);
	int inner, outer = -1, result = 0;
	__u32 key = 0;

	inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "sluice_inner", 4, 4, 1, NULL);
	if (inner < 0)
		return -errno;
	options.inner_map_fd = inner;
	outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "sluice_wait", 4, 4, 1, &options);
	if (outer < 0 || bpf_map_update_elem(outer, &key, &inner, BPF_ANY))
		result = -errno;
	if (outer >= 0)
		close(outer);
	close(inner);
	return result;
}

/*
 * Returns when every packet that was under way at the call is through. MEMBARRIER_CMD_GLOBAL is
 * synchronize_rcu() with more than one CPU online. With one CPU it does nothing, and need not: a
 * program runs there with softirqs off, from start to end while this thread does not run.
 * Kernels with nohz_full CPUs refuse it; they get the slower way.
 */
static int wait_for_packets(struct sluice_error *error)
{
	int result;

	if (!syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		return 0;
	result = wait_by_map_of_maps();
	if (result)
		return sluice_error_set(error, result,
					"cannot wait for packets under way (membarrier and a map "
					"of maps both failed): %s",
					strerror(-result));
	return 0;
}

/* --- lists of extents --- */

int extents_add(struct extent_list *list, const struct extent *extent)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		struct extent *more = reallocarray(list->extent, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->extent = more;
		list->room = room;
	}
	list->extent[list->count++] = *extent;
	return 0;
}

static int compare_first(const void *a, const void *b)
{
	const struct extent *left = a, *right = b;

	return (left->first > right->first) - (left->first < right->first);
}

/* Adds what the version of a root consists of. */
static int keep_version(struct tables *tables, __u32 line)
{
	const struct root *root = tables_line(tables, line);
	const struct extent *extents;
	int result = 0;

	if (!line)
		return 0;
	extents = tables_line(tables, root->extents);
	for (__u32 i = 0; i < root->extent_count && !result; i++)
		result = extents_add(&tables->kept, &extents[i]);
	return result;
}

/* Lists what packets may be reading and may not be found below the cursor. */
static int list_kept(struct tables *tables)
{
	const struct tables_note *note = note_of(tables);
	int result;

	tables->kept.count = 0;
	tables->hole_end = 0;
	result = keep_version(tables, tables->running);
	if (!result && note->waited != tables->running)
		result = keep_version(tables, note->waited);
	if (!result && tables->kept.count)
		qsort(tables->kept.extent, tables->kept.count, sizeof(*tables->kept.extent),
		      compare_first);
	return result;
}

/* --- taking lines --- */

int tables_begin(struct tables *tables, __u32 running, struct sluice_error *error)
{
	struct tables_note *note = note_of(tables);

	tables->used = 0;
	tables->taken.count = 0;
	tables->running = running;
	tables->apart = false;
	tables->waited = false;
	tables->failed = 0;
	if (!note->seed[0] && getrandom(note->seed, sizeof(note->seed), 0) != sizeof(note->seed))
		return sluice_error_set(error, -EIO, "no random numbers");
	if (list_kept(tables))
		return sluice_error_set(error, -ENOMEM, "out of memory");
	return 0;
}

void tables_end(struct tables *tables)
{
	free(tables->taken.extent);
	free(tables->kept.extent);
	tables->taken = (struct extent_list){};
	tables->kept = (struct extent_list){};
}

/* Moves *first behind the extents of a list that the lines would overlap; whether it moved. */
static bool step_over(const struct extent_list *list, __u64 *first, __u32 count)
{
	bool moved = false;

	for (size_t i = 0; i < list->count; i++) {
		const struct extent *extent = &list->extent[i];
		__u64 end = (__u64)extent->first + extent->count;

		if (*first < end && extent->first < *first + count) {
			*first = end;
			moved = true;
		}
	}
	return moved;
}

static __u32 first_in_use(const struct tables *tables, __u32 from)
{
	const struct extent_list *const lists[] = { &tables->kept, &tables->taken };
	__u32 first = tables->count;

	for (size_t list = 0; list < 2; list++)
		for (size_t i = 0; i < lists[list]->count; i++)
			if (lists[list]->extent[i].first >= from &&
			    lists[list]->extent[i].first < first)
				first = lists[list]->extent[i].first;
	return first;
}

/* The first line from the cursor on that begins count free ones, or 0. */
static __u32 find_hole(struct tables *tables, __u32 count)
{
	const struct tables_note *note = note_of(tables);
	__u64 first = note->cursor ? note->cursor : 1;

	if (first + count <= tables->hole_end)
		return (__u32)first;
	while (step_over(&tables->kept, &first, count) || step_over(&tables->taken, &first, count))
		;
	if (first + count > tables->count)
		return 0;
	tables->hole_end = first_in_use(tables, (__u32)first);
	return (__u32)first;
}

/* Waits until only the running version can have readers, and begins at the first line again. */
static int begin_turn(struct tables *tables)
{
	struct tables_note *note = note_of(tables);
	int result = wait_for_packets(NULL);

	if (result)
		return result;
	/* In this order: between the two, what is kept is kept. */
	__atomic_store_n(&note->waited, tables->running, __ATOMIC_RELEASE);
	__atomic_store_n(&note->cursor, 1, __ATOMIC_RELEASE);
	tables->waited = true;
	return list_kept(tables);
}

static int note_taken(struct tables *tables, const struct extent *extent)
{
	struct extent_list *taken = &tables->taken;
	struct extent *last = taken->count ? &taken->extent[taken->count - 1] : NULL;

	if (last && !tables->apart && last->first + last->count == extent->first) {
		last->count += extent->count;
		return 0;
	}
	tables->apart = false;
	return extents_add(taken, extent);
}

__u32 tables_take(struct tables *tables, __u32 count)
{
	struct tables_note *note = note_of(tables);
	__u32 first;

	if (!count || count >= tables->count)
		return 0;
	first = find_hole(tables, count);
	if (!first && !tables->waited && !tables->taken.count) {
		tables->failed = begin_turn(tables);
		first = tables->failed ? 0 : find_hole(tables, count);
	}
	if (!first)
		return 0;
	tables->failed = note_taken(tables, &(struct extent){ first, count });
	if (tables->failed)
		return 0;
	__atomic_store_n(&note->cursor, first + count, __ATOMIC_RELEASE);
	tables->used += count;
	memset(&tables->lines[first], 0, (size_t)count * sizeof(*tables->lines));
	return first;
}

bool tables_again(struct tables *tables)
{
	if (tables->waited || tables->failed)
		return false;
	tables->used = 0;
	tables->taken.count = 0;
	tables->apart = false;
	tables->failed = begin_turn(tables);
	return !tables->failed;
}

void tables_give_back(struct tables *tables, __u32 used)
{
	struct tables_note *note = note_of(tables);
	struct extent_list *taken = &tables->taken;

	while (tables->used > used) {
		struct extent *last = &taken->extent[taken->count - 1];
		__u32 back = tables->used - used;

		if (back > last->count)
			back = last->count;
		last->count -= back;
		tables->used -= back;
		/* No packet has read them, so the cursor may go back. */
		__atomic_store_n(&note->cursor, last->first + last->count, __ATOMIC_RELEASE);
		if (!last->count) {
			taken->count--;
			tables->apart = true; /* as the one given back may have been */
		}
	}
	tables->hole_end = 0;
}

size_t tables_mark(struct tables *tables)
{
	tables->apart = true;
	return tables->taken.count;
}

void *tables_line(const struct tables *tables, __u32 line)
{
	return &tables->lines[line];
}

const __u64 *tables_seed(const struct tables *tables)
{
	return note_of(tables)->seed;
}

/* Several policies may name the same extent. */
int tables_count_lines(const struct table_line *lines, const struct root *root, unsigned int *count)
{
	struct extent *sorted = malloc((root->extent_count + 1) * sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, &lines[root->extents], root->extent_count * sizeof(*sorted));
	qsort(sorted, root->extent_count, sizeof(*sorted), compare_first);
	*count = 0;
	for (__u32 i = 0; i < root->extent_count; i++)
		if (!i || sorted[i].first != sorted[i - 1].first)
			*count += sorted[i].count;
	free(sorted);
	return 0;
}
