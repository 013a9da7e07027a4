/* SPDX-License-Identifier: BSD-2-Clause */
/* Both directions of the same flows on two CPUs at once: one entry each, and every packet counted. */
#include "tests/harness/talk.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLOWS  200
#define ROUNDS 300

struct worker {
	pthread_t thread;
	struct bpf_switch *sw;
	const struct actor *from;
	const struct actor *to;
	bool forward;
	int cpu;
	int family;
	bool by_flow; /* all packets of a flow in a row, instead of one of each flow in turn */
	unsigned long delivered;
	unsigned long dropped;
	int error;
};

static struct frame packet_of(const struct worker *worker, int flow)
{
	__u16 client = (__u16)(20000 + flow);

	return worker->forward ? datagram(worker->from, worker->to, worker->family, client, 53)
			       : datagram(worker->from, worker->to, worker->family, 53, client);
}

static void send_one(struct worker *worker, const struct frame *frame, unsigned int ifindex)
{
	int verdict;
	int error = try_tc(program_fd(worker->sw, VIA_TC), ifindex, frame, &verdict);

	if (error)
		worker->error = error;
	else if (verdict == TC_ACT_REDIRECT)
		worker->delivered++;
	else
		worker->dropped++;
}

static void *work(void *context)
{
	struct worker *worker = context;
	unsigned int ifindex = actor_ifindex(worker->from);
	struct frame *frames = calloc(FLOWS, sizeof(*frames));
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(worker->cpu, &set);
	if (!frames || sched_setaffinity(0, sizeof(set), &set)) {
		worker->error = -1;
		free(frames);
		return NULL;
	}
	for (int flow = 0; flow < FLOWS; flow++)
		frames[flow] = packet_of(worker, flow);
	for (int i = 0; i < FLOWS * ROUNDS; i++)
		send_one(worker, &frames[worker->by_flow ? i / ROUNDS : i % FLOWS], ifindex);
	free(frames);
	return NULL;
}

static void start(struct worker *worker, int number)
{
	worker->cpu = number % (int)sysconf(_SC_NPROCESSORS_ONLN);
	assert_int_equal(pthread_create(&worker->thread, NULL, work, worker), 0);
}

/* alice and bob talk, each on a CPU of its own where there are two. */
static void talk_at_once(struct bpf_switch *sw, int family, bool by_flow, struct worker *workers)
{
	for (int i = 0; i < 2; i++) {
		workers[i] = (struct worker){ .sw = sw,
					      .from = i ? &bob : &alice,
					      .to = i ? &alice : &bob,
					      .forward = !i,
					      .family = family,
					      .by_flow = by_flow };
		start(&workers[i], i);
	}
}

static void wait_for(struct worker *workers)
{
	for (int i = 0; i < 2; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_int_equal(workers[i].error, 0);
	}
}

static void expect_exact_totals(struct bpf_switch *sw, const struct worker *workers)
{
	unsigned long packets = 0, usage;
	struct sluice_flow *entries;
	size_t count;

	assert_int_equal(workers[0].dropped + workers[1].dropped, 0);
	entries = flow_entries(sw, &count);
	for (size_t i = 0; i < count; i++) {
		packets += entries[i].packets[0] + entries[i].packets[1];
		assert_int_equal(entries[i].packets[0] + entries[i].packets[1], 2 * ROUNDS);
	}
	free(entries);
	usage = sw->flow_usage[bpf_switch_slot(sw, "alice")] +
		sw->flow_usage[bpf_switch_slot(sw, "bob")];
	assert_int_equal(flow_count(sw), FLOWS);
	assert_int_equal(usage, FLOWS);
	assert_int_equal(packets, workers[0].delivered + workers[1].delivered);
}

static void directions_that_race_share_one_entry(void **state)
{
	struct bpf_switch *sw = *state;
	struct worker workers[2];

	FOR_EACH_FAMILY(family)
		for (int by_flow = 0; by_flow < 2; by_flow++) {
			flows_clear(sw);
			talk_at_once(sw, family, by_flow, workers);
			wait_for(workers);
			expect_exact_totals(sw, workers);
		}
}

static void version_switches_lose_no_packet_of_flows_they_do_not_concern(void **state)
{
	struct bpf_switch *sw = *state;
	struct worker workers[2];

	FOR_EACH_FAMILY(family) {
		unsigned int changes = 0;

		flows_clear(sw);
		talk_at_once(sw, family, false, workers);
		while (pthread_tryjoin_np(workers[0].thread, NULL)) {
			TOWN(sw, .bob = "nsg: n",
			     .rest = changes++ % 2
					     ? "nsgs: {n: {}}"
					     : "nsgs: {n: {rules: [{name: other, priority: 100,"
					       " direction: Inbound, access: Deny,"
					       " protocol: Tcp}]}}");
		}
		pthread_join(workers[1].thread, NULL);
		assert_true(changes > 10);
		assert_int_equal(workers[0].error | workers[1].error, 0);
		expect_exact_totals(sw, workers);
	}
}

