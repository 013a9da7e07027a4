/* SPDX-License-Identifier: BSD-2-Clause */
/* A small flow table filled to the brim: who is refused, who is not, and what a lookup costs. */
#include "tests/harness/talk.h"

#include <stdlib.h>
#include <string.h>

#define SMALL_BUCKETS 64
#define SMALL_FLOWS   (SMALL_BUCKETS * FLOWS_PER_BUCKET)

static int open_small_switch(void **state)
{
	*state = bpf_switch_open(SMALL_BUCKETS);
	return 0;
}

static struct frame numbered(int number, int family)
{
	return datagram(&alice, &bob, family, (__u16)(1000 + number), 53);
}

/* Opens flows of alice until one is refused: how many she has. */
static int fill(struct bpf_switch *sw, int family)
{
	for (int number = 0; number < 4 * SMALL_FLOWS; number++) {
		struct outcome outcome = send_frame(sw, &alice, numbered(number, family));

		if (outcome.reason) {
			assert_dropped(outcome, DROP_FLOW_TABLE_FULL);
			return number;
		}
		assert_delivered(outcome, &bob);
	}
	fail_msg("a table of %d entries took %d flows", SMALL_FLOWS, 4 * SMALL_FLOWS);
	return 0;
}

static void threat_12_full_table_refuses_the_new_and_keeps_the_old(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		int flows;

		flows_clear(sw);
		flows = fill(sw, family);
		assert_true(flows >= SMALL_FLOWS * 7 / 10);
		assert_int_equal(flow_count(sw), flows);
		assert_int_equal(sw->flow_usage[bpf_switch_slot(sw, "alice")], flows);
		for (int number = 0; number < flows; number++) {
			struct outcome outcome = send_frame(sw, &alice, numbered(number, family));

			assert_delivered(outcome, &bob);
			assert_int_equal(outcome.trace.state, TRACE_STATE_ESTABLISHED);
		}
		assert_int_equal(flow_count(sw), flows);
	}
}

static void threat_17_refused_flows_are_counted_against_their_port(void **state)
{
	struct bpf_switch *sw = *state;
	__u32 slot = bpf_switch_slot(sw, "alice");
	__u64 before;
	int flows = fill(sw, AF_INET), refused = 0;

	before = counters_of(sw, slot).drops[DROP_FLOW_TABLE_FULL];
	for (int number = flows; number < flows + 50; number++)
		refused += send_via(sw, VIA_TC, &alice, numbered(number, AF_INET)).reason ==
			   DROP_FLOW_TABLE_FULL;
	assert_int_equal(counters_of(sw, slot).drops[DROP_FLOW_TABLE_FULL] - before, refused);
	assert_true(refused > 0);
}

static void threat_12_flows_that_expired_make_room(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		int flows;

		flows_clear(sw);
		fill(sw, family);
		flows_age(sw, 1000);
		flows = fill(sw, family == AF_INET ? AF_INET6 : AF_INET);
		assert_true(flows >= SMALL_FLOWS * 7 / 10);
		assert_int_equal(sw->flow_usage[bpf_switch_slot(sw, "alice")], flow_count(sw));
	}
}

/* The buckets that hold alice's flows with numbers below count. */
static void occupied(struct bpf_switch *sw, int count, bool *buckets)
{
	flows_clear(sw);
	for (int number = 0; number < count; number++)
		assert_delivered(send_frame(sw, &alice, numbered(number, AF_INET)), &bob);
	for (int bucket = 0; bucket < SMALL_BUCKETS; bucket++) {
		buckets[bucket] = false;
		for (int way = 0; way < FLOWS_PER_BUCKET; way++)
			buckets[bucket] |= sw->flows[bucket].way[way].state != FLOW_FREE;
	}
}

static void threat_14_keys_that_collide_under_one_seed_do_not_under_another(void **state)
{
	bool first[SMALL_BUCKETS], second[SMALL_BUCKETS];
	struct bpf_switch *sw = *state;

	occupied(sw, 8, first);
	sw->control->hash_seed[0] ^= 0x5555aaaa12345678ULL;
	occupied(sw, 8, second);
	assert_memory_not_equal(first, second, sizeof(first));
	sw->control->hash_seed[1] ^= 0x77777777ULL;
	occupied(sw, 8, first);
	assert_memory_not_equal(first, second, sizeof(first));
}

/* Room for eight entries a key: whoever finds keys that meet there has shut out his own. */
static void threat_14_colliding_keys_fill_two_buckets_and_cost_eight_probes(void **state)
{
	struct bpf_switch *sw = *state;
	int flows = fill(sw, AF_INET);
	struct frame refused = numbered(flows, AF_INET);
	size_t full = 0;

	assert_dropped(send_frame(sw, &alice, refused), DROP_FLOW_TABLE_FULL);
	for (int bucket = 0; bucket < SMALL_BUCKETS; bucket++) {
		int ways = 0;

		for (int way = 0; way < FLOWS_PER_BUCKET; way++)
			ways += sw->flows[bucket].way[way].state != FLOW_FREE;
		full += ways == FLOWS_PER_BUCKET;
	}
	assert_true(full >= 1);
	/* Elsewhere there is room, and another key finds it. */
	for (int number = flows + 1; number < flows + 200; number++)
		if (!send_frame(sw, &alice, numbered(number, AF_INET)).reason)
			return;
	assert_int_equal(flow_count(sw), SMALL_FLOWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(threat_12_full_table_refuses_the_new_and_keeps_the_old),
		TEST(threat_17_refused_flows_are_counted_against_their_port),
		TEST(threat_12_flows_that_expired_make_room),
		TEST(threat_14_keys_that_collide_under_one_seed_do_not_under_another),
		TEST(threat_14_colliding_keys_fill_two_buckets_and_cost_eight_probes),
	};

	return cmocka_run_group_tests(tests, open_small_switch, close_switch);
}
