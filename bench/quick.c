/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-quick: nanoseconds a packet by BPF_PROG_TEST_RUN, beside an empty program and beside the
 * least a stateful fast path does (bench/floor.bpf.c).
 *
 * quick [--assert] [--rounds N] [--few]: prints a table and the quotients, writes
 * $BUILD/bench-quick.json. With --assert it exits 1 when a quotient that make check watches is
 * beyond its limit. --few leaves out everything over a million flows.
 *
 * Rounds are interleaved, because machines have fast and slow phases: a ratio is the median of the
 * rounds' ratios. A test run repeats the frame as the program left it; so the sender has the
 * switch's own MAC, which makes a delivered frame one that can be sent again.
 *
 * Packets of a million flows, and of new ones, come from vary, whose own cost is taken off, for
 * the floors as for the switch. The switch's flows come into its table as any do: each one's first
 * packet is run through the program. New flows come on top of those, at 1,000 rules, and are
 * forgotten before the next round.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/floor.h"
#include "bench/floor.skel.h"
#include "bpf/sluice.skel.h"
#include "tests/harness/bpf_switch.h"
#include "tests/harness/statistics.h"

#define FLOW_BUCKETS (2 * BENCH_FLOWS / FLOWS_PER_BUCKET) /* half full, as the floor's table */
#define REPEAT       200000
#define NEW_FLOWS    20000
#define RULES        1000
#define MOST_ROUNDS  STATISTICS_MOST

enum subject {
	EMPTY,
	FLOOR,
	FLOOR_IPV6,
	DENIED,
	ESTABLISHED,
	ESTABLISHED_IPV6,
	VARIED_NEW,
	VARIED_SKEWED_EMPTY,
	VARIED_UNIFORM_EMPTY,
	SKEWED_LINES,
	SKEWED_HASH,
	SKEWED,
	UNIFORM_LINES,
	UNIFORM_HASH,
	UNIFORM,
	NEW_FLOW,
	SUBJECTS,
	FIRST_OF_MANY = VARIED_NEW, /* from here on there are a million flows */
};

enum program {
	PROGRAM_EMPTY,
	PROGRAM_FLOOR,
	PROGRAM_FLOOR_IPV6,
	PROGRAM_LINES,
	PROGRAM_HASH,
	PROGRAM_SWITCH,
};

enum traffic {
	TRAFFIC_SAME, /* the same packet again */
	TRAFFIC_NEW,
	TRAFFIC_SKEWED,
	TRAFFIC_UNIFORM,
};

/* floor: what it is set beside; vary: what vary costs alone in this traffic, to be taken off. */
static const struct {
	const char *key;
	const char *name; /* NULL: only an aid */
	enum program program;
	enum traffic traffic;
	enum subject floor;
	enum subject vary;
	bool drops;
} subjects[SUBJECTS] = {
	[EMPTY] = { "empty", "empty program", PROGRAM_EMPTY, TRAFFIC_SAME, FLOOR, 0, true },
	[FLOOR] = { "floor", "floor", PROGRAM_FLOOR, TRAFFIC_SAME, FLOOR, 0, false },
	[FLOOR_IPV6] = { "floorIpv6", "floor, IPv6", PROGRAM_FLOOR_IPV6, TRAFFIC_SAME, FLOOR_IPV6,
			 0, false },
	[DENIED] = { "drop", "drop by policy", PROGRAM_SWITCH, TRAFFIC_SAME, FLOOR, 0, true },
	[ESTABLISHED] = { "established", "established", PROGRAM_SWITCH, TRAFFIC_SAME, FLOOR, 0,
			  false },
	[ESTABLISHED_IPV6] = { "establishedIpv6", "established, IPv6", PROGRAM_SWITCH, TRAFFIC_SAME,
			       FLOOR_IPV6, 0, false },
	[VARIED_NEW] = { "varyNew", NULL, PROGRAM_EMPTY, TRAFFIC_NEW, EMPTY, 0, true },
	[VARIED_SKEWED_EMPTY] = { "varySkewed", NULL, PROGRAM_EMPTY, TRAFFIC_SKEWED, EMPTY, 0,
				  true },
	[VARIED_UNIFORM_EMPTY] = { "varyUniform", NULL, PROGRAM_EMPTY, TRAFFIC_UNIFORM, EMPTY, 0,
				   true },
	[SKEWED_LINES] = { "skewedLines", "skewed, cache lines", PROGRAM_LINES, TRAFFIC_SKEWED,
			   SKEWED_LINES, VARIED_SKEWED_EMPTY, false },
	[SKEWED_HASH] = { "skewedHash", "skewed, kernel's hash", PROGRAM_HASH, TRAFFIC_SKEWED,
			  SKEWED_LINES, VARIED_SKEWED_EMPTY, false },
	[SKEWED] = { "skewed", "skewed, established", PROGRAM_SWITCH, TRAFFIC_SKEWED, SKEWED_LINES,
		     VARIED_SKEWED_EMPTY, false },
	[UNIFORM_LINES] = { "uniformLines", "uniform, cache lines", PROGRAM_LINES, TRAFFIC_UNIFORM,
			    UNIFORM_LINES, VARIED_UNIFORM_EMPTY, false },
	[UNIFORM_HASH] = { "uniformHash", "uniform, kernel's hash", PROGRAM_HASH, TRAFFIC_UNIFORM,
			   UNIFORM_LINES, VARIED_UNIFORM_EMPTY, false },
	[UNIFORM] = { "uniform", "uniform, established", PROGRAM_SWITCH, TRAFFIC_UNIFORM,
		      UNIFORM_LINES, VARIED_UNIFORM_EMPTY, false },
	[NEW_FLOW] = { "newFlow", "new flow", PROGRAM_SWITCH, TRAFFIC_NEW, UNIFORM_LINES,
		       VARIED_NEW, false },
};

