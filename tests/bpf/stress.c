/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow table under packets on all CPUs and through both hooks at once. What must come out is
 * known to the packet: entries, packets and bytes of each, quotas, ports' and rules' counters.
 */
#include "tests/harness/feeder.h"

#include <linux/membarrier.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loader/switch.h"

#define HEADERS 8192
#define TALKS   4           /* alice and bob, alice and carol, each in both directions */
#define FEEDERS (2 * TALKS) /* each of them on two CPUs and through both hooks */
#define ROUNDS  32

static struct feed *feed;

/* What the table's content depends on; one test's feeders differ in nothing else. */
struct crowd {
	int family;
	int protocol;
	__u32 flows[2]; /* of alice and bob, of alice and carol; powers of two */
	int rounds;     /* packets that each feeder sends of each flow */
	struct feeder feeders[FEEDERS];
	bool at_work[FEEDERS];
};

/* Not on a stack that a failing test leaves while they run. */
static struct crowd crowd;

static const struct actor *talker(int talk)
{
	return talk % 2 == 0 ? &alice : talk == 1 ? &bob : &carol;
}

static const struct actor *listener(int talk)
{
	return talker(talk ^ 1);
}

/* Frames between two ports have a length that no others have: a packet counted in another flow's
 * entry shows in its bytes. */
static size_t length_between(__u32 from, __u32 to, bool ipv6, __u8 protocol)
{
	return 14 + (ipv6 ? 40 : 20) + (protocol == IPPROTO_TCP ? 20 : 8) + 60 + 16 * from + to;
}

static struct frame talk_frame(struct bpf_switch *sw, int talk, __u16 flow, __u8 flags)
{
	const struct actor *from = talker(talk), *to = listener(talk);
	__u16 client = (__u16)(20000 + flow);
	struct frame frame;
	size_t length =
		length_between(bpf_switch_slot(sw, from->name), bpf_switch_slot(sw, to->name),
			       crowd.family == AF_INET6, (__u8)crowd.protocol);
	size_t headers = 14 + (crowd.family == AF_INET6 ? 40 : 20) +
			 (crowd.protocol == IPPROTO_TCP ? 20 : 8);

	frame = SAY(.from = from, .to = to, .family = crowd.family, .protocol = crowd.protocol,
		    .source_port = talk % 2 ? 53 : client,
		    .destination_port = talk % 2 ? client : 53,
		    .flags = crowd.protocol == IPPROTO_TCP ? flags : 0, .sequence = 1,
		    .acknowledgment = flags & FLAG_ACK ? 1 : 0, .payload = length - headers);
	assert_int_equal(frame.length, length);
	return frame;
}

/* Lays the headers of one talk down: of each flow a segment of each kind. */
static struct feeder talk_feeder(struct bpf_switch *sw, int talk, const __u8 *flags, int kinds)
{
	__u32 count = crowd.flows[talk / 2] * (__u32)kinds;
	struct feeder feeder = { .from = talker(talk),
				 .count = count,
				 .repeat = (int)count * crowd.rounds };

	for (__u32 i = 0; i < count; i++) {
		struct frame frame =
			talk_frame(sw, talk, (__u16)(i / (__u32)kinds), flags[i % (__u32)kinds]);
		__u32 number = feed_add(feed, &frame);

		if (!i)
			feeder.first = number;
		feeder.length = frame.length;
	}
	return feeder;
}

static void gather(struct bpf_switch *sw, const __u8 *flags, int kinds)
{
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);

	feed_clear(feed);
	for (int talk = 0; talk < TALKS; talk++) {
		struct feeder *feeders = &crowd.feeders[2 * talk];

		feeders[0] = talk_feeder(sw, talk, flags, kinds);
		feeders[1] = feeders[0];
		feeders[0].via = talk % 2 ? VIA_XDP : VIA_TC;
		feeders[1].via = talk % 2 ? VIA_TC : VIA_XDP;
		feeders[0].cpu = talk / 2 % cpus;
		feeders[1].cpu = (talk / 2 + 1) % cpus;
	}
}

static unsigned long packets_sent(void)
{
	unsigned long sent = 0;

	for (int i = 0; i < FEEDERS; i++)
		sent += (unsigned long)crowd.feeders[i].repeat;
	return sent;
}

/* --- what came of it --- */

struct totals {
	unsigned long received, sent, dropped;
	unsigned long drops[DROP_REASON_COUNT];
	struct rule_counters in, out, other;
};

static struct totals totals_of(const struct bpf_switch *sw)
{
	struct totals totals = { .received = 0 };

