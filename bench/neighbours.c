/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neighbours: what one port's flood costs the others.
 *
 * neighbours [--assert] [--rounds N]: nanoseconds a packet of a neighbour, of flows that it has and
 * of flows that it begins, while another port
 *   is silent,
 *   talks as fast as it can on all the flows that its quota allows, which any port may do,
 *   begins flows as fast as it can, below its quota,
 *   goes on with that at its quota, which is half of the table;
 * on another CPU at the same time, or in turns with the neighbour on the same one. A table, and
 * $BUILD/bench-neighbours.json. With --assert it exits 1 when the flood, in the median of the rounds,
 * costs the neighbour more than LIMIT times what talking costs it.
 *
 * What is measured includes the feeding of the packets, the same in all cases.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/feeder.h"
#include "tests/harness/statistics.h"

#define BUCKETS     32768  /* the table has its usual size */
#define QUOTA       131072 /* flows of the other port */
#define FLOWS       4096   /* of the neighbour */
#define ESTABLISHED 100000 /* packets a sample */
#define BEGUN       20000
#define CHUNK       4096 /* packets a turn, on one CPU */
#define MOST_ROUNDS 64
#define LIMIT       1.5

enum neighbour {
	KNOWN,
	NEW,
	NEIGHBOURS
};
enum other {
	SILENT,
	TALKING,
	FLOODING,
	REFUSED,
	OTHERS
};
enum place {
	SAME_CPU,
	OTHER_CPU,
	PLACES
};

static const char *const neighbour_names[NEIGHBOURS] = { "established", "new flow" };
static const char *const neighbour_keys[NEIGHBOURS] = { "established", "newFlow" };
static const char *const other_names[OTHERS] = { "silent", "talking", "flooding", "at its quota" };
static const char *const other_keys[OTHERS] = { "silent", "talking", "flooding", "atQuota" };
static const char *const place_names[PLACES] = { "same CPU", "other CPU" };
static const char *const place_keys[PLACES] = { "sameCpu", "otherCpu" };

struct bench {
	struct bpf_switch *sw;
	struct feed *feed;
	struct feeder known[2]; /* of the neighbour, bob, and of the other, alice */
	struct feeder begins[2];
	double ns[PLACES][NEIGHBOURS][OTHERS][MOST_ROUNDS];
	int places;
	int rounds;
};

/* numbers: how many flows; 0: a new one each packet. */
static struct feeder port_feeder(struct bench *bench, const struct actor *from, __u32 numbers)
{
	struct frame frame = SAY(.from = from, .to = &carol, .family = AF_INET, .payload = 60,
				 .source_port = 20000, .destination_port = 53);

	return (struct feeder){ .from = from,
				.via = VIA_TC,
				.first = feed_add(bench->feed, &frame),
				.count = 1,
				.ports = 34,
				.number = numbers ? 0 : 1 << 24,
				.numbers = numbers,
				.length = frame.length };
}

static void open_bench(struct bench *bench)
{
	bench->sw = bpf_switch_open(BUCKETS);
	/* Any source port, a DHCP server's too. */
	TOWN(bench->sw, .alice = "flowLimit: 131072, guards: {dhcpServer: allow}",
	     .bob = "flowLimit: 1000000, guards: {dhcpServer: allow}");
	bench->feed = feed_open(bench->sw, 4);
	bench->known[0] = port_feeder(bench, &bob, FLOWS);
	bench->known[1] = port_feeder(bench, &alice, QUOTA);
	bench->begins[0] = port_feeder(bench, &bob, 0);
	bench->begins[1] = port_feeder(bench, &alice, 0);
	bench->places = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? PLACES : 1;
}

static __u64 usage(const struct bench *bench, const struct actor *actor)
{
	return bench->sw->flow_usage[bpf_switch_slot(bench->sw, actor->name)];
}

/* Runs a feeder here and now; its new flows go on where the last ones ended. */
static double feed_some(struct bench *bench, struct feeder *feeder, int packets)
{
	feeder->repeat = packets;
	feeder->stop = NULL;
	feed_one(bench->feed, feeder, feeder->from == &alice);
	if (!feeder->numbers)
		feeder->number += (__u32)packets;
	return feeder->ns;
}

/* The table as the other has made it. */
static struct feeder *prepare(struct bench *bench, enum other other)
{
	flows_clear(bench->sw);
	feed_some(bench, &bench->known[0], FLOWS);
	if (other == TALKING || other == REFUSED) {
		feed_some(bench, &bench->known[1], QUOTA);
		if (usage(bench, &alice) != QUOTA)
			fail_msg("only %llu flows of %d came to be", usage(bench, &alice), QUOTA);
	}
	return other == SILENT ? NULL : &(other == TALKING ? bench->known : bench->begins)[1];
}

static double in_turns(struct bench *bench, struct feeder *neighbour, struct feeder *other,
		       int packets)
{
	double sum = 0;
	int turns = packets / CHUNK;

	for (int i = 0; i < turns; i++) {
		if (other)
			feed_some(bench, other, CHUNK);
		sum += feed_some(bench, neighbour, CHUNK);
	}
	return sum / turns;
}

/* 0: the other hardly ran meanwhile. */
static double at_once(struct bench *bench, struct feeder *neighbour, struct feeder *other,
		      int packets)
{
	__u32 sent = 0;
	bool stop = false;
	double ns;

	if (!other)
		return feed_some(bench, neighbour, packets);
	other->stop = &stop;
	other->cpu = 1;
	other->repeat = CHUNK;
	feed_start(bench->feed, other, 1);
	while (!feed_sent(bench->feed, 1))
		sched_yield();
	sent = feed_sent(bench->feed, 1);
	ns = feed_some(bench, neighbour, packets);
	sent = feed_sent(bench->feed, 1) - sent;
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	feed_join(other);
	return sent < (__u32)packets / 32 ? 0 : ns;
}

