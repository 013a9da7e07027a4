/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sluice_import (maps/import.h): what another switch had goes on here as it was, and nothing comes in
 * that the running version would not let begin.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/sluice.skel.h"
#include "maps/import.h"
#include "tests/harness/talk.h"

#define HTTPS_ONLY                                                        \
	"nsgs: {n: {rules: ["                                             \
	"{name: https, priority: 100, direction: Inbound, access: Allow," \
	" protocol: Tcp, destinationPorts: ['443']},"                     \
	"{name: rest, priority: 4096, direction: Inbound, access: Deny}]}}"
#define NOTHING               \
	"nsgs: {n: {rules: [" \
	"{name: rest, priority: 4096, direction: Inbound, access: Deny}]}}"
#define NOTHING_NEW                                \
	"nsgs: {n: {existingFlows: keep, rules: [" \
	"{name: rest, priority: 4096, direction: Inbound, access: Deny}]}}"

/* One run of the program; threads may use it. */
static int try_import(const struct bpf_switch *sw, struct imported_flow *flow)
{
	struct {
		unsigned char ethernet[14];
		struct imported_flow flow;
	} __attribute__((packed)) frame = { .flow = *flow }, answer;
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = &frame, .data_size_in = sizeof(frame),
		    .data_out = &answer, .data_size_out = sizeof(answer), .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(sw->skeleton->progs.sluice_import), &options))
		return -1;
	*flow = answer.flow;
	return 0;
}

static enum import_outcome import(const struct bpf_switch *sw, struct imported_flow *flow)
{
	flow->outcome = IMPORT_NONE;
	assert_int_equal(try_import(sw, flow), 0);
	return flow->outcome;
}

/* The flow as its switch would export it, as one of the sender's port or of the receiver's. */
static struct imported_flow taken_from(const struct sluice_flow *flow, int named)
{
	struct imported_flow taken = { .protocol = flow->key.vni_protocol & 0xff,
				       .state = flow->state,
				       .keep = flow->keep };

	for (int i = 0; i < 2; i++) {
		int end = i ^ flow->originator;

		taken.address[i] = flow->key.address[end];
		taken.port[i] = flow->key.port[end];
		taken.packets[i] = flow->packets[end];
		taken.bytes[i] = flow->bytes[end];
		taken.tcp_ack[i] = flow->tcp_ack[end];
		taken.tcp_acks |= (flow->tcp_acks >> end & 1) << i;
		taken.tcp_fins |= (flow->tcp_fins >> end & 1) << i;
		taken.slot[i] = i == named ? flow->slot[end] : 0;
	}
	return taken;
}

/* An established connection with data in it, taken from a switch that has it no more. */
static struct connection take_from_client(struct bpf_switch *sw, const struct actor *client,
					  int family, int named, struct sluice_flow *flow,
					  struct imported_flow *taken)
{
	const struct actor *server = client == &alice ? &bob : &alice;
	struct connection connection = connection_between(sw, client, server, family);

	shake_hands(&connection);
	assert_delivered(client_says(&connection, FLAG_ACK | FLAG_PSH, 100), server);
	assert_delivered(server_says(&connection, FLAG_ACK | FLAG_PSH, 200), client);
	*flow = *flow_between(sw, &alice, &bob, family);
	*taken = taken_from(flow, named);
	flows_clear(sw);
	assert_dropped(server_says(&connection, FLAG_ACK, 1), DROP_TCP_STATE);
	return connection;
}

static struct connection take_connection(struct bpf_switch *sw, int family, int named,
					 struct sluice_flow *flow, struct imported_flow *taken)
{
	return take_from_client(sw, &alice, family, named, flow, taken);
}

