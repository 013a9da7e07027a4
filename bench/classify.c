/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * classify: nanoseconds a verdict of the loaded classifier, by number and kind of rules.
 *
 * classify [--quick] [--ordinary | --hostile] [--assert] [--rounds N]: sets like a router's, a
 * firewall's and between networks, of 10 to 100,000 rules in both families, and sets made against
 * classifiers, each beside an ordinary one of the same size. Median, 99th and 99.9th percentile over
 * 4,096 random headers, and over a million for the largest; what compiling takes, and the table's
 * lines. A table, and $BUILD/bench-classify.json. tail: the 99.9th percentile by the median; times:
 * the median by that of the set beside it. --quick leaves out hostile sets in IPv6, the million
 * headers and the middle sizes, --ordinary and --hostile the other sets. steps: how many lines the
 * verdicts look at, their median and 99.9th percentile. With --assert it exits 1 when what 100,000
 * rules take beside 100, the tail at 100,000 or hostile sets beside ordinary ones are beyond their
 * limits.
 *
 * Each verdict is timed by itself, by two looks at the clock, whose own cost is taken off: the middle
 * of as many looks with nothing between them in the same round. A header's time is the middle of its
 * times in the rounds, so that what interrupts a verdict once is not taken for its cost. The middle
 * is the mean of the values that are neither among the lowest nor the highest quarter: many clocks
 * tick in steps of 10 ns, which a median would keep. Sets that are compared take turns in each round.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/harness/statistics.h"
#include "tests/harness/unit.h"
#include "tests/harness/verdicts.h"
#include "tests/harness/walk.h"

#include <jansson.h>

#define LINES         (1U << 21)
#define HEADERS       4096
#define MANY          (1U << 20)
#define MOST_ROUNDS   16
#define MOST_SETS     8
#define HOSTILE_LIMIT 6.0

/*
 * What is promised of ordinary sets of 100,000 rules. With --assert the lines that verdicts look at,
 * which nothing disturbs, are held to it. Times depend on what others on the machine leave of its
 * caches, of which 100 rules need nothing: they have wider limits.
 */
#define GROWTH_PROMISED 5.0 /* the median by that at 100 rules */
#define GROWTH_LIMIT    15.0
#define TAIL_PROMISED   3.0 /* the 99.9th percentile by the median */
#define TAIL_LIMIT      9.0

enum what {
	EVERYTHING,
	ORDINARY,
	HOSTILE
};

/* A set in the table, with its headers among the questions. */
struct subject {
	enum rule_set_kind kind;
	bool ipv6;
	size_t rules;
	__u32 line;
	__u32 lines;
	size_t first;
	size_t headers;
	double compile_ms;
	long compile_kib; /* of memory, beside the table */
	struct figures ns;
	struct figures steps; /* lines that a verdict looks at */
};

struct bench {
	struct verdicts verdicts;
	struct subject subject[MOST_SETS];
	size_t count;
	size_t put; /* questions that are in use */
	__u32 *ns[MOST_ROUNDS];
	int rounds;
	json_t *rows;
	const char *sets; /* which are being measured */
	double worst_growth, worst_tail, worst_hostile; /* of times */
	double worst_steps_growth, worst_steps_tail;
};

/* --- laying --- */

static long status_kib(const char *key)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];
	long kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			kib = atol(line + strlen(key));
	if (file)
		fclose(file);
	return kib;
}

/* VmHWM counts anew from here. */
static void forget_peak(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "w");

	if (!file || fputs("5", file) < 0 || fclose(file))
		fail_msg("/proc/self/clear_refs can not be written");
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void lay(struct bench *bench, struct subject *subject, const struct rule_set *set)
{
	struct tables *tables = &bench->verdicts.tables;
	struct sluice_error error = { 0 };
	__u32 used = tables->used;
	long before;
	double begun;

	malloc_trim(0);
	forget_peak();
	before = status_kib("VmRSS:");
	begun = now_ms();
	if (classifier_build(tables, set->rule, set->count, ACCESS_ALLOW, &subject->line, &error))
		fail_msg("%s of %zu rules: %s", rule_set_names[set->kind], set->count,
			 error.message);
	subject->compile_ms = now_ms() - begun;
	subject->compile_kib = status_kib("VmHWM:") - before;
	subject->lines = tables->used - used;
}

static void count_steps(const struct bench *bench, struct subject *subject,
			const struct reference_tuple *headers)
{
	static __u32 steps[HEADERS];

	for (size_t i = 0; i < HEADERS; i++) {
		struct walk_verdict verdict;

		walk_classify(bench->verdicts.tables.lines, subject->line, &headers[i], &verdict);
		steps[i] = verdict.steps;
	}
	subject->steps = figures_of(steps, HEADERS, 1);
}

