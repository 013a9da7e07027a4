/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-quick: nanoseconds a packet by BPF_PROG_TEST_RUN, beside an empty program and beside the
 * least a stateful fast path does (bench/floor.bpf.c).
 *
 * quick [--assert] [--rounds N]: prints a table, writes $BUILD/bench-quick.json. With --assert it
 * exits 1 when an established packet costs more than three times the floor.
 *
 * Rounds are interleaved, because machines have fast and slow phases: a ratio is the median of the
 * rounds' ratios. A test run repeats the frame as the program left it; so the sender has the
 * switch's own MAC, which makes a delivered frame one that can be sent again. New flows come from
 * vary, whose own cost is taken off; the flow table is emptied before each of their rounds.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/floor.skel.h"
#include "bpf/sluice.skel.h"
#include "tests/harness/bpf_switch.h"

#define FLOW_BUCKETS 65536
#define REPEAT       200000
#define NEW_FLOWS    40000 /* less than a sixth of the table */
#define MOST_ROUNDS  64
#define LIMIT        3.0

enum subject {
	EMPTY,
	FLOOR,
	DENIED,
	ESTABLISHED,
	ESTABLISHED_IPV6,
	VARIED_EMPTY,
	NEW_FLOW,
	SUBJECTS,
};

static const char *const subject_names[SUBJECTS] = {
	"empty program",     "floor",        "drop by policy", "established",
	"established, IPv6", "(vary alone)", "new flow",
};
static const char *const subject_keys[SUBJECTS] = {
	"empty", "floor", "drop", "established", "establishedIpv6", "vary", "newFlow",
};
static const char *const hook_names[2] = { "xdp", "tc" };

struct bench {
	struct bpf_switch *sw;
	struct floor_bpf *floor;
	struct actor sender; /* alice with the switch's MAC */
	double ns[2][SUBJECTS][MOST_ROUNDS];
	int rounds;
};

static const char document[] =
	"apiVersion: sluice/v1\n"
	"switch: {name: bench}\n"
	"vnets: [{name: blue, vni: 5001, prefixes: [10.1.0.0/16, 'fd00:1::/48'], subnets: ["
	"{name: web, prefixes: [10.1.1.0/24, 'fd00:1:0:1::/64'], nsg: web}]}]\n"
	"nsgs:\n"
	"  web:\n"
	"    rules:\n"
	"    - {name: no, priority: 100, direction: Outbound, access: Deny, protocol: Udp,"
	" destinationPorts: [9]}\n"
	"    - {name: yes, priority: 200, direction: Inbound, access: Allow, protocol: Udp}\n"
	"ports:\n"
	"- {name: alice, device: p1, vnet: blue, subnet: web, mac: '%s',"
	" addresses: [10.1.1.4, 'fd00:1:0:1::4'], flowLimit: 1000000}\n"
	"- {name: bob, device: p2, vnet: blue, subnet: web, mac: '02:00:00:00:00:b0',"
	" addresses: [10.1.1.5, 'fd00:1:0:1::5']}\n";

static void open_bench(struct bench *bench)
{
	char text[sizeof(document) + 32], mac[18];
	__u32 zero = 0, device;
	int programs[2];

	bench->sw = bpf_switch_open(FLOW_BUCKETS);
	switch_mac("bench", switch_address);
	bench->sender = alice;
	memcpy(bench->sender.mac, switch_address, 6);
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", switch_address[0],
		 switch_address[1], switch_address[2], switch_address[3], switch_address[4],
		 switch_address[5]);
	snprintf(text, sizeof(text), document, mac);
	bpf_switch_apply(bench->sw, text);
	bench->floor = floor_bpf__open_and_load();
	if (!bench->floor)
		fail_msg("the floor does not load: %s", strerror(errno));
	device = actor_ifindex(&bob);
	if (bpf_map_update_elem(bpf_map__fd(bench->floor->maps.floor_devices), &zero, &device, 0))
		fail_msg("floor_devices: %s", strerror(errno));
	programs[0] = bpf_map__fd(bench->floor->maps.varied_xdp);
	programs[1] = bpf_map__fd(bench->floor->maps.varied_tc);
	for (int hook = 0; hook < 2; hook++) {
		int program = program_fd(bench->sw, hook ? VIA_TC : VIA_XDP);

		if (bpf_map_update_elem(programs[hook], &zero, &program, 0))
			fail_msg("prog array: %s", strerror(errno));
	}
}