	for (__u32 slot = 0; slot < BPF_SWITCH_SLOTS; slot++) {
		struct port_counters counters = counters_of(sw, slot);

		totals.received += counters.rx_packets;
		totals.sent += counters.tx_packets;
		for (int reason = 1; reason < DROP_REASON_COUNT; reason++) {
			totals.drops[reason] += counters.drops[reason];
			totals.dropped += counters.drops[reason];
		}
	}
	totals.in = rule_counters_of(sw, "nsg/n/in/in");
	totals.out = rule_counters_of(sw, "nsg/n/out/out");
	totals.other = rule_counters_of(sw, "nsg/n/in/other");
	return totals;
}

/* An entry whose parts were all written by packets of one flow, and were all written. */
static void expect_whole(const struct bpf_switch *sw, const struct sluice_flow *flow, __u32 version,
			 const char *in_even, const char *in_odd)
{
	__u8 protocol = flow->key.vni_protocol & 0xff;
	bool ipv6 = flow->key.address[0].words[2] != htonl(0xffff);
	__u32 slots[2];

	for (int end = 0; end < 2; end++) {
		slots[end] = 0;
		for (int talk = 0; talk < TALKS; talk++) {
			struct ip_address address =
				address_from(address_of(talker(talk), ipv6 ? AF_INET6 : AF_INET));

			if (!memcmp(&address, &flow->key.address[end], sizeof(address)))
				slots[end] = bpf_switch_slot(sw, talker(talk)->name);
		}
		assert_int_equal(flow->slot[end], slots[end]);
	}
	for (int way = 0; way < 2; way++)
		assert_int_equal(flow->bytes[way],
				 flow->packets[way] *
					 length_between(slots[way], slots[!way], ipv6, protocol));
	assert_true(flow->originator < 2);
	assert_true(flow->version <= version);
	assert_int_equal(flow->rule[0], bpf_switch_rule(sw, "nsg/n/out/out"));
	assert_int_equal(flow->rule[FLOW_RULES - 1],
			 bpf_switch_rule(sw, flow->version % 2 ? in_odd : in_even));
}

#define RULES_IN_OUT                                                       \
	"nsgs: {n: {rules: ["                                              \
	"{name: in, priority: 100, direction: Inbound, access: Allow},"    \
	"{name: other, priority: 200, direction: Inbound, access: Allow}," \
	"{name: out, priority: 100, direction: Outbound, access: Allow}]}}"
#define RULES_OTHER_OUT                                                    \
	"nsgs: {n: {rules: ["                                              \
	"{name: in, priority: 200, direction: Inbound, access: Allow},"    \
	"{name: other, priority: 100, direction: Inbound, access: Allow}," \
	"{name: out, priority: 100, direction: Outbound, access: Allow}]}}"

static void policed_town(struct bpf_switch *sw, const char *rules)
{
	TOWN(sw, .switch_keys = "tcp: loose", .alice = "nsg: n", .bob = "nsg: n", .carol = "nsg: n",
	     .rest = rules);
}

/* Nothing was freed: every packet is in its entry, its rules' counters and its ports'. */
static void expect_exact(struct bpf_switch *sw, const struct totals *before, const char *in_even,
			 const char *in_odd)
{
	struct totals after = totals_of(sw);
	unsigned long sent = packets_sent(), flows = crowd.flows[0] + crowd.flows[1];
	struct sluice_flow *entries;
	size_t count;

	assert_int_equal(after.dropped - before->dropped, 0);
	assert_int_equal(after.received - before->received, sent);
	assert_int_equal(after.sent - before->sent, sent);
	assert_int_equal(after.out.packets - before->out.packets, sent);
	assert_int_equal(after.in.packets - before->in.packets + after.other.packets -
				 before->other.packets,
			 sent);
	assert_int_equal(after.out.flows - before->out.flows, flows);
	assert_int_equal(after.out.bytes - before->out.bytes, after.in.bytes - before->in.bytes +
								      after.other.bytes -
								      before->other.bytes);
	entries = flow_entries(sw, &count);
	assert_int_equal(count, flows);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(entries[i].packets[0], 2 * crowd.rounds);
		assert_int_equal(entries[i].packets[1], 2 * crowd.rounds);
		expect_whole(sw, &entries[i], sw->version, in_even, in_odd);
	}
	expect_flow_usage(sw, entries, count);
	free(entries);
}

#define IN    "nsg/n/in/in"
#define OTHER "nsg/n/in/other"

static const __u8 segments[] = { FLAG_ACK };

static void talk_of_all(struct bpf_switch *sw, __u32 first, __u32 second, int rounds)
{
	static const int protocols[] = { IPPROTO_UDP, IPPROTO_TCP };

	policed_town(sw, RULES_IN_OUT);
	for (int i = 0; i < 4; i++) {
		crowd = (struct crowd){ .family = i / 2 ? AF_INET6 : AF_INET,
					.protocol = protocols[i % 2],
					.flows = { first, second },
					.rounds = rounds };
		struct totals before = totals_of(sw);

		flows_clear(sw);
		gather(sw, segments, 1);
		feed_all(feed, crowd.feeders, FEEDERS);
		expect_exact(sw, &before, IN, IN);
	}
}

