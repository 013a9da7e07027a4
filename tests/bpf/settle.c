/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets are counted in their flow's line and settled from there (bpf/settle.h): nothing may be
 * counted twice, or for another rule, whenever that happens.
 */
#include "tests/harness/talk.h"

#include <string.h>

#define BUCKETS 2
#define PLACES  (BUCKETS * FLOWS_PER_BUCKET)

#define RULES                                                                          \
	"nsgs: {n: {rules: ["                                                          \
	"{name: first, priority: 100, direction: Inbound, access: Allow,"              \
	" destinationPorts: ['53']},"                                                  \
	"{name: second, priority: 200, direction: Inbound, access: Allow}]}}"
#define RULES_TURNED                                                                   \
	"nsgs: {n: {rules: ["                                                          \
	"{name: second, priority: 100, direction: Inbound, access: Allow},"            \
	"{name: first, priority: 200, direction: Inbound, access: Allow,"              \
	" destinationPorts: ['53']}]}}"

static int open_tiny_switch(void **state)
{
	*state = bpf_switch_open(BUCKETS);
	return 0;
}

static struct rule_counters first_of(const struct bpf_switch *sw)
{
	return rule_counters_of(sw, "nsg/n/in/first");
}

static struct rule_counters second_of(const struct bpf_switch *sw)
{
	return rule_counters_of(sw, "nsg/n/in/second");
}

/* Sends the datagram that many times, by the hooks in turn. Returns its length. */
static size_t send_times(struct bpf_switch *sw, const struct frame *frame, int times)
{
	for (int i = 0; i < times; i++)
		assert_delivered(send_via(sw, i % 4 ? VIA_TC : VIA_XDP, &alice, *frame), &bob);
	return frame->length;
}

static void packets_count_once_for_flow_and_rule(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .bob = "nsg: n", .rest = RULES);
	FOR_EACH_FAMILY(family) {
		struct frame frame = datagram(&alice, &bob, family, 4000, 53);
		struct rule_counters before = first_of(sw), after;
		size_t length = send_times(sw, &frame, 3);

		after = first_of(sw); /* settles */
		assert_int_equal(after.packets - before.packets, 3);
		send_times(sw, &frame, 2);
		after = first_of(sw);
		assert_int_equal(after.packets - before.packets, 5);
		assert_int_equal(after.bytes - before.bytes, 5 * length);
		assert_int_equal(first_of(sw).packets, after.packets);
		assert_int_equal(flow_between(sw, &alice, &bob, family)->packets[0] +
					 flow_between(sw, &alice, &bob, family)->packets[1],
				 5);
		flows_clear(sw);
	}
}

/* Eight million packets without anybody who looks. */
static void line_that_fills_up_settles_by_itself(void **state)
{
	static const __u64 nearly[] = {
		(FLOW_COUNT_FULL & ~FLOW_COUNT_BYTES) - FLOW_COUNT_ONE, /* packets */
		(FLOW_COUNT_FULL & FLOW_COUNT_BYTES) - 1,               /* bytes */
	};
	struct bpf_switch *sw = *state;

	TOWN(sw, .bob = "nsg: n", .rest = RULES);
	FOR_EACH_FAMILY(family)
		for (int i = 0; i < 2; i++) {
			struct frame frame = datagram(&alice, &bob, family, 4000, 53);
			const struct known_flow *flow;
			struct rule_counters before;
			__u64 packets = (nearly[i] >> FLOW_COUNT_SHIFT) + 3;
			__u64 bytes = (nearly[i] & FLOW_COUNT_BYTES) + 3 * frame.length;
			int here;

			send_times(sw, &frame, 1);
			before = first_of(sw);
			flow = known_between(sw, &alice, &bob, family);
			here = flow->now.packets[1] ? 1 : 0;
			flow->line->counted[here] = nearly[i];
			send_times(sw, &frame, 3);
			/* The first fills it, the second finds it full and settles both. */
			assert_int_equal(flow->line->counted[here], FLOW_COUNT_ONE | frame.length);
			assert_int_equal(flow->detail->packets[here], packets);
			assert_int_equal(first_of(sw).packets - before.packets, packets);
			assert_int_equal(first_of(sw).bytes - before.bytes, bytes);
			flows_clear(sw);
		}
}

static void packets_before_a_change_count_for_the_old_rule(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame frame = datagram(&alice, &bob, family, 4000, 53);
		struct rule_counters first, second;

		TOWN(sw, .bob = "nsg: n", .rest = RULES);
		first = first_of(sw);
		second = second_of(sw);
		send_times(sw, &frame, 3);
		TOWN(sw, .bob = "nsg: n", .rest = RULES_TURNED);
		send_times(sw, &frame, 2);
		assert_int_equal(first_of(sw).packets - first.packets, 3);
		assert_int_equal(second_of(sw).packets - second.packets, 2);
		flows_clear(sw);
	}
}

/* Nobody reads a counter before the places of old flows are other flows'. */
static void taken_place_leaves_the_old_flow_its_packets(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .bob = "nsg: n", .rest = RULES);
	FOR_EACH_FAMILY(family) {
		struct frame old = datagram(&alice, &bob, family, 4000, 53);
		struct rule_counters first = first_of(sw), second = second_of(sw);
		unsigned int sent = 0;

		send_times(sw, &old, 5);
		flows_age(sw, 1000);
		/* One place's time is out, so all are taken when as many flows are in as there are. */
		for (__u16 port = 1; sent < PLACES; port++) {
			struct frame frame = datagram(&alice, &bob, family, port, 80);

			assert_int_not_equal(port, 4000);
			sent += !send_via(sw, VIA_TC, &alice, frame).reason;
		}
		assert_int_equal(first_of(sw).packets - first.packets, 5);
		assert_int_equal(second_of(sw).packets - second.packets, sent);
		flows_clear(sw);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packets_count_once_for_flow_and_rule),
		TEST(line_that_fills_up_settles_by_itself),
		TEST(packets_before_a_change_count_for_the_old_rule),
		TEST(taken_place_leaves_the_old_flow_its_packets),
	};

	return cmocka_run_group_tests(tests, open_tiny_switch, close_switch);
}