/* What is promised, and the limit that make check watches: noise must not break it. */
static const struct {
	const char *key;
	const char *text;
	enum subject above;
	enum subject below;
	double promised;
	double watched; /* 0: not watched */
} quotients[] = {
	{ "samePacket", "the same packet again / floor", ESTABLISHED, FLOOR, 1.6, 2.0 },
	{ "samePacketIpv6", "the same over IPv6 / floor", ESTABLISHED_IPV6, FLOOR_IPV6, 1.6, 2.0 },
	{ "skewed", "a million flows, skewed / cache lines", SKEWED, SKEWED_LINES, 1.5, 2.2 },
	{ "uniform", "a million flows, uniform / cache lines", UNIFORM, UNIFORM_LINES, 1.4, 2.2 },
	{ "uniformHash", "a million flows, uniform / kernel's hash", UNIFORM, UNIFORM_HASH, 0.5,
	  0.9 },
	{ "newFlow", "new flow at 1,000 rules / a million, uniform", NEW_FLOW, UNIFORM, 5.0, 5.0 },
};
#define QUOTIENTS (sizeof(quotients) / sizeof(quotients[0]))

static const char *const hook_names[2] = { "xdp", "tc" };

struct bench {
	struct bpf_switch *sw;
	struct floor_bpf *floor;
	struct actor sender; /* alice with the switch's MAC */
	double ns[2][SUBJECTS][MOST_ROUNDS];
	int rounds;
	int subjects; /* how many of them are measured */
};

/* --- what there is to be measured ------------------------------------------------------------ */

static const char document_begin[] =
	"apiVersion: sluice/v1\n"
	"switch: {name: bench}\n"
	"vnets: [{name: blue, vni: 5001, prefixes: [10.1.0.0/16, 'fd00:1::/48'], subnets: ["
	"{name: web, prefixes: [10.1.1.0/24, 'fd00:1:0:1::/64'], nsg: web}]}]\n"
	"ports:\n"
	"- {name: alice, device: p1, vnet: blue, subnet: web, mac: '%s',"
	" addresses: [10.1.1.4, 'fd00:1:0:1::4'], flowLimit: 4000000}\n"
	"- {name: bob, device: p2, vnet: blue, subnet: web, mac: '02:00:00:00:00:b0',"
	" addresses: [10.1.1.5, 'fd00:1:0:1::5']}\n"
	"nsgs:\n"
	"  web:\n"
	"    rules:\n"
	"    - {name: no, priority: 100, direction: Outbound, access: Deny, protocol: Udp,"
	" destinationPorts: [9]}\n"
	"    - {name: yes, priority: 4096, direction: Inbound, access: Allow, protocol: Udp}\n";

