/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/harness/feeder.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bpf/sluice.skel.h"
#include "tests/harness/feed.h"
#include "tests/harness/feed.skel.h"

struct feed {
	struct feed_bpf *skeleton;
	struct feed_headers *headers;
	size_t size; /* of headers, in bytes */
	__u64 *times;
	size_t times_size;
	struct bpf_switch *sw;
	struct feed_turn *turns;
	__u32 room;
	__u32 used;
};

static void *map_memory(const struct bpf_map *map, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (memory == MAP_FAILED)
		fail_msg("mmap of map %s: %s", bpf_map__name(map), strerror(errno));
	return memory;
}

static void go_on_with(const struct bpf_map *map, int program)
{
	__u32 zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(map), &zero, &program, 0))
		fail_msg("%s: %s", bpf_map__name(map), strerror(errno));
}

void feed_switch(struct feed *feed, bool to_switch)
{
	const struct feed_bpf *skeleton = feed->skeleton;

	go_on_with(skeleton->maps.feed_xdp_to,
		   to_switch ? program_fd(feed->sw, VIA_XDP)
			     : bpf_program__fd(skeleton->progs.feed_nothing_xdp));
	go_on_with(skeleton->maps.feed_tc_to,
		   to_switch ? program_fd(feed->sw, VIA_TC)
			     : bpf_program__fd(skeleton->progs.feed_nothing_tc));
}

const __u64 *feed_times(const struct feed *feed)
{
	return feed->times;
}

struct feed *feed_open(struct bpf_switch *sw, __u32 headers)
{
	struct feed *feed = calloc(1, sizeof(*feed));

	assert_non_null(feed);
	feed->room = headers;
	feed->sw = sw;
	feed->skeleton = feed_bpf__open();
	if (!feed->skeleton)
		fail_msg("the feed does not open: %s", strerror(errno));
	bpf_map__set_max_entries(feed->skeleton->maps.feed_headers, headers);
	bpf_map__set_max_entries(feed->skeleton->maps.feed_times, headers);
	if (feed_bpf__load(feed->skeleton))
		fail_msg("the feed does not load: %s", strerror(errno));
	feed->size = (headers * sizeof(struct feed_headers) + 4095) & ~4095UL;
	feed->headers = map_memory(feed->skeleton->maps.feed_headers, feed->size);
	feed->turns = map_memory(feed->skeleton->maps.feed_turns, 4096);
	feed->times_size = (headers * sizeof(*feed->times) + 4095) & ~4095UL;
	feed->times = map_memory(feed->skeleton->maps.feed_times, feed->times_size);
	feed_switch(feed, true);
	return feed;
}

void feed_close(struct feed *feed)
{
	munmap(feed->headers, feed->size);
	munmap(feed->turns, 4096);
	munmap(feed->times, feed->times_size);
	feed_bpf__destroy(feed->skeleton);
	free(feed);
}

__u32 feed_add(struct feed *feed, const struct frame *frame)
{
	assert_true(feed->used < feed->room);
	memcpy(&feed->headers[feed->used], frame->bytes, sizeof(*feed->headers));
	return feed->used++;
}

void feed_clear(struct feed *feed)
{
	feed->used = 0;
}

static int run(struct feeder *feeder)
{
	struct __sk_buff skb = { .ifindex = actor_ifindex(feeder->from) };
	struct xdp_md xdp = { .data_end = (__u32)feeder->length, .ingress_ifindex = skb.ifindex };
	bool tc = feeder->via == VIA_TC;
	struct feed_bpf *skeleton = feeder->feed->skeleton;
	struct frame frame = { .length = feeder->length };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.bytes,
		    .data_size_in = (__u32)frame.length, .repeat = feeder->repeat,
		    .ctx_in = tc ? (void *)&skb : (void *)&xdp,
		    .ctx_size_in = tc ? sizeof(skb) : sizeof(xdp));
	int program = bpf_program__fd(tc ? skeleton->progs.feed_tc : skeleton->progs.feed_xdp);

	/* The kernel looks at the headers of what is to become an skb. */
	memcpy(frame.bytes, &feeder->feed->headers[feeder->first], sizeof(struct feed_headers));
	memcpy(frame.bytes + FEED_NUMBER, &feeder->turn, sizeof(feeder->turn));
	do {
		if (bpf_prog_test_run_opts(program, &options))
			return -errno;
	} while (feeder->stop && !__atomic_load_n(feeder->stop, __ATOMIC_RELAXED));
	feeder->ns = options.duration;
	return 0;
}

static void prepare(struct feed *feed, struct feeder *feeder, __u32 number)
{
	assert_true(number < FEED_FEEDERS && feeder->length >= FEED_NUMBER + sizeof(number));
	feeder->feed = feed;
	feeder->turn = number;
	feed->turns[number] = (struct feed_turn){
		.first = feeder->first,
		.mask = feeder->count - 1,
		.step = feeder->step ? feeder->step : 1,
		.ports = feeder->ports,
		.number = feeder->number,
		.number_mask = feeder->numbers - 1,
		.timed = feeder->timed,
	};
}

static void *run_pinned(void *context)
{
	struct feeder *feeder = context;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(feeder->cpu, &set);
	feeder->error = sched_setaffinity(0, sizeof(set), &set) ? -errno : run(feeder);
	return NULL;
}

void feed_start(struct feed *feed, struct feeder *feeder, __u32 number)
{
	prepare(feed, feeder, number);
	assert_int_equal(pthread_create(&feeder->thread, NULL, run_pinned, feeder), 0);
}

void feed_join(struct feeder *feeder)
{
	pthread_join(feeder->thread, NULL);
	if (feeder->error)
		fail_msg("a feeder's test run: %s", strerror(-feeder->error));
}

__u32 feed_sent(const struct feed *feed, __u32 number)
{
	const struct feed_turn *turn = &feed->turns[number];

	return __atomic_load_n(&turn->at, __ATOMIC_RELAXED) / turn->step;
}

void feed_all(struct feed *feed, struct feeder *feeders, int count)
{
	for (int i = 0; i < count; i++)
		feed_start(feed, &feeders[i], (__u32)i);
	for (int i = 0; i < count; i++)
		feed_join(&feeders[i]);
}

double feed_one(struct feed *feed, struct feeder *feeder, __u32 number)
{
	int error;

	prepare(feed, feeder, number);
	error = run(feeder);
	if (error)
		fail_msg("a feeder's test run: %s", strerror(-error));
	return feeder->ns;
}
