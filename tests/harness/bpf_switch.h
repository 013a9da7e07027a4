/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A private switch for packet tests: the skeleton loaded without pins in a network namespace of
 * the test's own, documents compiled straight into its maps, frames run by BPF_PROG_TEST_RUN.
 *
 * Anything here that fails for a reason outside the test (no privileges, programs refused) ends
 * the test with cmocka's fail().
 */
#ifndef SLUICE_TESTS_BPF_SWITCH_H
#define SLUICE_TESTS_BPF_SWITCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <stddef.h>
#include <cmocka.h>

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "loader/compile.h"
#include "maps/control.h"
#include "tests/harness/packet.h"

#define BPF_SWITCH_PORTS 8 /* devices p1..p8 in the namespace; slots stay below 16 */
#define BPF_SWITCH_SLOTS 16
#define NIC "p8"           /* the device of the NIC whose VFs are ports */
#define FUNCTION_STEP 40

/* An entry of the flow table. */
struct known_flow {
	struct flow *line;
	struct flow_detail *detail;
	struct sluice_flow now; /* as it was when it was asked for */
};

struct bpf_switch {
	struct sluice_bpf *skeleton;
	struct control *control;
	struct flow_bucket *flows;
	struct flow_details *flow_details;
	__u64 *flow_tags;
	__u64 *flow_usage;
	struct tables tables;
	struct ids *slots;
	struct ids *rules;
	__u32 flow_buckets;
	__u32 version;
	__u32 mtu;          /* of the devices of the next documents' ports; 0: not known */
	bool redirect_peer; /* ports of the next documents are veth ends of containers */
	/* The first ports of the next documents, as many as this, have VFs of the device NIC: VF 0, VF
	 * FUNCTION_STEP and so on. They are delivered to by them, or, idle, by their own devices. */
	size_t functions;
	bool functions_idle;
	struct known_flow known; /* what known_between() found last */
	int cpus;           /* possible ones, as per-CPU maps count them */
};

/* Loads the programs with a flow table of that many buckets (0: 1024). */
struct bpf_switch *bpf_switch_open(__u32 flow_buckets);
void bpf_switch_close(struct bpf_switch *sw);

/* Compiles a document and makes it the running version. */
void bpf_switch_apply(struct bpf_switch *sw, const char *yaml);
const struct root *bpf_switch_root(const struct bpf_switch *sw);
__u32 bpf_switch_slot(const struct bpf_switch *sw, const char *port);
/* A rule's id by its key in loader/ids.h: "nsg/web/in/https". 0 when there is none. */
__u32 bpf_switch_rule(const struct bpf_switch *sw, const char *key);
unsigned int actor_ifindex(const struct actor *actor);

/*
 * The test document: vnets blue and red, both with subnets web and db and the same prefixes, and a
 * port for each actor. Each string adds keys to one map ("nsg: web, flowLimit: 5") or, `rest`,
 * top-level YAML. Without any, everything in a vnet may talk to everything in it.
 */
struct town {
	const char *switch_keys;
	const char *web; /* the subnets of blue */
	const char *db;
	const char *alice, *bob, *carol, *dave, *erin;
	const char *rest;
};

void town_apply(struct bpf_switch *sw, const struct town *town);
#define TOWN(sw, ...) town_apply(sw, &(struct town){ __VA_ARGS__ })

/* --- frames ------------------------------------------------------------------------------ */

enum via {
	VIA_TRACE, /* sluice_trace with keep_flows: judges and remembers as for a live packet */
	VIA_TC,
	VIA_XDP, /* tens of milliseconds a frame */
	VIA_COUNT,
};

struct outcome {
	bool delivered;          /* to the port in `slot` */
	bool answered;           /* the frame went back to its sender as the switch's answer */
	bool passed;             /* at NIC: up the host's stack */
	bool sent_back;          /* at NIC: by the NIC itself (XDP_TX) */
	enum drop_reason reason; /* 0 when it was not dropped */
	__u32 slot;              /* receiving port */
	struct frame in;
	struct frame out;          /* the frame as sent; empty when dropped */
	struct trace_result trace; /* of VIA_TRACE, send_frame and peek_frame */
	/* The sender's rx, and one tx or drop, went up by exactly one; by none for a trace. */
	bool counted_once;
};

struct outcome send_via(struct bpf_switch *sw, enum via via, const struct actor *from,
			struct frame frame);