/* The NSG's other rules, half of them a direction, stand between those two and match nothing. */
static char *make_document(void)
{
	char mac[18], *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	assert_non_null(file);
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", switch_address[0],
		 switch_address[1], switch_address[2], switch_address[3], switch_address[4],
		 switch_address[5]);
	fprintf(file, document_begin, mac);
	for (int i = 0; i < RULES - 2; i++)
		fprintf(file,
			"    - {name: r%d, priority: %d, direction: %s, access: Deny, protocol: Udp,"
			" sources: [10.%d.%d.0/24], destinationPorts: [%d-%d]}\n",
			i, 200 + i, i & 1 ? "Inbound" : "Outbound", 1 + i % 3, i % 251, 1 + i * 60,
			40 + i * 60);
	fclose(file);
	return text;
}

static void open_bench(struct bench *bench)
{
	__u32 zero = 0, device;
	char *text;

	bench->sw = bpf_switch_open(FLOW_BUCKETS);
	switch_mac("bench", switch_address);
	bench->sender = alice;
	memcpy(bench->sender.mac, switch_address, 6);
	text = make_document();
	bpf_switch_apply(bench->sw, text);
	free(text);
	bench->floor = floor_bpf__open_and_load();
	if (!bench->floor)
		fail_msg("the floor does not load: %s", strerror(errno));
	device = actor_ifindex(&bob);
	if (bpf_map_update_elem(bpf_map__fd(bench->floor->maps.floor_devices), &zero, &device, 0))
		fail_msg("floor_devices: %s", strerror(errno));
}

/* Each round has a flow of its own: where a flow lies in the table is luck. */
static struct frame subject_frame(const struct bench *bench, enum subject subject, int round)
{
	bool ipv6 = subject == ESTABLISHED_IPV6 || subject == FLOOR_IPV6;

	return SAY(.from = &bench->sender, .to = &bob, .family = ipv6 ? AF_INET6 : AF_INET,
		   .payload = 18, .source_port = (__u16)(4000 + round),
		   .destination_port = subject == DENIED ? 9 : 53);
}

static int subject_program(const struct bench *bench, enum subject subject, int hook)
{
	const struct floor_bpf *floor = bench->floor;

	switch (subjects[subject].program) {
	case PROGRAM_EMPTY:
		return bpf_program__fd(hook ? floor->progs.empty_tc : floor->progs.empty_xdp);
	case PROGRAM_FLOOR:
		return bpf_program__fd(hook ? floor->progs.floor_tc : floor->progs.floor_xdp);
	case PROGRAM_FLOOR_IPV6:
		return bpf_program__fd(hook ? floor->progs.floor_ipv6_tc
					    : floor->progs.floor_ipv6_xdp);
	case PROGRAM_LINES:
		return bpf_program__fd(hook ? floor->progs.line_tc : floor->progs.line_xdp);
	case PROGRAM_HASH:
		return bpf_program__fd(hook ? floor->progs.hash_tc : floor->progs.hash_xdp);
	default:
		return program_fd(bench->sw, hook ? VIA_TC : VIA_XDP);
	}
}

/* --- the floors' flows ----------------------------------------------------------------------- */

/* Addresses and ports as they stand in the frame. */
static struct floor_key floor_key(const struct frame *frame)
{
	struct floor_key key = { .protocol = IPPROTO_UDP };

	memcpy(&key.source, frame->bytes + 26, 4);
	memcpy(&key.destination, frame->bytes + 30, 4);
	memcpy(&key.source_port, frame->bytes + 34, 4);
	return key;
}

static void teach_floor(struct bench *bench)
{
	int map = bpf_map__fd(bench->floor->maps.floor_flows);
	int map_ipv6 = bpf_map__fd(bench->floor->maps.floor_flows_ipv6);
	struct floor_flow flow = { .device = 0 };

	for (int round = 0; round < bench->rounds; round++) {
		struct frame ipv4 = subject_frame(bench, FLOOR, round);
		struct frame ipv6 = subject_frame(bench, FLOOR_IPV6, round);
		struct floor_key_ipv6 key_ipv6 = { .protocol = IPPROTO_UDP };
		struct floor_key key = floor_key(&ipv4);

		memcpy(&key_ipv6.source, ipv6.bytes + 22, 32);
		memcpy(&key_ipv6.source_port, ipv6.bytes + 54, 4);
		if (bpf_map_update_elem(map, &key, &flow, 0) ||
		    bpf_map_update_elem(map_ipv6, &key_ipv6, &flow, 0))
			fail_msg("floor_flows: %s", strerror(errno));
	}
}

