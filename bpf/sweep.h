/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The sweeper: a kernel timer frees flows whose time is out, a stretch of buckets at each tick, so
 * that quotas come back although no process runs. It lives in a pinned map and holds its program.
 */
#ifndef SLUICE_BPF_SWEEP_H
#define SLUICE_BPF_SWEEP_H

#include "bpf/flow_table.h"

/* Once round in ten seconds. No stretch is longer than SWEEP_MOST buckets, so that it holds its CPU
 * for some ten microseconds and packets wait no longer for it whatever the table's size: a larger
 * table has its stretches more often. */
#define SWEEP_INTERVAL_NS 20000000ULL
#define SWEEP_STRETCHES   512
#define SWEEP_MOST        256
#define SWEEP_CLOCK       1    /* CLOCK_MONOTONIC */
#define SWEEP_NO_MAP      (-2) /* -ENOENT; other failures are the kernel's */

struct sweep_walk {
	__u32 first;
	__u32 mask;
	__u32 now;
};

static long sweep_bucket(__u32 index, void *context)
{
	const struct sweep_walk *walk = context;
	__u32 at = (walk->first + index) & walk->mask;
	struct flow_bucket *bucket = bpf_map_lookup_elem(&flows, &at);

	if (!bucket)
		return 1;
	for (int i = 0; i < FLOWS_PER_BUCKET; i++) {
		struct flow *flow = &bucket->way[i];
		__u32 claim = READ_ONCE(flow->claim);

		barrier();
		if (flow->state != FLOW_FREE &&
		    !flow_lives(flow->state, flow->last_seen, walk->now))
			flow_free(flow, claim);
	}
	return 0;
}

static int sweep_tick(void *map, __u32 *key, struct flow_sweep *sweep)
{
	const struct control *control = control_get();
	struct sweep_walk walk = {
		.first = sweep->progress.next_bucket,
		.mask = flow_bucket_mask(),
		.now = bpf_ktime_get_coarse_ns() >> FLOW_TICK_SHIFT,
	};
	__u32 stretch = walk.mask / SWEEP_STRETCHES + 1;
	__u64 interval = SWEEP_INTERVAL_NS, begin = bpf_ktime_get_ns();

	/* Another program's timer has taken over. */
	if (!control || control->sweep_generation != sweep->progress.generation)
		return 0;
	if (stretch > SWEEP_MOST) {
		interval = interval * SWEEP_MOST / stretch;
		stretch = SWEEP_MOST;
	}
	bpf_loop(stretch, sweep_bucket, &walk, 0);
	sweep->progress.next_bucket = (walk.first + stretch) & walk.mask;
	sweep->progress.last_ns = bpf_ktime_get_ns() - begin;
	sweep->progress.stretches++;
	bpf_timer_start(&sweep->timer, interval, 0);
	return 0;
}

/* Arms the timer, or hands it to this program if an older one had armed it. Returns 0 or -errno.*/
static __always_inline int start_sweep(void)
{
	__u32 zero = 0;
	struct flow_sweep *sweep = bpf_map_lookup_elem(&flow_sweeper, &zero);
	const struct control *control = control_get();
	long error;

	if (!sweep || !control)
		return SWEEP_NO_MAP;
	/* It fails when the timer was made before, and then the next call says whether it is good. */
	bpf_timer_init(&sweep->timer, &flow_sweeper, SWEEP_CLOCK);
	error = bpf_timer_set_callback(&sweep->timer, sweep_tick);
	if (error)
		return error;
	sweep->progress.generation = control->sweep_generation;
	return bpf_timer_start(&sweep->timer, SWEEP_INTERVAL_NS, 0);
}

#endif