/* The floor knows one flow: that of the frame, addresses and ports as they stand in it. */
static void teach_floor(struct bench *bench, const struct frame *frame)
{
	struct {
		__u32 source, destination;
		__u32 ports;
		__u32 protocol;
	} key = { .protocol = IPPROTO_UDP };
	struct {
		__u64 packets, bytes;
		__u32 device, padding;
	} flow = { .device = 0 };

	memcpy(&key.source, frame->bytes + 26, 4);
	memcpy(&key.destination, frame->bytes + 30, 4);
	memcpy(&key.ports, frame->bytes + 34, 4);
	if (bpf_map_update_elem(bpf_map__fd(bench->floor->maps.floor_flows), &key, &flow, 0))
		fail_msg("floor_flows: %s", strerror(errno));
}

static int run_repeated(int program, int hook, const struct frame *frame, int repeat, double *ns)
{
	struct __sk_buff skb = { .ifindex = actor_ifindex(&alice) };
	struct xdp_md xdp = { .data_end = (__u32)frame->length,
			      .ingress_ifindex = actor_ifindex(&alice) };
	struct frame out;
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		    .data_size_in = (__u32)frame->length, .data_out = out.bytes,
		    .data_size_out = FRAME_ROOM, .repeat = repeat,
		    .ctx_in = hook ? (void *)&skb : (void *)&xdp,
		    .ctx_size_in = hook ? sizeof(skb) : sizeof(xdp));

	if (bpf_prog_test_run_opts(program, &options))
		fail_msg("test run: %s", strerror(errno));
	*ns = options.duration;
	return (int)options.retval;
}

static struct frame subject_frame(const struct bench *bench, enum subject subject)
{
	return SAY(.from = &bench->sender, .to = &bob,
		   .family = subject == ESTABLISHED_IPV6 ? AF_INET6 : AF_INET, .payload = 18,
		   .source_port = 4000, .destination_port = subject == DENIED ? 9 : 53);
}

static int subject_program(const struct bench *bench, enum subject subject, int hook)
{
	const struct floor_bpf *floor = bench->floor;

	switch (subject) {
	case EMPTY:
		return bpf_program__fd(hook ? floor->progs.empty_tc : floor->progs.empty_xdp);
	case FLOOR:
		return bpf_program__fd(hook ? floor->progs.floor_tc : floor->progs.floor_xdp);
	case VARIED_EMPTY:
	case NEW_FLOW:
		return bpf_program__fd(hook ? floor->progs.vary_tc : floor->progs.vary_xdp);
	default:
		return program_fd(bench->sw, hook ? VIA_TC : VIA_XDP);
	}
}

/* vary goes on with the empty program or with the switch. */
static void point_vary(struct bench *bench, enum subject subject, int hook)
{
	struct floor_bpf *floor = bench->floor;
	int array = bpf_map__fd(hook ? floor->maps.varied_tc : floor->maps.varied_xdp);
	int program = subject == VARIED_EMPTY ? subject_program(bench, EMPTY, hook)
					      : program_fd(bench->sw, hook ? VIA_TC : VIA_XDP);
	struct frame frame = subject_frame(bench, subject);
	__u32 zero = 0;

	if (bpf_map_update_elem(array, &zero, &program, 0))
		fail_msg("prog array: %s", strerror(errno));
	memcpy(floor->bss->varied_header, frame.bytes, sizeof(floor->bss->varied_header));
	/* Behind source port 67, which would be a DHCP server's. */
	floor->bss->varied_count = 0x10004400;
}