static struct floor_key numbered_key(const struct bench *bench, __u32 number)
{
	struct frame frame = subject_frame(bench, FLOOR, 0);
	struct floor_key key = floor_key(&frame);

	key.source_port = htons(varied_source(number));
	key.destination_port = htons(varied_destination(number));
	return key;
}

static void teach_hash(struct bench *bench)
{
	struct floor_flow *flows = calloc(BENCH_FLOWS, sizeof(*flows));
	struct floor_key *keys = calloc(BENCH_FLOWS, sizeof(*keys));
	__u32 count = BENCH_FLOWS;

	assert_non_null(flows);
	assert_non_null(keys);
	keys[0] = numbered_key(bench, 0);
	for (__u32 i = 0; i < BENCH_FLOWS; i++) {
		keys[i] = keys[0];
		keys[i].source_port = htons(varied_source(i));
		keys[i].destination_port = htons(varied_destination(i));
	}
	if (bpf_map_update_batch(bpf_map__fd(bench->floor->maps.hash_flows), keys, flows, &count,
				 NULL))
		fail_msg("hash_flows: %s", strerror(errno));
	free(flows);
	free(keys);
}

static void teach_lines(struct bench *bench)
{
	size_t size = LINE_BUCKETS * sizeof(struct line_bucket);
	struct line_bucket *lines = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
					 bpf_map__fd(bench->floor->maps.line_flows), 0);
	union line_key key = { .key = numbered_key(bench, 0) };

	if (lines == MAP_FAILED)
		fail_msg("line_flows: %s", strerror(errno));
	for (__u32 i = 0; i < BENCH_FLOWS; i++) {
		key.key.source_port = htons(varied_source(i));
		key.key.destination_port = htons(varied_destination(i));
		if (!line_place(lines, key))
			fail_msg("the floor's table has no room for flow %u", i);
	}
	munmap(lines, size);
}

/* --- measuring ------------------------------------------------------------------------------- */

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

/* Runs vary with the subject's program behind it. */
static int run_varied(struct bench *bench, enum subject subject, int hook, __u32 first, int repeat,
		      double *ns)
{
	struct floor_bpf *floor = bench->floor;
	int array = bpf_map__fd(hook ? floor->maps.varied_tc : floor->maps.varied_xdp);
	int vary = bpf_program__fd(hook ? floor->progs.vary_tc : floor->progs.vary_xdp);
	int program = subject_program(bench, subject, hook);
	struct frame frame = subject_frame(bench, subject, 0);
	__u32 zero = 0;

	if (bpf_map_update_elem(array, &zero, &program, 0))
		fail_msg("prog array: %s", strerror(errno));
	floor->bss->varied_how = subjects[subject].traffic == TRAFFIC_UNIFORM  ? VARIED_UNIFORM
				 : subjects[subject].traffic == TRAFFIC_SKEWED ? VARIED_SKEWED
									       : VARIED_SEQUENCE;
	floor->bss->varied_number = first;
	return run_repeated(vary, hook, &frame, repeat, ns);
}

static void check_verdict(enum subject subject, int hook, int verdict)
{
	int delivered = hook ? TC_ACT_REDIRECT : XDP_REDIRECT;
	int dropped = hook ? TC_ACT_SHOT : XDP_DROP;

	if (verdict != (subjects[subject].drops ? dropped : delivered))
		fail_msg("%s through %s: verdict %d", subjects[subject].key, hook_names[hook],
			 verdict);
}

/* Their time must not run out while they are measured: nothing comes back from bob. */
static void keep_flows(struct bench *bench)
{
	struct bpf_switch *sw = bench->sw;

	for (__u32 bucket = 0; bucket < sw->flow_buckets; bucket++)
		for (int way = 0; way < FLOWS_PER_BUCKET; way++)
			if (sw->flows[bucket].way[way].state == FLOW_UDP_ONE_WAY)
				sw->flows[bucket].way[way].state = FLOW_OTHER;
}