static void imported_flow_goes_on_as_it_was(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .bob = "nsg: n", .rest = HTTPS_ONLY);
	FOR_EACH_FAMILY(family)
		for (int named = 0; named < 2; named++) {
			struct rule_counters before, after;
			struct connection connection;
			struct imported_flow taken;
			const struct known_flow *now;
			struct sluice_flow flow;

			connection = take_connection(sw, family, named, &flow, &taken);
			before = rule_counters_of(sw, "nsg/n/in/https");
			assert_int_equal(import(sw, &taken), IMPORT_CARRIED);
			now = known_between(sw, &alice, &bob, family);
			assert_int_equal(now->line->acl_allowed, FLOW_UNMET);
			assert_memory_equal(&now->now.key, &flow.key, sizeof(flow.key));
			assert_memory_equal(now->now.packets, flow.packets, sizeof(flow.packets));
			assert_memory_equal(now->now.bytes, flow.bytes, sizeof(flow.bytes));
			assert_memory_equal(now->now.rule, flow.rule, sizeof(flow.rule));
			assert_memory_equal(now->now.slot, flow.slot, sizeof(flow.slot));
			assert_memory_equal(now->now.tcp_ack, flow.tcp_ack, sizeof(flow.tcp_ack));
			assert_int_equal(now->now.tcp_acks, flow.tcp_acks);
			assert_int_equal(now->now.originator, flow.originator);
			assert_int_equal(now->now.state, FLOW_ESTABLISHED);
			assert_int_equal(sw->flow_usage[bpf_switch_slot(sw, "alice")], 1);
			/* Its packets were counted where they passed; it is a flow here from now on. */
			after = rule_counters_of(sw, "nsg/n/in/https");
			assert_int_equal(after.packets, before.packets);
			assert_int_equal(after.flows, before.flows + 1);
			assert_delivered(server_says(&connection, FLAG_ACK, 10), &alice);
			assert_delivered(client_says(&connection, FLAG_ACK, 10), &bob);
			now = known_between(sw, &alice, &bob, family);
			assert_int_equal(now->line->acl_allowed, 3);
			for (int i = 0; i < 2; i++)
				assert_int_equal(now->now.packets[i], flow.packets[i] + 1);
			flows_clear(sw);
		}
}

/* In either order of the two ends in the key. */
static void imported_flow_ends_as_it_would_have(void **state)
{
	static const struct actor *const clients[] = { &alice, &bob };
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (int i = 0; i < 2; i++) {
			struct connection connection;
			struct imported_flow taken;
			struct sluice_flow flow;

			connection = take_from_client(sw, clients[i], family, 0, &flow, &taken);
			assert_int_equal(import(sw, &taken), IMPORT_CARRIED);
			/* A RST of somebody who does not see the connection. */
			assert_dropped(server_forges(&connection, FLAG_RST | FLAG_ACK,
						     connection.server_next + (64U << 20), 1),
				       DROP_TCP_STATE);
			assert_delivered(client_says(&connection, FLAG_FIN | FLAG_ACK, 0),
					 clients[!i]);
			taken = taken_from(flow_between(sw, &alice, &bob, family), 1);
			taken.tcp_acks = 1; /* only what the client wants is known */
			flows_clear(sw);
			assert_int_equal(import(sw, &taken), IMPORT_CARRIED);
			assert_int_equal(state_of(&connection), FLOW_FIN_WAIT);
			assert_int_equal(flow_between(sw, &alice, &bob, family)->tcp_acks, 1 << i);
			assert_int_equal(flow_between(sw, &alice, &bob, family)->tcp_fins, 1 << i);
			assert_delivered(server_says(&connection, FLAG_FIN | FLAG_ACK, 0),
					 clients[i]);
			assert_int_equal(state_of(&connection), FLOW_CLOSED);
			flows_clear(sw);
		}
}

static void flow_that_packets_have_met_stays_as_it_is(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection connection;
		struct imported_flow early, late;
		struct sluice_flow flow;

		connection = take_connection(sw, family, 0, &flow, &early);
		late = early;
		late.packets[0] += 1000;
		assert_int_equal(import(sw, &early), IMPORT_CARRIED);
		assert_int_equal(import(sw, &late), IMPORT_CARRIED);
		assert_int_equal(flow_count(sw), 1);
		assert_int_equal(sw->flow_usage[bpf_switch_slot(sw, "alice")], 1);
		assert_delivered(client_says(&connection, FLAG_ACK, 10), &bob);
		late.what_if = 1;
		assert_int_equal(import(sw, &late), IMPORT_STAYED);
		late.what_if = 0;
		assert_int_equal(import(sw, &late), IMPORT_STAYED);
		assert_int_equal(import(sw, &early), IMPORT_STAYED);
		flow = *flow_between(sw, &alice, &bob, family);
		assert_int_equal(flow.packets[flow.originator], early.packets[0] + 1001);
		flows_clear(sw);
	}
}

static void expect_refused(struct bpf_switch *sw, struct imported_flow flow,
			   enum drop_reason reason, __u32 rule)
{
	static struct port_counters before[BPF_SWITCH_SLOTS];