static void threat_12_quota_holds_when_two_cpus_race_for_its_last_flows(void **state)
{
	struct bpf_switch *sw = *state;
	struct worker workers[2];

	/* Both workers send as alice, to different receivers: 400 flows, room for 150. */
	TOWN(sw, .alice = "flowLimit: 150");
	FOR_EACH_FAMILY(family) {
		flows_clear(sw);
		for (int i = 0; i < 2; i++) {
			workers[i] = (struct worker){ .sw = sw,
						      .from = &alice,
						      .to = i ? &carol : &bob,
						      .forward = true,
						      .family = family };
			start(&workers[i], i);
		}
		wait_for(workers);
		assert_int_equal(flow_count(sw), 150);
		assert_int_equal(sw->flow_usage[bpf_switch_slot(sw, "alice")], 150);
		assert_true(workers[0].delivered + workers[1].delivered >= 150UL * (ROUNDS - 1));
	}
}

/* --- a table so small that everybody wants the same entries --- */

#define CROWDED_BUCKETS 16
#define CROWD           20 /* flows of each CPU a round */
#define CROWDED_ROUNDS  1500

struct crowd {
	pthread_t thread;
	pthread_barrier_t *barrier;
	struct bpf_switch *sw;
	const struct actor *from;
	int cpu;
	int error;
};

static void *crowd_in(void *context)
{
	struct crowd *crowd = context;
	struct worker worker = { .sw = crowd->sw,
				 .from = crowd->from,
				 .to = &carol,
				 .family = AF_INET,
				 .forward = true };
	unsigned int ifindex = actor_ifindex(crowd->from);
	struct frame frames[CROWD];
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(crowd->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		worker.error = -1;
	for (int flow = 0; flow < CROWD; flow++)
		frames[flow] = packet_of(&worker, flow);
	for (int round = 0; round < CROWDED_ROUNDS; round++) {
		pthread_barrier_wait(crowd->barrier);
		for (int flow = 0; flow < CROWD; flow++)
			send_one(&worker, &frames[flow], ifindex);
		pthread_barrier_wait(crowd->barrier);
	}
	crowd->error = worker.error;
	return NULL;
}

/* Different flows, in different stripes of locks, meet in the same buckets. */
static void entries_are_taken_by_one_flow_each(void **state)
{
	struct bpf_switch *sw = *state;
	pthread_barrier_t barrier;
	struct crowd crowds[2];
	unsigned int wrong = 0;

	pthread_barrier_init(&barrier, NULL, 3);
	for (int i = 0; i < 2; i++) {
		crowds[i] = (struct crowd){ .barrier = &barrier,
					    .sw = sw,
					    .from = i ? &bob : &alice,
					    .cpu = i % (int)sysconf(_SC_NPROCESSORS_ONLN) };
		assert_int_equal(pthread_create(&crowds[i].thread, NULL, crowd_in, &crowds[i]), 0);
	}
	for (int round = 0; round < CROWDED_ROUNDS; round++) {
		memset(sw->flows, 0, CROWDED_BUCKETS * sizeof(*sw->flows));
		memset(sw->flow_usage, 0, BPF_SWITCH_SLOTS * sizeof(*sw->flow_usage));
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		wrong += flow_count(sw) != sw->flow_usage[bpf_switch_slot(sw, "alice")] +
						   sw->flow_usage[bpf_switch_slot(sw, "bob")];
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(crowds[i].thread, NULL);
		assert_int_equal(crowds[i].error, 0);
	}
	pthread_barrier_destroy(&barrier);
	assert_int_equal(wrong, 0);
}

static int open_crowded_switch(void **state)
{
	*state = bpf_switch_open(CROWDED_BUCKETS);
	return 0;
}

int main(void)
{
	const struct CMUnitTest crowded[] = { TEST(entries_are_taken_by_one_flow_each) };
	const struct CMUnitTest tests[] = {
		TEST(directions_that_race_share_one_entry),
		TEST(threat_12_quota_holds_when_two_cpus_race_for_its_last_flows),
		TEST(version_switches_lose_no_packet_of_flows_they_do_not_concern),
	};

	return RUN_TESTS(tests) +
	       cmocka_run_group_tests(crowded, open_crowded_switch, close_switch);
}
