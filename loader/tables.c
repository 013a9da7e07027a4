/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extents of lines, taken around the array like a ring.
 *
 * Whoever writes over a line must know that no packet reads it. A packet reads only the version
 * whose root it found when it began, so once a version is replaced, the packets that still read it
 * are those under way at that moment; an RCU grace period outlasts them all, because XDP and tc
 * programs run inside an RCU read-side section. After a grace period only the running extent
 * can have readers. The writer notes in line 0, which packets never read, where that extent began:
 * extents laid behind it need no wait until they come round to that line, and then one grace
 * period frees the whole ring again. A wait is thus paid once a turn, not once a version.
 */
#include "loader/tables.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Line 0: the writer's note to the next writer, who may be another process. It stands at the end,
 * so that the line says version 0 to whoever takes "no root" for a root. */
struct tables_note {
	__u8 padding[56];
	__u32 in_use;        /* a version was laid before */
	__u32 unwaited_from; /* lines from here on may still have readers; 0: none in this turn */
};

_Static_assert(sizeof(struct tables_note) == SLUICE_CACHE_LINE, "the note is line 0");

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

/* Lines behind the running extent that no packet can be reading. */
static __u32 lines_behind(const struct tables *tables, const struct tables_note *note, __u32 first)
{
	if (note->unwaited_from >= first)
		return note->unwaited_from - first;
	return first < tables->count ? tables->count - first : 0;
}

int tables_begin(struct tables *tables, __u32 running_first, __u32 running_count, bool from_start,
		 struct sluice_error *error)
{
	struct tables_note *note = (struct tables_note *)tables->lines;
	__u32 behind = running_first + running_count;
	bool wait =
		running_count ? from_start || !lines_behind(tables, note, behind) : note->in_use;
	int result;

	if (wait) {
		result = wait_for_packets(error);
		if (result)
			return result;
		note->unwaited_from = running_first;
	}
	note->in_use = 1;
	tables->used = 0;
	if (!running_count) {
		tables->first = 1;
		tables->limit = tables->count - 1;
	} else if (wait && running_first - 1 > tables->count - behind) {
		tables->first = 1;
		tables->limit = running_first - 1;
	} else {
		tables->first = behind;
		tables->limit = wait ? tables->count - behind : lines_behind(tables, note, behind);
	}
	return 0;
}

__u32 tables_take(struct tables *tables, __u32 count)
{
	__u32 line = tables->first + tables->used;

	if (!count || count > tables->limit - tables->used)
		return 0;
	memset(&tables->lines[line], 0, (size_t)count * sizeof(*tables->lines));
	tables->used += count;
	return line;
}

void *tables_line(struct tables *tables, __u32 line)
{
	return &tables->lines[line];
}