	for (__u32 slot = 0; slot < BPF_SWITCH_SLOTS; slot++)
		before[slot] = counters_of(sw, slot);
	assert_int_equal(import(sw, &flow), IMPORT_REFUSED);
	assert_string_equal(reason_name(flow.reason), reason_name(reason));
	assert_int_equal(flow.rule, rule);
	assert_int_equal(flow_count(sw), 0);
	for (__u32 slot = 0; slot < BPF_SWITCH_SLOTS; slot++) {
		struct port_counters after = counters_of(sw, slot);

		assert_memory_equal(&before[slot], &after, sizeof(after));
		assert_int_equal(sw->flow_usage[slot], 0);
	}
}

static void what_the_policy_denies_stays_out(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct imported_flow taken;
		struct sluice_flow flow;
		struct rule_counters counters;

		fresh_town(state);
		take_connection(sw, family, 1, &flow, &taken);
		TOWN(sw, .bob = "nsg: n", .rest = NOTHING);
		expect_refused(sw, taken, DROP_NSG_DENY, bpf_switch_rule(sw, "nsg/n/in/rest"));
		counters = rule_counters_of(sw, "nsg/n/in/rest");
		assert_int_equal(counters.packets, 0);
		taken.what_if = 1;
		expect_refused(sw, taken, DROP_NSG_DENY, bpf_switch_rule(sw, "nsg/n/in/rest"));
		taken.what_if = 0;
		/* Only what NSGs said and say is kept is. */
		TOWN(sw, .bob = "nsg: n", .rest = NOTHING_NEW);
		taken.keep = 0;
		expect_refused(sw, taken, DROP_NSG_DENY, bpf_switch_rule(sw, "nsg/n/in/rest"));
		taken.keep = 1;
		assert_int_equal(import(sw, &taken), IMPORT_CARRIED);
		assert_int_equal(flow_between(sw, &alice, &bob, family)->rule[3], 0);
		flows_clear(sw);
		TOWN(sw, .bob = "nsg: n", .rest = NOTHING);
		expect_refused(sw, taken, DROP_NSG_DENY, bpf_switch_rule(sw, "nsg/n/in/rest"));
		TOWN(sw, .rest = "acls: [{name: a, rules: [{name: no, direction: Outbound,"
				 " access: Deny}]}]");
		expect_refused(sw, taken, DROP_ACL_DENY, bpf_switch_rule(sw, "acl/a/no"));
	}
}

/* The version changes between the import and the first packet. */
static void imported_flow_is_judged_again_like_any_other(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection connection;
		struct imported_flow taken;
		struct sluice_flow flow;

		fresh_town(state);
		connection = take_connection(sw, family, 1, &flow, &taken);
		assert_int_equal(import(sw, &taken), IMPORT_CARRIED);
		TOWN(sw, .bob = "nsg: n", .rest = NOTHING);
		assert_dropped(client_says(&connection, FLAG_ACK, 10), DROP_NSG_DENY);
		assert_int_equal(flow_count(sw), 0);
	}
}

static void each_direction_is_asked_about_in_acls(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection connection;
		struct imported_flow taken;
		struct sluice_flow flow;

		fresh_town(state);
		connection = take_connection(sw, family, 1, &flow, &taken);
		TOWN(sw, .rest = "acls: [{name: a, rules: [{name: no, direction: Outbound,"
				 " access: Deny, sourcePorts: ['443'], protocol: Tcp}]}]");
		assert_int_equal(import(sw, &taken), IMPORT_CARRIED);
		assert_dropped(server_says(&connection, FLAG_ACK, 10), DROP_ACL_DENY);
		assert_delivered(client_says(&connection, FLAG_ACK, 10), &bob);
		flows_clear(sw);
	}
}

