/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sweep: how long the sweeper of old flows holds a CPU, and how soon quotas come back.
 *
 * sweep [--assert] [--flows N]: fills a table of that many flows, a power of two (2,097,152), with
 * flows whose time is out, all of one port, and watches the sweeper free the first quarter of them. With
 * --assert it exits 1 when a stretch is longer than MOST_BUCKETS; how long that takes is for people to
 * read.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bpf/sluice.skel.h"
#include "tests/harness/talk.h"

#define MOST_SAMPLES 100000
#define MOST_BUCKETS 256

static double samples[MOST_SAMPLES];

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct sweep_progress read_sweep(const struct bpf_switch *sw)
{
	struct {
		struct bpf_timer timer;
		struct sweep_progress progress;
	} sweep;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(sw->skeleton->maps.flow_sweeper), &zero, &sweep))
		fail_msg("flow_sweeper: %s", strerror(errno));
	return sweep.progress;
}

static void fill(struct bpf_switch *sw, __u32 owner)
{
	for (__u32 bucket = 0; bucket < sw->flow_buckets; bucket++)
		for (int way = 0; way < FLOWS_PER_BUCKET; way++) {
			struct flow *flow = &sw->flows[bucket].way[way];

			flow->state = FLOW_UDP;
			flow->slot[0] = (__u16)owner;
		}
	sw->flow_usage[owner] = (__u64)sw->flow_buckets * FLOWS_PER_BUCKET;
}

/* Until a quarter of the table is swept: how many samples there are. */
static int watch(struct bpf_switch *sw, double deadline)
{
	__u32 seen = 0;
	int count = 0;

	for (;;) {
		struct sweep_progress sweep = read_sweep(sw);

		if (sweep.stretches != seen && count < MOST_SAMPLES)
			samples[count++] = sweep.last_ns / 1e3;
		seen = sweep.stretches;
		if (sweep.next_bucket >= sw->flow_buckets / 4)
			return count;
		if (seconds_now() > deadline)
			fail_msg("after a minute the sweeper is at bucket %u", sweep.next_bucket);
		usleep(500);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The number of flows to try with; 0: the command line is wrong. */
static unsigned long read_options(int count, char **arguments, bool *assert_limit)
{
	unsigned long flows = 1UL << 21;

	for (int i = 1; i < count; i++) {
		if (!strcmp(arguments[i], "--assert"))
			*assert_limit = true;
		else if (!strcmp(arguments[i], "--flows") && i + 1 < count)
			flows = strtoul(arguments[++i], NULL, 10);
		else
			return 0;
	}
	return flows < 4096 || flows > SLUICE_MOST_FLOWS || flows & (flows - 1) ? 0 : flows;
}

int main(int argument_count, char **arguments)
{
	bool assert_limit = false;
	unsigned long flows = read_options(argument_count, arguments, &assert_limit), freed;
	struct sweep_progress sweep;
	struct frame anything;
	struct bpf_switch *sw;
	double begin, seconds, middle;
	__u32 owner, stretch;
	int count;

	if (!flows) {
		fprintf(stderr, "usage: sweep [--assert] [--flows N], a power of two, 4096..%u\n",
			SLUICE_MOST_FLOWS);
		return 1;
	}
	sw = bpf_switch_open((__u32)(flows / FLOWS_PER_BUCKET));
	TOWN(sw, NULL);
	owner = bpf_switch_slot(sw, "alice");
	fill(sw, owner);
	anything = datagram(&alice, &bob, AF_INET, 1, 53);
	begin = seconds_now();
	run_tc(bpf_program__fd(sw->skeleton->progs.sluice_start), 0, &anything, NULL);
	count = watch(sw, begin + 60);
	seconds = (seconds_now() - begin) * 4;
	freed = flows - sw->flow_usage[owner];
	sweep = read_sweep(sw);
	sw->control->sweep_generation++;
	bpf_switch_close(sw);
	if (freed < flows / 4 || !count)
		fail_msg("%lu of %lu flows were freed, in %d samples", freed, flows, count);
	qsort(samples, (size_t)count, sizeof(*samples), compare);
	middle = samples[count / 2];
	stretch = sweep.next_bucket / sweep.stretches;
	printf("%lu flows, all of them to be freed: %u buckets a stretch, which holds a CPU for "
	       "%.0f us (median of %d; longest %.0f), %.1f %% of its time; once round in %.1f s\n",
	       flows, stretch, middle, count, samples[count - 1],
	       middle * sweep.stretches * 4 / seconds / 1e4, seconds);
	if (assert_limit && stretch > MOST_BUCKETS) {
		fprintf(stderr, "the limit is %u buckets\n", MOST_BUCKETS);
		return 1;
	}
	return 0;
}