static void add(struct bench *bench, enum rule_set_kind kind, bool ipv6, size_t rules,
		size_t headers)
{
	struct subject *subject = &bench->subject[bench->count++];
	struct reference_tuple *drawn = calloc(headers, sizeof(*drawn));
	struct random random = { rules };
	struct rule_set set;

	assert_true(bench->count <= MOST_SETS && drawn);
	rule_set_draw(&set, kind, ipv6, rules, 1);
	*subject = (struct subject){ .kind = kind,
				     .ipv6 = ipv6,
				     .rules = set.count,
				     .first = bench->put,
				     .headers = headers };
	lay(bench, subject, &set);
	rule_set_headers(&set, &random, drawn, headers);
	verdicts_put(&bench->verdicts, subject->first, drawn, headers);
	count_steps(bench, subject, drawn);
	bench->put += headers;
	rule_set_free(&set);
	free(drawn);
}

static void clear(struct bench *bench)
{
	verdicts_clear(&bench->verdicts);
	bench->count = bench->put = 0;
}

/* --- measuring --- */

/* In hundredths of a nanosecond, as all that follows. */
static __u32 clock_cost(struct bench *bench, const struct subject *subject)
{
	static __u32 ns[HEADERS];

	verdicts_ask_nothing(&bench->verdicts, subject->first, HEADERS);
	for (size_t i = 0; i < HEADERS; i++)
		ns[i] = 100 * bench->verdicts.question[subject->first + i].nanoseconds;
	return middle(ns, HEADERS);
}

static void sample(struct bench *bench, const struct subject *subject, int round)
{
	__u32 clock = clock_cost(bench, subject);

	verdicts_ask(&bench->verdicts, subject->line, subject->first, subject->headers);
	for (size_t i = 0; i < subject->headers; i++) {
		__u32 ns = 100 * bench->verdicts.question[subject->first + i].nanoseconds;

		bench->ns[round][subject->first + i] = ns > clock ? ns - clock : 0;
	}
}

static void summarize(struct bench *bench, struct subject *subject)
{
	__u32 *ns = bench->ns[0] + subject->first;

	for (size_t i = 0; i < subject->headers; i++) {
		__u32 times[MOST_ROUNDS];

		for (int round = 0; round < bench->rounds; round++)
			times[round] = bench->ns[round][subject->first + i];
		ns[i] = middle(times, (size_t)bench->rounds);
	}
	subject->ns = figures_of(ns, subject->headers, 0.01);
}

static void report(struct bench *bench, const struct subject *subject,
		   const struct subject *beside)
{
	double tail = subject->ns.percentile_99_9 / subject->ns.median;
	double times = subject->ns.median / beside->ns.median;
	char other[64];

	snprintf(other, sizeof(other), "%s, %zu rules", rule_set_names[beside->kind],
		 beside->rules);

	printf("%-18s IPv%d %7zu %8zu %7.0f %7.0f %7.0f %7.2f %7.2f %6.0f %6.0f "
	       "%9.1f %7.1f %8u\n",
	       rule_set_names[subject->kind], subject->ipv6 ? 6 : 4, subject->rules,
	       subject->headers, subject->ns.median, subject->ns.percentile_99,
	       subject->ns.percentile_99_9, tail, times, subject->steps.median,
	       subject->steps.percentile_99_9, subject->compile_ms,
	       (double)subject->compile_kib / 1024, subject->lines);
	fflush(stdout);
	json_array_append_new(
		bench->rows,
		json_pack("{s:s,s:s,s:i,s:I,s:I,s:f,s:f,s:f,s:f,s:s,s:f,s:f,s:f,s:f,s:I,s:I}",
			  "sets", bench->sets, "kind", rule_set_names[subject->kind], "family",
			  subject->ipv6 ? 6 : 4, "rules", (json_int_t)subject->rules, "headers",
			  (json_int_t)subject->headers, "median", subject->ns.median,
			  "percentile99", subject->ns.percentile_99, "percentile99_9",
			  subject->ns.percentile_99_9, "tail", tail, "beside", other, "times",
			  times, "steps", subject->steps.median, "steps99_9",
			  subject->steps.percentile_99_9, "compileMs", subject->compile_ms,
			  "compileKib", (json_int_t)subject->compile_kib, "lines",
			  (json_int_t)subject->lines));
}

/* The times of all are those of the subject they are compared with. Returns the most. */
static double measure(struct bench *bench, size_t beside)
{
	double most = 0;

	for (int round = 0; round < bench->rounds; round++)
		for (size_t i = 0; i < bench->count; i++)
			sample(bench, &bench->subject[i], round);
	for (size_t i = 0; i < bench->count; i++)
		summarize(bench, &bench->subject[i]);
	for (size_t i = 0; i < bench->count; i++) {
		double times = bench->subject[i].ns.median / bench->subject[beside].ns.median;

		most = times > most ? times : most;
		report(bench, &bench->subject[i], &bench->subject[beside]);
	}
	return most;
}

static void raise_to(double *most, double value)
{
	*most = value > *most ? value : *most;
}