static void threat_1_flows_of_addresses_that_are_not_the_ports_stay_out(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct imported_flow taken, other;
		struct sluice_flow flow;

		take_connection(sw, family, 0, &flow, &taken);
		other = taken;
		other.address[0] = address_from(address_of(&carol, family));
		expect_refused(sw, other, DROP_IP_SPOOFED, 0);
		/* Nobody has the destination; the gateway has it; the sender has it itself. */
		other = taken;
		other.address[1] = address_from(family == AF_INET ? "10.1.1.99" : "fd00:1:0:1::99");
		expect_refused(sw, other, DROP_NO_ENDPOINT, 0);
		other.address[1] = address_from(family == AF_INET ? "10.1.1.1" : "fd00:1:0:1::1");
		expect_refused(sw, other, DROP_NO_ENDPOINT, 0);
		other.address[1] = taken.address[0];
		expect_refused(sw, other, DROP_NO_ENDPOINT, 0);
		other.address[1] = address_from(family == AF_INET ? "192.0.2.1" : "2001:db8::1");
		expect_refused(sw, other, DROP_NO_ROUTE, 0);
		/* It is said to be bob's, and is carol's. */
		other.address[1] = address_from(address_of(&carol, family));
		other.slot[1] = bpf_switch_slot(sw, "bob");
		expect_refused(sw, other, DROP_NO_ENDPOINT, 0);
		/* Only the receiver is named, and nobody has the source; no such slot at all. */
		other = taken;
		other.slot[0] = 0;
		other.slot[1] = bpf_switch_slot(sw, "bob");
		other.address[0] = address_from(family == AF_INET ? "10.1.1.99" : "fd00:1:0:1::99");
		expect_refused(sw, other, DROP_NO_ENDPOINT, 0);
		other.slot[1] = 0;
		expect_refused(sw, other, DROP_NO_ENDPOINT, 0);
		other.slot[0] = 60000;
		expect_refused(sw, other, DROP_NO_ENDPOINT, 0);
	}
}

static void threat_12_imported_flows_count_against_the_quota(void **state)
{
	struct bpf_switch *sw = *state;
	struct imported_flow taken;
	struct sluice_flow flow;

	take_connection(sw, AF_INET, 0, &flow, &taken);
	TOWN(sw, .alice = "flowLimit: 5");
	for (__u16 port = 1; port <= 8; port++) {
		taken.port[0] = port;
		taken.what_if = 1;
		assert_int_equal(import(sw, &taken), port <= 5 ? IMPORT_CARRIED : IMPORT_REFUSED);
		taken.what_if = 0;
		assert_int_equal(import(sw, &taken), port <= 5 ? IMPORT_CARRIED : IMPORT_REFUSED);
		assert_int_equal(taken.reason, port <= 5 ? DROP_NONE : DROP_FLOW_LIMIT);
	}
	assert_int_equal(flow_count(sw), 5);
	assert_int_equal(sw->flow_usage[bpf_switch_slot(sw, "alice")], 5);
}

static void what_if_leaves_no_mark(void **state)
{
	size_t size = sizeof(struct flow_bucket);
	struct bpf_switch *sw = *state;
	struct imported_flow taken;
	struct sluice_flow flow;

	take_connection(sw, AF_INET, 0, &flow, &taken);
	size *= sw->flow_buckets;
	taken.what_if = 1;
	assert_int_equal(import(sw, &taken), IMPORT_CARRIED);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(((unsigned char *)sw->flows)[i], 0);
	assert_int_equal(sw->flow_usage[bpf_switch_slot(sw, "alice")], 0);
}

/* Echoes and what else ICMP says have flows of their own kinds. */
static void icmp_flows_are_carried(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		bool ipv4 = family == AF_INET;
		struct frame ping =
			SAY(.from = &alice, .to = &bob, .family = family, .protocol = ipv4 ? 1 : 58,
			    .icmp_type = ipv4 ? 8 : 128, .icmp_id = 77);
		struct frame reply =
			SAY(.from = &alice, .to = &bob, .family = family, .protocol = ipv4 ? 1 : 58,
			    .icmp_type = ipv4 ? 0 : 129, .icmp_id = 78);
		const struct frame *frames[] = { &ping, &reply };

		for (int i = 0; i < 2; i++) {
			struct imported_flow taken;
			struct sluice_flow flow;

			assert_delivered(send_frame(sw, &alice, *frames[i]), &bob);
			flow = *flow_between(sw, &alice, &bob, family);
			taken = taken_from(&flow, 0);
			flows_clear(sw);
			assert_int_equal(import(sw, &taken), IMPORT_CARRIED);
			assert_memory_equal(&flow_between(sw, &alice, &bob, family)->key, &flow.key,
					    sizeof(flow.key));
			assert_delivered(send_frame(sw, &alice, *frames[i]), &bob);
			assert_int_equal(flow_count(sw), 1);
			flows_clear(sw);
		}
	}
}

/* --- beside packets of the same flows, on another CPU --- */