/* The switch's million, each by its first packet. */
static void teach_switch(struct bench *bench)
{
	size_t before = flow_count(bench->sw), flows;
	double ns;

	check_verdict(NEW_FLOW, 1, run_varied(bench, NEW_FLOW, 1, 0, BENCH_FLOWS, &ns));
	flows = flow_count(bench->sw) - before;
	if (flows != BENCH_FLOWS)
		fail_msg("%zu flows of %u came to be", flows, BENCH_FLOWS);
	keep_flows(bench);
}

/* Takes the flows out again that came on top of the million: how many they were. */
static size_t forget_new_flows(struct bench *bench)
{
	struct bpf_switch *sw = bench->sw;
	size_t forgotten = 0;

	for (size_t i = 0; i < (size_t)sw->flow_buckets * FLOWS_PER_BUCKET; i++) {
		struct flow *flow = &sw->flows[i / FLOWS_PER_BUCKET].way[i % FLOWS_PER_BUCKET];

		/* Alice has the lower address. */
		if (flow->state == FLOW_FREE ||
		    ntohs(flow->id.port[1]) < varied_destination(BENCH_FLOWS))
			continue;
		memset(flow, 0, sizeof(*flow));
		sw->flow_tags[i / FLOWS_PER_BUCKET] &= ~(0xffULL << i % FLOWS_PER_BUCKET * 8);
		forgotten++;
	}
	sw->flow_usage[bpf_switch_slot(sw, "alice")] -= forgotten;
	return forgotten;
}

static void measure(struct bench *bench, enum subject subject, int hook, int round)
{
	double *ns = &bench->ns[hook][subject][round];
	struct frame frame = subject_frame(bench, subject, round);
	int verdict;

	if (subjects[subject].traffic == TRAFFIC_SAME)
		verdict = run_repeated(subject_program(bench, subject, hook), hook, &frame, REPEAT,
				       ns);
	else if (subjects[subject].traffic == TRAFFIC_NEW)
		verdict = run_varied(bench, subject, hook, BENCH_FLOWS, NEW_FLOWS, ns);
	else
		verdict = run_varied(bench, subject, hook, 0, REPEAT, ns);
	check_verdict(subject, hook, verdict);
	if (subject == NEW_FLOW) {
		size_t flows = forget_new_flows(bench);

		if (flows != NEW_FLOWS)
			fail_msg("%zu new flows of %d came to be", flows, NEW_FLOWS);
	}
}

/* What remains is the program: vary and it take together what vary and the empty one take, and the
 * difference between it and the empty one. */
static void take_off_vary(struct bench *bench)
{
	for (int hook = 0; hook < 2; hook++)
		for (int subject = 0; subject < bench->subjects; subject++)
			for (int i = 0; i < bench->rounds && subjects[subject].vary; i++)
				bench->ns[hook][subject][i] -=
					bench->ns[hook][subjects[subject].vary][i] -
					bench->ns[hook][EMPTY][i];
}

static void run_rounds(struct bench *bench)
{
	bool terminal = isatty(STDERR_FILENO);

	for (int round = 0; round < bench->rounds; round++) {
		if (terminal)
			fprintf(stderr, "\rround %d of %d ", round + 1, bench->rounds);
		for (int hook = 0; hook < 2; hook++)
			for (int subject = 0; subject < bench->subjects; subject++)
				measure(bench, (enum subject)subject, hook, round);
	}
	if (terminal)
		fprintf(stderr, "\r\033[K");
	take_off_vary(bench);
}

/* --- telling --------------------------------------------------------------------------------- */

static double ratio(const struct bench *bench, int hook, enum subject above, enum subject below)
{
	double ratios[MOST_ROUNDS];

	for (int i = 0; i < bench->rounds; i++)
		ratios[i] = bench->ns[hook][above][i] / bench->ns[hook][below][i];
	return median(ratios, bench->rounds);
}

static bool measured(const struct bench *bench, size_t quotient)
{
	return (int)quotients[quotient].above < bench->subjects &&
	       (int)quotients[quotient].below < bench->subjects;
}