static void both_directions_on_all_cpus_through_both_hooks_lose_nothing(void **state)
{
	talk_of_all(*state, 1024, 512, ROUNDS);
}

/* Twelve flows and sixteen places in two buckets: all meet. */
static void keys_that_collide_lose_nothing(void **state)
{
	struct bpf_switch *sw = *state;

	for (int i = 0; i < 20; i++)
		talk_of_all(sw, 8, 4, 512);
}

static bool running(void)
{
	bool any = false;

	for (int i = 0; i < FEEDERS; i++) {
		if (!crowd.at_work[i])
			continue;
		crowd.at_work[i] = pthread_tryjoin_np(crowd.feeders[i].thread, NULL);
		assert_true(crowd.at_work[i] || !crowd.feeders[i].error);
		any |= crowd.at_work[i];
	}
	return any;
}

/* After a test that failed before its feeders were done. */
static int wait_for_all(void **state)
{
	(void)state;
	for (int i = 0; i < FEEDERS; i++)
		if (crowd.at_work[i])
			pthread_join(crowd.feeders[i].thread, NULL);
	memset(crowd.at_work, 0, sizeof(crowd.at_work));
	return 0;
}

static void start_all(void)
{
	for (int i = 0; i < FEEDERS; i++)
		feed_start(feed, &crowd.feeders[i], (__u32)i);
	for (int i = 0; i < FEEDERS; i++)
		crowd.at_work[i] = true;
}

static void versions_switched_underneath_lose_nothing(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		crowd = (struct crowd){ .family = family,
					.protocol = IPPROTO_UDP,
					.flows = { 64, 32 },
					.rounds = 64 * ROUNDS };
		struct totals before;
		unsigned int changes = 0;

		policed_town(sw, sw->version % 2 ? RULES_IN_OUT : RULES_OTHER_OUT);
		before = totals_of(sw);
		flows_clear(sw);
		gather(sw, segments, 1);
		start_all();
		for (; running(); changes++)
			policed_town(sw, sw->version % 2 ? RULES_IN_OUT : RULES_OTHER_OUT);
		assert_true(changes > 20);
		expect_exact(sw, &before, IN, OTHER);
	}
}

/* --- entries that come and go --- */

/* As the command does it. */
static void flush(struct bpf_switch *sw)
{
	struct sluice open = { .flows = sw->flows,
			       .flow_details = sw->flow_details,
			       .flow_tags = sw->flow_tags,
			       .flow_buckets = sw->flow_buckets,
			       .flow_usage = sw->flow_usage };
	struct sluice_error error;
	size_t count;

	assert_int_equal(sluice_flows_flush(&open, NULL, &count, &error), 0);
}

/* What was in the entries that the harvest freed. */
struct harvest {
	unsigned long packets, flows;
};

/* Takes all entries as one who frees them does, waits until no packet can be at them any more, and
 * adds up what they hold. Meanwhile the packets that come make new ones. */