#define FLOWS    1000
#define PACKETS  4       /* of each flow */
#define IMPORTS  50      /* of each flow, one right after the other */
#define MET_AWAY 1000000 /* packets that each flow had at the other switch */

struct sender {
	pthread_t thread;
	struct bpf_switch *sw;
	int family;
	int error;
	unsigned int dropped;
	int importing; /* the flow that is imported in this moment */
};

/* Every fourth flow begins when it likes, the others while they are imported. */
static void wait_for_import(const struct sender *sender, int number)
{
	while (number % 4 && __atomic_load_n(&sender->importing, __ATOMIC_ACQUIRE) < number)
		sched_yield();
}

static void *send_all(void *context)
{
	struct sender *sender = context;
	int cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1, verdict = 0;
	unsigned int ifindex = actor_ifindex(&alice);
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sender->error = sched_setaffinity(0, sizeof(set), &set);
	for (int i = 0; i < FLOWS * PACKETS && !sender->error; i++) {
		__u16 port = (__u16)(20000 + i / PACKETS);
		struct frame frame = datagram(&alice, &bob, sender->family, port, 53);

		wait_for_import(sender, i / PACKETS);
		sender->error = try_tc(program_fd(sender->sw, VIA_TC), ifindex, &frame, &verdict);
		sender->dropped += verdict != TC_ACT_REDIRECT;
	}
	return NULL;
}

/* Again and again, so that packets meet flows just while these are imported again. Returns how many were
 * here before. */
static size_t import_all(struct sender *sender, enum import_outcome *outcomes)
{
	int family = sender->family;
	size_t met = 0;

	for (int i = 0; i < IMPORTS * FLOWS; i++) {
		int number = i / IMPORTS;
		struct imported_flow flow = {
			.address = { address_from(address_of(&alice, family)),
				     address_from(address_of(&bob, family)) },
			.packets = { MET_AWAY, 0 },
			.port = { htons((__u16)(20000 + number)), htons(53) },
			.slot = { (__u16)bpf_switch_slot(sender->sw, "alice") },
			.protocol = 17,
			.state = FLOW_UDP,
		};
		enum import_outcome outcome;

		__atomic_store_n(&sender->importing, number, __ATOMIC_RELEASE);
		outcome = import(sender->sw, &flow);
		if (i % IMPORTS)
			continue;
		outcomes[number] = outcome;
		met += outcome == IMPORT_STAYED;
	}
	return met;
}

static void packets_beside_an_import_are_all_counted(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct sender sender = { .sw = sw, .family = family };
		static enum import_outcome outcomes[FLOWS];
		struct sluice_flow *entries;
		size_t count, met;

		flows_clear(sw);
		assert_int_equal(pthread_create(&sender.thread, NULL, send_all, &sender), 0);
		while (!flow_count(sw) && !__atomic_load_n(&sender.error, __ATOMIC_RELAXED))
			sched_yield();
		met = import_all(&sender, outcomes);
		pthread_join(sender.thread, NULL);
		assert_int_equal(sender.error, 0);
		assert_int_equal(sender.dropped, 0);
		assert_true(met > 0);
		entries = flow_entries(sw, &count);
		assert_int_equal(count, FLOWS);
		expect_flow_usage(sw, entries, count);
		for (size_t i = 0; i < count; i++) {
			int here = entries[i].originator;
			int number = ntohs(entries[i].key.port[here]) - 20000;

			assert_in_range(number, 0, FLOWS - 1);
			assert_int_equal(
				entries[i].packets[here],
				PACKETS + (outcomes[number] == IMPORT_CARRIED ? MET_AWAY : 0));
		}
		free(entries);
		print_message("%zu of %d flows had begun before they were imported\n", met, FLOWS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(imported_flow_goes_on_as_it_was),
		TEST(imported_flow_ends_as_it_would_have),
		TEST(flow_that_packets_have_met_stays_as_it_is),
		TEST(what_the_policy_denies_stays_out),
		TEST(imported_flow_is_judged_again_like_any_other),
		TEST(each_direction_is_asked_about_in_acls),
		TEST(threat_1_flows_of_addresses_that_are_not_the_ports_stay_out),
		TEST(threat_12_imported_flows_count_against_the_quota),
		TEST(what_if_leaves_no_mark),
		TEST(icmp_flows_are_carried),
		TEST(packets_beside_an_import_are_all_counted),
	};

	return RUN_TESTS(tests);
}
