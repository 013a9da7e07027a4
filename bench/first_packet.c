/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * first_packet: nanoseconds of a connection's first packet, by number and kind of rules.
 *
 * first_packet [--quick] [--assert] [--rounds N]: its whole way through the loaded programs, by test
 * run: read, not found among the flows, judged by an ACL of 100 to 100,000 rules like a router's, a
 * firewall's or between networks, remembered, delivered. Every header comes once a round, and the
 * table of flows is emptied between the rounds. Median, 99th and 99.9th percentile over 4,096 random
 * headers of TCP and UDP, behind as many others that are not looked at, so that what all packets
 * need is where it is while a switch is busy; tail: the 99.9th percentile by the median; times: the median by that at 100
 * rules. A table, and $BUILD/bench-first-packet.json. --quick leaves out the middle sizes. With --assert it
 * exits 1 when a figure at 100,000 rules is beyond what is promised.
 *
 * Each size has a vnet of its own, with a port that sends and one that gets everything, whoever it
 * is addressed to, by a steer rule. All rules allow, so that every packet goes the whole way. Sizes
 * take turns in each round; a header's time is the middle of its times in the rounds. What feeding
 * takes is measured with nothing in the switch's place, in the same round, and taken off.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/feeder.h"
#include "tests/harness/rule_set.h"
#include "tests/harness/statistics.h"

#include <jansson.h>

#define BUCKETS     32768 /* the table has its usual size */
#define HEADERS     4096
#define WARMING     4096 /* headers before those */
#define ALL_HEADERS (WARMING + HEADERS) /* a power of two */
#define SIZES       4
#define HOOKS       2
#define MOST_ROUNDS 16

/* Promised of 100,000 rules. */
#define MOST_TIMES 5.0 /* the median by that at 100 rules */
#define MOST_TAIL  3.0 /* the 99.9th percentile by the median */

static const size_t sizes[SIZES] = { 100, 100000, 1000, 10000 };
static const enum via hooks[HOOKS] = { VIA_XDP, VIA_TC };
static const char *const hook_names[HOOKS] = { "xdp", "tc" };

/* A size and what it is asked, in one kind and family. */
struct subject {
	struct actor sender;
	char name[8], device[8];
	struct rule_set set;
	__u32 first;  /* of its headers in the feed */
	size_t flows; /* that come of them: no two may be one */
	size_t length;
	__u32 ns[HOOKS][MOST_ROUNDS][HEADERS]; /* hundredths */
};

struct bench {
	struct bpf_switch *sw;
	struct feed *feed;
	struct subject subject[SIZES];
	size_t count;
	int rounds;
	json_t *rows;
	double worst_ns, worst_times, worst_tail; /* at 100,000 rules */
};

/* --- what is asked --- */

static void write_document(const struct bench *bench, FILE *file)
{
	fputs("apiVersion: sluice/v1\nswitch: {name: first}\nvnets:\n", file);
	for (size_t i = 0; i < bench->count; i++)
		fprintf(file,
			"  - {name: v%zu, vni: %zu, prefixes: [10.1.0.0/16],"
			" subnets: [{name: all, prefixes: [10.1.0.0/16]}]}\n",
			i, 100 + i);
	fputs("ports:\n", file);
	for (size_t i = 0; i < bench->count; i++)
		fprintf(file,
			"  - {name: s%zu, device: p%zu, vnet: v%zu, subnet: all, acl: a%zu,"
			" mac: \"02:00:00:00:00:0%zu\", addresses: [10.1.0.4],"
			" guards: {spoofing: allow, dhcpServer: allow, routerAdvert: allow}}\n"
			"  - {name: r%zu, device: p%zu, vnet: v%zu, subnet: all,"
			" mac: \"02:00:00:00:01:0%zu\", addresses: [10.1.0.5]}\n",
			i, 2 * i + 1, i, i, i, i, 2 * i + 2, i, i);
	fputs("steers:\n", file);
	for (size_t i = 0; i < bench->count; i++)
		fprintf(file, "  - {name: to%zu, vnet: v%zu, priority: 100, to: r%zu}\n", i, i, i);
	fputs("acls:\n", file);
	for (size_t i = 0; i < bench->count; i++) {
		fprintf(file, "  - name: a%zu\n    appliesTo: ports\n    rules:\n", i);
		rule_set_write_rules(&bench->subject[i].set, RULE_SET_AS_ACL, "Outbound", file);
	}
}

static void apply(struct bench *bench)
{
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	assert_non_null(file);
	write_document(bench, file);
	fclose(file);
	bpf_switch_apply(bench->sw, text);
	free(text);
}

static const char *address_text(const struct ip_address *address, char text[INET6_ADDRSTRLEN])
{
	bool ipv4 = reference_is_ipv4(address);

	return inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? &address->bytes[12] : address->bytes,
			 text, INET6_ADDRSTRLEN);
}

/* All frames of a family are equally long. */
static struct frame first_frame(const struct subject *subject, const struct reference_tuple *header)
{
	char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
	bool tcp = header->protocol == IPPROTO_TCP;