static void measure_sizes(struct bench *bench, enum rule_set_kind kind, bool ipv6, bool quick)
{
	static const size_t sizes[] = { 100, 100000, 10, 1000, 10000 };
	const struct subject *largest = &bench->subject[1];

	bench->sets = "ordinary";
	clear(bench);
	for (size_t i = 0; i < (quick ? 2 : sizeof(sizes) / sizeof(*sizes)); i++)
		add(bench, kind, ipv6, sizes[i], HEADERS);
	measure(bench, 0);
	raise_to(&bench->worst_growth, largest->ns.median / bench->subject[0].ns.median);
	raise_to(&bench->worst_tail, largest->ns.percentile_99_9 / largest->ns.median);
	raise_to(&bench->worst_steps_growth,
		 largest->steps.median / bench->subject[0].steps.median);
	raise_to(&bench->worst_steps_tail, largest->steps.percentile_99_9 / largest->steps.median);
	if (quick)
		return;
	clear(bench);
	add(bench, kind, ipv6, 100, HEADERS);
	add(bench, kind, ipv6, 100000, MANY);
	measure(bench, 0);
}

static void measure_hostile(struct bench *bench, enum rule_set_kind kind, bool ipv6)
{
	bench->sets = "hostile";
	clear(bench);
	add(bench, RULES_IPC, ipv6, rule_set_laid_size(kind), HEADERS);
	add(bench, kind, ipv6, rule_set_laid_size(kind), HEADERS);
	raise_to(&bench->worst_hostile, measure(bench, 0));
}

static void write_json(const struct bench *bench)
{
	const char *build = getenv("BUILD");
	char path[512];

	snprintf(path, sizeof(path), "%s/bench-classify.json", build ? build : "build");
	if (json_dump_file(bench->rows, path, JSON_INDENT(2)))
		fprintf(stderr, "%s can not be written\n", path);
	json_decref(bench->rows);
}

/* Whether a figure that was measured is within its limit. */
static bool judge(const char *what, double value, double promised, double limit)
{
	if (!value)
		return true;
	printf("# figures: %s %.2f times (promised: %.0f)\n", what, value, promised);
	if (value <= limit)
		return true;
	fprintf(stderr, "%s %.2f times; the limit is %.1f\n", what, value, limit);
	return false;
}

static bool within_limits(const struct bench *bench)
{
	bool within = judge("100,000 rules take, at most, the time of 100", bench->worst_growth,
			    GROWTH_PROMISED, GROWTH_LIMIT);

	within &= judge("100,000 rules take, at most, the lines of 100", bench->worst_steps_growth,
			GROWTH_PROMISED, GROWTH_PROMISED);
	within &= judge("one verdict in a thousand takes, at most, the median's time",
			bench->worst_tail, TAIL_PROMISED, TAIL_LIMIT);
	within &= judge("one verdict in a thousand takes, at most, the median's lines",
			bench->worst_steps_tail, TAIL_PROMISED, TAIL_PROMISED);
	within &= judge("hostile rules take, at most, the time of ordinary ones",
			bench->worst_hostile, HOSTILE_LIMIT, HOSTILE_LIMIT);
	return within;
}

static void run(struct bench *bench, bool quick, enum what what)
{
	printf("%-18s %4s %7s %8s %7s %7s %7s %7s %7s %6s %6s %9s %7s %8s\n", "ns per verdict", "",
	       "rules", "headers", "median", "99 %", "99.9 %", "tail", "times", "steps", "99.9 %",
	       "compile ms", "MB", "lines");
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		for (int kind = 0; kind < RULES_FIRST_HOSTILE && what != HOSTILE; kind++)
			measure_sizes(bench, (enum rule_set_kind)kind, ipv6, quick);
		if (what == ORDINARY || (quick && ipv6))
			continue;
		for (int kind = RULES_FIRST_HOSTILE; kind < RULE_SET_KIND_COUNT; kind++)
			measure_hostile(bench, (enum rule_set_kind)kind, ipv6);
	}
}

int main(int count, char **arguments)
{
	static struct bench bench = { .rounds = 5 };
	bool assert_limit = false, quick = false;
	enum what what = EVERYTHING;
	bool within;

	for (int i = 1; i < count; i++) {
		if (!strcmp(arguments[i], "--assert"))
			assert_limit = true;
		else if (!strcmp(arguments[i], "--quick"))
			quick = true;
		else if (!strcmp(arguments[i], "--hostile"))
			what = HOSTILE;
		else if (!strcmp(arguments[i], "--ordinary"))
			what = ORDINARY;
		else if (!strcmp(arguments[i], "--rounds") && i + 1 < count)
			bench.rounds = atoi(arguments[++i]);
		else
			bench.rounds = 0;
	}
	if (bench.rounds < 1 || bench.rounds > MOST_ROUNDS) {
		fprintf(stderr,
			"usage: classify [--quick] [--ordinary | --hostile] [--assert] "
			"[--rounds 1..%d]\n",
			MOST_ROUNDS);
		return 1;
	}
	verdicts_open(&bench.verdicts, LINES, MANY + MOST_SETS * HEADERS);
	for (int round = 0; round < bench.rounds; round++)
		if (!(bench.ns[round] = calloc(bench.verdicts.most, sizeof(*bench.ns[round]))))
			fail_msg("no memory for the times");
	bench.rows = json_array();
	run(&bench, quick, what);
	write_json(&bench);
	within = within_limits(&bench);
	verdicts_close(&bench.verdicts);
	for (int round = 0; round < bench.rounds; round++)
		free(bench.ns[round]);
	return assert_limit && !within;
}