static void reap(struct bpf_switch *sw, struct harvest *harvest)
{
	size_t capacity = (size_t)sw->flow_buckets * FLOWS_PER_BUCKET, count = 0;
	struct flow **taken = calloc(capacity, sizeof(*taken));

	assert_non_null(taken);
	for (size_t i = 0; i < capacity; i++) {
		struct flow *flow = &sw->flows[i / FLOWS_PER_BUCKET].way[i % FLOWS_PER_BUCKET];
		__u32 claim = __atomic_load_n(&flow->claim, __ATOMIC_ACQUIRE);

		if (!(claim & 1) && flow->state != FLOW_FREE &&
		    __atomic_compare_exchange_n(&flow->claim, &claim, claim + 1, false,
						__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			taken[count++] = flow;
	}
	assert_int_equal(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0), 0);
	for (size_t i = 0; i < count; i++) {
		struct flow_detail *detail = &sw->flow_details[taken[i]->place / FLOWS_PER_BUCKET]
						      .way[taken[i]->place % FLOWS_PER_BUCKET];
		struct sluice_flow flow;

		flow_read(taken[i], detail, &flow);
		expect_whole(sw, &flow, sw->version, IN, IN);
		harvest->packets += flow.packets[0] + flow.packets[1];
		harvest->flows++;
		__atomic_exchange_n(&taken[i]->standing, 0, __ATOMIC_ACQ_REL);
		__atomic_fetch_and(&sw->flow_tags[taken[i]->place / FLOWS_PER_BUCKET],
				   ~(0xffULL << taken[i]->place % FLOWS_PER_BUCKET * 8),
				   __ATOMIC_RELAXED);
		__atomic_fetch_sub(&sw->flow_usage[flow.slot[flow.originator]], 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&taken[i]->claim, 1, __ATOMIC_RELEASE);
	}
	free(taken);
}

static void entries_freed_under_their_packets_lose_no_packet(void **state)
{
	struct bpf_switch *sw = *state;

	policed_town(sw, RULES_IN_OUT);
	FOR_EACH_FAMILY(family) {
		crowd = (struct crowd){ .family = family,
					.protocol = IPPROTO_UDP,
					.flows = { 512, 256 },
					.rounds = 1024 };
		struct totals before = totals_of(sw), after;
		struct harvest harvest = { .packets = 0 };
		struct sluice_flow *entries;
		size_t count;

		flows_clear(sw);
		gather(sw, segments, 1);
		start_all();
		while (running())
			reap(sw, &harvest);
		after = totals_of(sw);
		entries = flow_entries(sw, &count);
		expect_flow_usage(sw, entries, count);
		assert_true(harvest.flows > 4UL * (crowd.flows[0] + crowd.flows[1]));
		for (size_t i = 0; i < count; i++)
			harvest.packets += entries[i].packets[0] + entries[i].packets[1];
		free(entries);
		assert_int_equal(after.dropped - before.dropped, 0);
		assert_int_equal(after.sent - before.sent, packets_sent());
		assert_int_equal(harvest.packets, packets_sent());
		assert_int_equal(harvest.flows + count, after.out.flows - before.out.flows);
	}
}

/* Frees, ages and lets be freed what the feeders make, until they are done. */
static void disturb(struct bpf_switch *sw)
{

	start_all();
	for (unsigned int turn = 0; running(); turn++) {
		if (turn % 2)
			flush(sw);
		else
			flows_age(sw, 100000);
	}
}

static void entries_freed_and_made_again_at_the_same_time_stay_whole(void **state)
{
	/* Connections that end and begin again all the time, in TCP. */
	static const __u8 lives[] = { FLAG_SYN, FLAG_SYN | FLAG_ACK, FLAG_ACK,
				      FLAG_RST | FLAG_ACK };
	struct bpf_switch *sw = *state;

	policed_town(sw, RULES_IN_OUT);
	for (int i = 0; i < 8; i++) {
		bool tcp = i % 2;
		crowd = (struct crowd){ .family = i / 2 % 2 ? AF_INET6 : AF_INET,
					.protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP,
					.flows = { 8, 4 },
					.rounds = tcp ? 2048 : 8192 };
		struct totals before = totals_of(sw), after;
		struct sluice_flow *entries;
		size_t count;

		flows_clear(sw);
		gather(sw, tcp ? lives : segments, tcp ? 4 : 1);
		disturb(sw);
		after = totals_of(sw);
		assert_int_equal(after.received - before.received, packets_sent());
		assert_int_equal(after.sent - before.sent + after.dropped - before.dropped,
				 packets_sent());
		assert_int_equal(after.out.packets - before.out.packets, after.sent - before.sent);
		assert_int_equal(after.in.packets - before.in.packets, after.sent - before.sent);
		entries = flow_entries(sw, &count);
		for (size_t j = 0; j < count; j++)
			expect_whole(sw, &entries[j], sw->version, IN, IN);
		expect_flow_usage(sw, entries, count);
		free(entries);
	}
}

static int open_with(void **state, __u32 buckets)
{
	*state = bpf_switch_open(buckets);
	feed = feed_open(*state, HEADERS);
	return 0;
}

static int open_large(void **state)
{
	return open_with(state, 0);
}

static int open_tiny(void **state)
{
	return open_with(state, 2);
}

static int close_both(void **state)
{
	if (feed)
		feed_close(feed);
	feed = NULL;
	return close_switch(state);
}

#define STRESS(name) cmocka_unit_test_setup_teardown(name, fresh_town, wait_for_all)

int main(void)
{
	const struct CMUnitTest large[] = {
		STRESS(both_directions_on_all_cpus_through_both_hooks_lose_nothing),
		STRESS(versions_switched_underneath_lose_nothing),
		STRESS(entries_freed_under_their_packets_lose_no_packet),
	};
	const struct CMUnitTest tiny[] = {
		STRESS(keys_that_collide_lose_nothing),
		STRESS(entries_freed_and_made_again_at_the_same_time_stay_whole),
	};

	return cmocka_run_group_tests(large, open_large, close_both) +
	       cmocka_run_group_tests(tiny, open_tiny, close_both);
}
