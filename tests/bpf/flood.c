/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports that begin flows as fast as the kernel runs their packets. */
#include "tests/harness/feeder.h"

#include <stdlib.h>
#include <unistd.h>

static struct feed *feed;

/* Every packet a new flow of alice, from both CPUs, while bob and carol talk. */
static void threat_12_quota_is_exact_when_all_cpus_flood_at_once(void **state)
{
	struct bpf_switch *sw = *state;
	__u32 slot = bpf_switch_slot(sw, "alice");
	const unsigned long limit = 2000;

	TOWN(sw, .alice = "flowLimit: 2000");
	for (int i = 0; i < 2; i++) {
		struct feeder floods[4];
		struct port_counters before = counters_of(sw, slot), after;
		struct sluice_flow *entries;
		size_t count, hers = 0;

		flows_clear(sw);
		feed_clear(feed);
		for (int j = 0; j < 4; j++) {
			const struct actor *from = j < 2 ? &alice : j == 2 ? &bob : &carol;
			struct frame frame = SAY(.from = from, .to = j == 2 ? &carol : &bob,
						 .family = i ? AF_INET6 : AF_INET, .payload = 60,
						 .source_port = 5000, .destination_port = 53);

			floods[j] = (struct feeder){ .from = from,
						     .via = j % 2 ? VIA_XDP : VIA_TC,
						     .cpu = j % (int)sysconf(_SC_NPROCESSORS_ONLN),
						     .first = feed_add(feed, &frame),
						     .count = 1,
						     .ports = j > 1 ? 0
							      : i   ? 54
								    : 34,
						     .number = (0x1000U + (__u32)j) << 16 | 0x4400,
						     .repeat = 50000,
						     .length = frame.length };
		}
		feed_all(feed, floods, 4);
		after = counters_of(sw, slot);
		entries = flow_entries(sw, &count);
		for (size_t j = 0; j < count; j++)
			hers += entries[j].slot[entries[j].originator] == slot;
		expect_flow_usage(sw, entries, count);
		free(entries);
		assert_int_equal(hers, limit);
		assert_int_equal(count, limit + 2);
		assert_int_equal(after.drops[DROP_FLOW_LIMIT] - before.drops[DROP_FLOW_LIMIT],
				 2 * 50000 - limit);
	}
}

/* What `status` and `doctor` take for its room. */
static void table_filled_to_four_fifths_refuses_less_than_one_flow_in_a_thousand(void **state)
{
	struct bpf_switch *sw = *state;
	__u32 slot = bpf_switch_slot(sw, "alice");
	int many = (int)sw->flow_buckets * FLOWS_PER_BUCKET * 4 / 5;
	struct port_counters before = counters_of(sw, slot);
	struct frame frame = SAY(.from = &alice, .to = &bob, .family = AF_INET, .payload = 60,
				 .source_port = 5000, .destination_port = 53);
	unsigned long refused;

	feed_clear(feed);
	for (__u32 i = 0; i < 16; i++) {
		struct feeder feeder = { .from = &alice,
					 .via = VIA_TC,
					 .count = 1,
					 .ports = 34,
					 .number = (0x1000 + i) << 16 | 0x4400,
					 .repeat = many,
					 .length = frame.length };

		if (!i)
			feed_add(feed, &frame);
		flows_clear(sw);
		feed_one(feed, &feeder, 0);
	}
	refused = counters_of(sw, slot).drops[DROP_FLOW_TABLE_FULL] -
		  before.drops[DROP_FLOW_TABLE_FULL];
	assert_true(refused * 1000 < 16UL * (unsigned long)many);
}

static int open_both(void **state)
{
	*state = bpf_switch_open(0);
	feed = feed_open(*state, 16);
	return 0;
}

static int close_both(void **state)
{
	if (feed)
		feed_close(feed);
	return close_switch(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(threat_12_quota_is_exact_when_all_cpus_flood_at_once),
		TEST(table_filled_to_four_fifths_refuses_less_than_one_flow_in_a_thousand),
	};

	return cmocka_run_group_tests(tests, open_both, close_both);
}