static double try_sample(struct bench *bench, enum place place, enum neighbour what,
			 enum other other)
{
	struct feeder *neighbour = &(what == KNOWN ? bench->known : bench->begins)[0];
	struct feeder *beside = prepare(bench, other);
	int packets = what == KNOWN ? ESTABLISHED : BEGUN;
	__u64 flows = usage(bench, &bob);
	double ns = (place == SAME_CPU ? in_turns : at_once)(bench, neighbour, beside, packets);

	if (place == SAME_CPU)
		packets -= packets % CHUNK;
	flows = usage(bench, &bob) - flows;
	if (what == NEW && flows != (__u64)packets)
		fail_msg("%llu flows of the neighbour's %d came to be", flows, packets);
	if (other == REFUSED && usage(bench, &alice) != QUOTA)
		fail_msg("the other port has %llu flows of %d at its quota", usage(bench, &alice),
			 QUOTA);
	if (other == FLOODING && (!usage(bench, &alice) || usage(bench, &alice) >= QUOTA))
		fail_msg("the other port has %llu flows while it is %s", usage(bench, &alice),
			 other_names[other]);
	return ns;
}

static double sample(struct bench *bench, enum place place, enum neighbour what, enum other other)
{
	for (int tries = 0; tries < 20; tries++) {
		double ns = try_sample(bench, place, what, other);

		if (ns > 0)
			return ns;
	}
	fail_msg("the other CPU has no time for the other port");
	return 0;
}

/* Times what it costs while the other talks, which any port may do. */
static double times_talking(const struct bench *bench, int place, int what, int other)
{
	double ratios[MOST_ROUNDS];

	for (int i = 0; i < bench->rounds; i++)
		ratios[i] = bench->ns[place][what][other][i] / bench->ns[place][what][TALKING][i];
	return median(ratios, bench->rounds);
}

static void print_table(const struct bench *bench)
{
	printf("%-13s %-10s %-13s %10s %10s\n", "neighbour's", "beside", "a port", "median ns",
	       "x talking");
	for (int what = 0; what < NEIGHBOURS; what++)
		for (int place = 0; place < bench->places; place++)
			for (int other = 0; other < OTHERS; other++)
				printf("%-13s %-10s %-13s %10.0f %10.2f\n", neighbour_names[what],
				       place_names[place], other_names[other],
				       median(bench->ns[place][what][other], bench->rounds),
				       times_talking(bench, place, what, other));
}

static void write_json(const struct bench *bench)
{
	const char *build = getenv("BUILD");
	json_t *document = json_object();
	char path[512];

	for (int place = 0; place < bench->places; place++) {
		json_t *of_place = json_object();

		for (int what = 0; what < NEIGHBOURS; what++) {
			json_t *of_neighbour = json_object();

			for (int other = 0; other < OTHERS; other++)
				json_object_set_new(
					of_neighbour, other_keys[other],
					json_pack("{s:f,s:f}", "median",
						  median(bench->ns[place][what][other],
							 bench->rounds),
						  "timesTalking",
						  times_talking(bench, place, what, other)));
			json_object_set_new(of_place, neighbour_keys[what], of_neighbour);
		}
		json_object_set_new(document, place_keys[place], of_place);
	}
	snprintf(path, sizeof(path), "%s/bench-neighbours.json", build ? build : "build");
	if (json_dump_file(document, path, JSON_INDENT(2)))
		fprintf(stderr, "%s can not be written\n", path);
	json_decref(document);
}

static void run_rounds(struct bench *bench)
{
	for (int round = 0; round < bench->rounds; round++)
		for (int place = 0; place < bench->places; place++)
			for (int what = 0; what < NEIGHBOURS; what++)
				for (int other = 0; other < OTHERS; other++)
					bench->ns[place][what][other][round] =
						sample(bench, (enum place)place,
						       (enum neighbour)what, (enum other)other);
}

static double worst(const struct bench *bench)
{
	double most = 0;

	for (int place = 0; place < bench->places; place++)
		for (int what = 0; what < NEIGHBOURS; what++)
			for (int other = FLOODING; other < OTHERS; other++)
				if (times_talking(bench, place, what, other) > most)
					most = times_talking(bench, place, what, other);
	return most;
}

int main(int count, char **arguments)
{
	static struct bench bench = { .rounds = 9 };
	bool assert_limit = false;

	for (int i = 1; i < count; i++) {
		if (!strcmp(arguments[i], "--assert"))
			assert_limit = true;
		else if (!strcmp(arguments[i], "--rounds") && i + 1 < count)
			bench.rounds = atoi(arguments[++i]);
		else
			bench.rounds = 0;
	}
	if (bench.rounds < 1 || bench.rounds > MOST_ROUNDS) {
		fprintf(stderr, "usage: neighbours [--assert] [--rounds 1..%d]\n", MOST_ROUNDS);
		return 1;
	}
	open_bench(&bench);
	run_rounds(&bench);
	print_table(&bench);
	write_json(&bench);
	if (assert_limit && worst(&bench) > LIMIT) {
		fprintf(stderr,
			"a flood costs a neighbour %.2f times what talking does; the limit "
			"is %.1f\n",
			worst(&bench), LIMIT);
		return 1;
	}
	return 0;
}