	return SAY(.from = &subject->sender, .to = &subject->sender,
		   .family = subject->set.ipv6 ? AF_INET6 : AF_INET,
		   .protocol = (int)header->protocol, .flags = tcp ? FLAG_SYN : 0,
		   .payload = tcp ? 48 : 60, .source_port = (__u16)header->source_port,
		   .destination_port = (__u16)header->destination_port,
		   .source = address_text(&header->source, source),
		   .destination = address_text(&header->destination, destination));
}

static int compare_tuples(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct reference_tuple));
}

static size_t count_different(struct reference_tuple *headers)
{
	size_t count = 1;

	qsort(headers, ALL_HEADERS, sizeof(*headers), compare_tuples);
	for (size_t i = 1; i < ALL_HEADERS; i++)
		count += compare_tuples(&headers[i - 1], &headers[i]) != 0;
	return count;
}

/* Whether a host can have the address: the switch drops the packets of others. */
static bool is_host(const struct ip_address *address)
{
	unsigned char first = address->bytes[12];

	return !reference_is_ipv4(address) || (first && first != 127 && first < 224);
}

/* Port 0 would be for say() to choose. */
static bool is_usable(const struct reference_tuple *header)
{
	return (header->protocol == IPPROTO_TCP || header->protocol == IPPROTO_UDP) &&
	       header->source_port && header->destination_port && is_host(&header->source) &&
	       is_host(&header->destination);
}

static void draw_headers(struct bench *bench, struct subject *subject)
{
	static struct reference_tuple headers[ALL_HEADERS];
	struct random random = { subject->set.count };

	for (size_t i = 0; i < ALL_HEADERS;) {
		struct frame frame;

		rule_set_headers(&subject->set, &random, &headers[i], 1);
		if (!is_usable(&headers[i]))
			continue;
		frame = first_frame(subject, &headers[i]);
		subject->length = frame.length;
		if (!i)
			subject->first = feed_add(bench->feed, &frame);
		else
			feed_add(bench->feed, &frame);
		i++;
	}
	subject->flows = count_different(headers);
}

static void prepare(struct bench *bench, enum rule_set_kind kind, bool ipv6)
{
	feed_clear(bench->feed);
	for (size_t i = 0; i < bench->count; i++) {
		struct subject *subject = &bench->subject[i];

		snprintf(subject->name, sizeof(subject->name), "s%zu", i);
		snprintf(subject->device, sizeof(subject->device), "p%zu", 2 * i + 1);
		subject->sender = (struct actor){ .name = subject->name,
						  .device = subject->device,
						  .mac = { 2, 0, 0, 0, 0, (unsigned char)i } };
		rule_set_draw(&subject->set, kind, ipv6, sizes[i], 1);
		for (size_t j = 0; j < subject->set.count; j++)
			subject->set.rule[j].access = ACCESS_ALLOW;
		draw_headers(bench, subject);
	}
	apply(bench);
}

/* --- measuring --- */

/* Puts every header through once. One more closes the last one's time. */
static const __u64 *feed_headers(struct bench *bench, const struct subject *subject, int hook,
				 bool to_switch)
{
	struct feeder feeder = { .from = &subject->sender,
				 .via = hooks[hook],
				 .first = subject->first,
				 .count = ALL_HEADERS,
				 .repeat = ALL_HEADERS + 1,
				 .length = subject->length,
				 .timed = true };

	feed_switch(bench->feed, to_switch);
	feed_one(bench->feed, &feeder, 0);
	return feed_times(bench->feed) + subject->first + WARMING;
}

static __u32 feeding_cost(struct bench *bench, const struct subject *subject, int hook)
{
	const __u64 *times = feed_headers(bench, subject, hook, false);
	static __u32 ns[HEADERS];

	for (size_t i = 0; i < HEADERS; i++)
		ns[i] = (__u32)(100 * times[i]);
	return middle(ns, HEADERS);
}

static void sample(struct bench *bench, struct subject *subject, int hook, int round)
{
	__u32 feeding = feeding_cost(bench, subject, hook);
	const __u64 *times = feed_headers(bench, subject, hook, true);
	__u32 *ns = subject->ns[hook][round];

	for (size_t i = 0; i < HEADERS; i++)
		ns[i] = (__u32)(100 * times[i] > feeding ? 100 * times[i] - feeding : 0);
}

/* Each size once; all must have become flows. */
static void sample_all(struct bench *bench, int hook, int round)
{
	size_t expected = 0, flows;

	flows_clear(bench->sw);
	for (size_t i = 0; i < bench->count; i++) {
		sample(bench, &bench->subject[i], hook, round);
		expected += bench->subject[i].flows;
	}
	flows = flow_count(bench->sw);
	if (flows != expected)
		fail_msg("%s: %zu flows of %zu came to be",
			 rule_set_names[bench->subject[0].set.kind], flows, expected);
}