static void measure(struct bench *bench, enum subject subject, int hook, int round)
{
	struct frame frame = subject_frame(bench, subject);
	int delivered = hook ? TC_ACT_REDIRECT : XDP_REDIRECT;
	int dropped = hook ? TC_ACT_SHOT : XDP_DROP;
	bool drops = subject == EMPTY || subject == DENIED || subject == VARIED_EMPTY;
	bool varied = subject == VARIED_EMPTY || subject == NEW_FLOW;
	int verdict;

	if (varied)
		point_vary(bench, subject, hook);
	if (subject == NEW_FLOW)
		flows_clear(bench->sw);
	verdict = run_repeated(subject_program(bench, subject, hook), hook, &frame,
			       varied ? NEW_FLOWS : REPEAT, &bench->ns[hook][subject][round]);
	if (verdict != (drops ? dropped : delivered))
		fail_msg("%s through %s: verdict %d", subject_names[subject], hook_names[hook],
			 verdict);
	if (subject == NEW_FLOW && flow_count(bench->sw) != NEW_FLOWS)
		fail_msg("%zu flows of %d came to be", flow_count(bench->sw), NEW_FLOWS);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(const double *values, int count)
{
	double sorted[MOST_ROUNDS];

	memcpy(sorted, values, (size_t)count * sizeof(*values));
	qsort(sorted, (size_t)count, sizeof(*sorted), compare);
	return sorted[count / 2];
}

static double minimum(const double *values, int count)
{
	double least = values[0];

	for (int i = 1; i < count; i++)
		least = values[i] < least ? values[i] : least;
	return least;
}

static double ratio_to_floor(const struct bench *bench, int hook, enum subject subject)
{
	double ratios[MOST_ROUNDS];

	for (int i = 0; i < bench->rounds; i++)
		ratios[i] = bench->ns[hook][subject][i] / bench->ns[hook][FLOOR][i];
	return median(ratios, bench->rounds);
}

/* A new flow is what vary and the switch take together without what vary takes alone. */
static void take_off_vary(struct bench *bench)
{
	for (int hook = 0; hook < 2; hook++)
		for (int i = 0; i < bench->rounds; i++)
			bench->ns[hook][NEW_FLOW][i] -=
				bench->ns[hook][VARIED_EMPTY][i] - bench->ns[hook][EMPTY][i];
}

static void print_table(const struct bench *bench)
{
	printf("%-20s %-5s %10s %10s %10s\n", "ns per packet", "hook", "minimum", "median",
	       "x floor");
	for (int subject = 0; subject < SUBJECTS; subject++) {
		if (subject == VARIED_EMPTY)
			continue;
		for (int hook = 0; hook < 2; hook++)
			printf("%-20s %-5s %10.0f %10.0f %10.2f\n", subject_names[subject],
			       hook_names[hook], minimum(bench->ns[hook][subject], bench->rounds),
			       median(bench->ns[hook][subject], bench->rounds),
			       ratio_to_floor(bench, hook, subject));
	}
}

static void write_json(const struct bench *bench)
{
	const char *build = getenv("BUILD");
	char path[512];
	json_t *hooks = json_object();

	for (int hook = 0; hook < 2; hook++) {
		json_t *subjects = json_object();

		for (int subject = 0; subject < SUBJECTS; subject++)
			if (subject != VARIED_EMPTY)
				json_object_set_new(
					subjects, subject_keys[subject],
					json_pack("{s:f,s:f,s:f}", "minimum",
						  minimum(bench->ns[hook][subject], bench->rounds),
						  "median",
						  median(bench->ns[hook][subject], bench->rounds),
						  "timesFloor",
						  ratio_to_floor(bench, hook, subject)));
		json_object_set_new(hooks, hook_names[hook], subjects);
	}
	snprintf(path, sizeof(path), "%s/bench-quick.json", build ? build : "build");
	if (json_dump_file(hooks, path, JSON_INDENT(2)))
		fprintf(stderr, "%s can not be written\n", path);
	json_decref(hooks);
}

static void run_rounds(struct bench *bench)
{
	struct frame known = subject_frame(bench, FLOOR);

	teach_floor(bench, &known);
	for (int round = 0; round < bench->rounds; round++)
		for (int hook = 0; hook < 2; hook++)
			for (int subject = 0; subject < SUBJECTS; subject++)
				measure(bench, (enum subject)subject, hook, round);
	take_off_vary(bench);
}

int main(int count, char **arguments)
{
	static struct bench bench = { .rounds = 15 };
	bool assert_limit = false;
	double worst;

	for (int i = 1; i < count; i++) {
		if (!strcmp(arguments[i], "--assert"))
			assert_limit = true;
		else if (!strcmp(arguments[i], "--rounds") && i + 1 < count)
			bench.rounds = atoi(arguments[++i]);
		else
			bench.rounds = 0;
	}
	if (bench.rounds < 1 || bench.rounds > MOST_ROUNDS) {
		fprintf(stderr, "usage: quick [--assert] [--rounds 1..%d]\n", MOST_ROUNDS);
		return 1;
	}
	open_bench(&bench);
	run_rounds(&bench);
	print_table(&bench);
	write_json(&bench);
	worst = ratio_to_floor(&bench, 0, ESTABLISHED);
	if (ratio_to_floor(&bench, 1, ESTABLISHED) > worst)
		worst = ratio_to_floor(&bench, 1, ESTABLISHED);
	if (assert_limit && worst > LIMIT) {
		fprintf(stderr, "an established packet costs %.2f floors; the limit is %.1f\n",
			worst, LIMIT);
		return 1;
	}
	return 0;
}