/* By sluice_uplink_xdp: a frame as it is at NIC, which has put its tag on. from: who is to be counted. */
struct outcome send_at_nic(struct bpf_switch *sw, const struct actor *from, struct frame frame);
/* VIA_TC, after a trace that left no mark said the same: its report is in `trace`. */
struct outcome send_frame(struct bpf_switch *sw, const struct actor *from, struct frame frame);
/* A trace that must leave no mark: `counted_once` says that no counter moved. */
struct outcome peek_frame(struct bpf_switch *sw, const struct actor *from, struct frame frame);
/* The file descriptor of an entry point. */
int program_fd(const struct bpf_switch *sw, enum via via);
/* sluice_query's answer about a port; false: it has no such port. */
bool ask(struct bpf_switch *sw, const struct query *query, struct trace_result *answer);
/* Whether BPF_PROG_TEST_RUN takes the frame as an skb: newer kernels (6.17) refuse IP frames that
 * end within their IP header. XDP has no such scruples. */
bool runs_as_skb(const struct frame *frame);
/* One run of a tc entry point: 0 or -errno. Threads may use it. */
int try_tc(int program, unsigned int ifindex, const struct frame *frame, int *verdict);
/* One run that must work: the verdict. out may be NULL. */
int run_tc(int program, unsigned int ifindex, const struct frame *frame, struct frame *out);
int run_xdp(int program, unsigned int ifindex, const struct frame *frame, struct frame *out);
/* Pins the calling thread; sluice_trace's request and result are the CPU's own. */
void pin_to_cpu(int cpu);

/* --- counters and flows ------------------------------------------------------------------ */

struct port_counters counters_of(const struct bpf_switch *sw, __u32 slot);
struct rule_counters rule_counters_of(const struct bpf_switch *sw, const char *key);
struct ip_address address_from(const char *text);
/* Live entries of the table, times not looked at. */
size_t flow_count(const struct bpf_switch *sw);
/* Copies of all entries in use, sorted by their keys, of which none may come twice. Free with free(). */
struct sluice_flow *flow_entries(const struct bpf_switch *sw, size_t *count);
/* Each port's usage has to be what it owns of them. */
void expect_flow_usage(const struct bpf_switch *sw, const struct sluice_flow *entries, size_t count);
/* The one entry whose two ends are these actors' (any ports), or NULL; the next call overwrites it. */
const struct known_flow *known_between(struct bpf_switch *sw, const struct actor *a,
				       const struct actor *b, int family);
/* The same, when only a copy is wanted. */
const struct sluice_flow *flow_between(struct bpf_switch *sw, const struct actor *a,
				       const struct actor *b, int family);
/* Makes every entry look as if its last packet was seconds ago. */
void flows_age(struct bpf_switch *sw, unsigned int seconds);
/* Empties flow table, usage and fragments. */
void flows_clear(struct bpf_switch *sw);

/* --- what is expected -------------------------------------------------------------------- */

#define assert_delivered(outcome, to)   check_delivered(sw, outcome, to, __FILE__, __LINE__)
#define assert_dropped(outcome, reason) check_dropped(outcome, reason, __FILE__, __LINE__)
#define assert_answered(outcome)        check_answered(outcome, __FILE__, __LINE__)
#define assert_frame(got, expected)     check_frame(got, expected, __FILE__, __LINE__)

void check_delivered(struct bpf_switch *sw, struct outcome outcome, const struct actor *to,
		     const char *file, int line);
void check_dropped(struct outcome outcome, enum drop_reason reason, const char *file, int line);
void check_answered(struct outcome outcome, const char *file, int line);
void check_frame(struct frame got, struct frame expected, const char *file, int line);
const char *reason_name(enum drop_reason reason);

/* A file's tests share one switch; each begins with an empty flow table and TOWN(sw) with nothing
 * added: TEST(name) in its list, and main returns RUN_TESTS(list). LEAVE_OUT in the environment names
 * one that is not run. */
int open_switch(void **state);
int close_switch(void **state);
int fresh_town(void **state);
#define TEST(name)       cmocka_unit_test_setup(name, fresh_town)
#define RUN_TESTS(tests) \
	(cmocka_set_skip_filter(getenv("LEAVE_OUT")), \
	 cmocka_run_group_tests(tests, open_switch, close_switch))

/* Both address families, for loops over them. */
#define FOR_EACH_FAMILY(family) \
	for (int family = AF_INET; family; family = family == AF_INET ? AF_INET6 : 0)

#endif