static struct figures summarize(const struct bench *bench, const struct subject *subject, int hook)
{
	static __u32 ns[HEADERS];

	for (size_t i = 0; i < HEADERS; i++) {
		__u32 times[MOST_ROUNDS];

		for (int round = 0; round < bench->rounds; round++)
			times[round] = subject->ns[hook][round][i];
		ns[i] = middle(times, (size_t)bench->rounds);
	}
	return figures_of(ns, HEADERS, 0.01);
}

static void raise_to(double *most, double value)
{
	*most = value > *most ? value : *most;
}

static void report(struct bench *bench, const struct subject *subject, int hook, double of_100)
{
	struct figures ns = summarize(bench, subject, hook);
	double tail = ns.percentile_99_9 / ns.median, times = ns.median / of_100;
	const char *kind = rule_set_names[subject->set.kind];
	int family = subject->set.ipv6 ? 6 : 4;

	printf("%-5s IPv%d %-4s %7zu %7.0f %7.0f %7.0f %6.2f %6.2f\n", kind, family,
	       hook_names[hook], subject->set.count, ns.median, ns.percentile_99,
	       ns.percentile_99_9, tail, times);
	json_array_append_new(
		bench->rows,
		json_pack("{s:s,s:i,s:s,s:I,s:f,s:f,s:f,s:f,s:f}", "kind", kind, "family", family,
			  "hook", hook_names[hook], "rules", (json_int_t)subject->set.count,
			  "median", ns.median, "percentile99", ns.percentile_99, "percentile99_9",
			  ns.percentile_99_9, "tail", tail, "times", times));
	if (subject != &bench->subject[1])
		return;
	raise_to(&bench->worst_ns, ns.median);
	raise_to(&bench->worst_times, times);
	raise_to(&bench->worst_tail, tail);
}

static void measure(struct bench *bench, enum rule_set_kind kind, bool ipv6)
{
	prepare(bench, kind, ipv6);
	for (int round = 0; round < bench->rounds; round++)
		for (int hook = 0; hook < HOOKS; hook++)
			sample_all(bench, hook, round);
	for (int hook = 0; hook < HOOKS; hook++)
		for (size_t i = 0; i < bench->count; i++)
			report(bench, &bench->subject[i], hook,
			       summarize(bench, &bench->subject[0], hook).median);
	fflush(stdout);
	for (size_t i = 0; i < bench->count; i++)
		rule_set_free(&bench->subject[i].set);
}

/* --- telling --- */

static void write_json(const struct bench *bench)
{
	const char *build = getenv("BUILD");
	char path[512];

	snprintf(path, sizeof(path), "%s/bench-first-packet.json", build ? build : "build");
	if (json_dump_file(bench->rows, path, JSON_INDENT(2)))
		fprintf(stderr, "%s can not be written\n", path);
	json_decref(bench->rows);
}

static bool judge(const char *what, double value, double limit)
{
	printf("# figures: at 100,000 rules %s %.2f (promised: %.0f)\n", what, value, limit);
	return value <= limit;
}

static bool within_limits(const struct bench *bench)
{
	bool within = judge("a first packet takes, at most, times that at 100:",
			    bench->worst_times, MOST_TIMES);

	within &= judge("one in a thousand takes, at most, medians:", bench->worst_tail, MOST_TAIL);
	printf("# figures: at 100,000 rules the median is, at most, %.0f ns\n", bench->worst_ns);
	return within;
}

int main(int count, char **arguments)
{
	static struct bench bench = { .rounds = 5, .count = SIZES };
	bool assert_limit = false, within;

	for (int i = 1; i < count; i++) {
		if (!strcmp(arguments[i], "--assert"))
			assert_limit = true;
		else if (!strcmp(arguments[i], "--quick"))
			bench.count = 2;
		else if (!strcmp(arguments[i], "--rounds") && i + 1 < count)
			bench.rounds = atoi(arguments[++i]);
		else
			bench.rounds = 0;
	}
	if (bench.rounds < 1 || bench.rounds > MOST_ROUNDS) {
		fprintf(stderr, "usage: first_packet [--quick] [--assert] [--rounds 1..%d]\n",
			MOST_ROUNDS);
		return 1;
	}
	bench.sw = bpf_switch_open(BUCKETS);
	switch_mac("first", switch_address);
	bench.feed = feed_open(bench.sw, SIZES * ALL_HEADERS);
	bench.rows = json_array();
	pin_to_cpu(0);
	printf("%-5s %4s %-4s %7s %7s %7s %7s %6s %6s\n", "ns", "", "hook", "rules", "median",
	       "99 %", "99.9 %", "tail", "times");
	for (int ipv6 = 0; ipv6 < 2; ipv6++)
		for (int kind = 0; kind < RULES_FIRST_HOSTILE; kind++)
			measure(&bench, (enum rule_set_kind)kind, ipv6);
	write_json(&bench);
	within = within_limits(&bench);
	feed_close(bench.feed);
	bpf_switch_close(bench.sw);
	return assert_limit && !within;
}