static void print_table(const struct bench *bench)
{
	printf("%-24s %-5s %10s %10s %10s\n", "ns per packet", "hook", "minimum", "median",
	       "x floor");
	for (int subject = 0; subject < bench->subjects; subject++)
		for (int hook = 0; hook < 2 && subjects[subject].name; hook++)
			printf("%-24s %-5s %10.0f %10.0f %10.2f\n", subjects[subject].name,
			       hook_names[hook], minimum(bench->ns[hook][subject], bench->rounds),
			       median(bench->ns[hook][subject], bench->rounds),
			       ratio(bench, hook, (enum subject)subject, subjects[subject].floor));
	printf("\n%-46s %8s %8s %10s\n", "quotient (median of the rounds')", "xdp", "tc",
	       "promised");
	for (size_t i = 0; i < QUOTIENTS; i++)
		if (measured(bench, i))
			printf("%-46s %8.2f %8.2f %10.1f\n", quotients[i].text,
			       ratio(bench, 0, quotients[i].above, quotients[i].below),
			       ratio(bench, 1, quotients[i].above, quotients[i].below),
			       quotients[i].promised);
}

static json_t *subjects_json(const struct bench *bench, int hook)
{
	json_t *list = json_object();

	for (int subject = 0; subject < bench->subjects; subject++) {
		const double *ns = bench->ns[hook][subject];

		if (!subjects[subject].name)
			continue;
		json_object_set_new(list, subjects[subject].key,
				    json_pack("{s:f,s:f,s:f}", "minimum",
					      minimum(ns, bench->rounds), "median",
					      median(ns, bench->rounds), "timesFloor",
					      ratio(bench, hook, (enum subject)subject,
						    subjects[subject].floor)));
	}
	return list;
}

static void write_json(const struct bench *bench)
{
	const char *build = getenv("BUILD");
	json_t *root = json_object(), *list = json_object();
	char path[512];

	for (int hook = 0; hook < 2; hook++)
		json_object_set_new(root, hook_names[hook], subjects_json(bench, hook));
	for (size_t i = 0; i < QUOTIENTS; i++)
		if (measured(bench, i))
			json_object_set_new(
				list, quotients[i].key,
				json_pack("{s:f,s:f,s:f}", "xdp",
					  ratio(bench, 0, quotients[i].above, quotients[i].below),
					  "tc",
					  ratio(bench, 1, quotients[i].above, quotients[i].below),
					  "promised", quotients[i].promised));
	json_object_set_new(root, "quotients", list);
	snprintf(path, sizeof(path), "%s/bench-quick.json", build ? build : "build");
	if (json_dump_file(root, path, JSON_INDENT(2)))
		fprintf(stderr, "%s can not be written\n", path);
	json_decref(root);
}

/* Whether every quotient that is watched is within its limit. */
static bool within_limits(const struct bench *bench)
{
	bool within = true;

	for (size_t i = 0; i < QUOTIENTS; i++)
		for (int hook = 0; hook < 2 && measured(bench, i) && quotients[i].watched; hook++) {
			double value = ratio(bench, hook, quotients[i].above, quotients[i].below);

			if (value <= quotients[i].watched)
				continue;
			fprintf(stderr, "%s through %s: %.2f; the limit is %.2f\n",
				quotients[i].text, hook_names[hook], value, quotients[i].watched);
			within = false;
		}
	return within;
}

int main(int count, char **arguments)
{
	static struct bench bench = { .rounds = 15, .subjects = SUBJECTS };
	bool assert_limits = false;

	for (int i = 1; i < count; i++) {
		if (!strcmp(arguments[i], "--assert"))
			assert_limits = true;
		else if (!strcmp(arguments[i], "--few"))
			bench.subjects = FIRST_OF_MANY;
		else if (!strcmp(arguments[i], "--rounds") && i + 1 < count)
			bench.rounds = atoi(arguments[++i]);
		else
			bench.rounds = 0;
	}
	if (bench.rounds < 1 || bench.rounds > MOST_ROUNDS) {
		fprintf(stderr, "usage: quick [--assert] [--few] [--rounds 1..%d]\n", MOST_ROUNDS);
		return 1;
	}
	open_bench(&bench);
	teach_floor(&bench);
	if (bench.subjects == SUBJECTS) {
		teach_hash(&bench);
		teach_lines(&bench);
		teach_switch(&bench);
	}
	run_rounds(&bench);
	print_table(&bench);
	write_json(&bench);
	return assert_limits && !within_limits(&bench);
}
