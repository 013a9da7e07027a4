/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loaded programs and the reference model agree, over random documents, their changes,
 * questions and frames. tests/fuzz/differential.c goes on for as long as it is let.
 */
#include "tests/harness/unit.h"

#include <stdio.h>

#include "maps/drop_reasons.h"
#include "tests/harness/differential.h"

/* What issue and CONTRIBUTING promise of each `make check`. */
#define COMPARISONS_PROMISED 200000

static struct differential *differential;

static void run_seeds(uint64_t first, unsigned int count, const struct differential_size *size)
{
	for (uint64_t seed = first; seed < first + count; seed++)
		assert_true(differential_run(differential, seed, size));
}

static void policies_answer_questions_as_the_model_does(void **state)
{
	(void)state;
	run_seeds(1000, 400, &(struct differential_size){ .questions = 300 });
}

static void frames_go_where_the_model_says(void **state)
{
	(void)state;
	run_seeds(2000, 300, &(struct differential_size){ .frames = 400, .peeks = 40 });
}

/* recheck, keep, ports that go and come back, ACLs on living connections; half of the changes are a
 * rule added, laid over the version before. */
static void connections_are_judged_anew_when_the_document_changes(void **state)
{
	(void)state;
	run_seeds(3000, 300,
		  &(struct differential_size){
			  .changes = 8, .questions = 10, .frames = 100, .peeks = 10 });
}

/* What the random frames met: a comparison of nothing but drops would prove little. */
static void the_comparisons_are_many_and_of_every_kind(void **state)
{
	static const unsigned int met[] = {
		DROP_VLAN_TAGGED,       DROP_VLAN_DEPTH,   DROP_TCP_FLAGS,      DROP_MAC_SPOOFED,
		DROP_IP_SPOOFED,        DROP_ARP_SPOOFED,  DROP_ND_SPOOFED,     DROP_DHCP_SERVER,
		DROP_ROUTER_ADVERT,     DROP_L2_BROADCAST, DROP_ARP_UNANSWERED, DROP_ND_UNANSWERED,
		DROP_FRAGMENT_ORPHAN,   DROP_TCP_STATE,    DROP_ICMP_UNRELATED, DROP_FLOW_LIMIT,
		DROP_ACL_DENY,          DROP_NSG_DENY,     DROP_NO_ROUTE,       DROP_NO_ENDPOINT,
		DROP_GATEWAY_ONLY_ECHO, DROP_HOP_LIMIT,    DROP_DEVICE_GONE,
	};
	const struct differential_count *count = differential_counted(differential);

	(void)state;
	print_message("%lu comparisons: %lu questions, %lu frames (%lu delivered, %lu of them or "
		      "of drops on a live connection, %lu answered, %lu dropped) over %lu "
		      "documents in %lu versions, %lu of them laid over the one before\n",
		      count->questions + count->frames, count->questions, count->frames,
		      count->delivered, count->on_connections, count->answered, count->dropped,
		      count->documents, count->versions, count->added);
	assert_true(count->added > count->versions / 10);
	assert_true(count->questions + count->frames >= COMPARISONS_PROMISED);
	assert_true(count->delivered > count->frames / 10);
	assert_true(count->on_connections > count->frames / 20);
	for (size_t i = 0; i < sizeof(met) / sizeof(*met); i++)
		if (!count->reasons[met[i]])
			fail_msg("no frame met drop reason %u", met[i]);
}

static int open_programs(void **state)
{
	(void)state;
	differential = differential_open();
	return differential ? 0 : -1;
}

static int close_programs(void **state)
{
	(void)state;
	if (differential)
		differential_close(differential);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies_answer_questions_as_the_model_does),
		cmocka_unit_test(frames_go_where_the_model_says),
		cmocka_unit_test(connections_are_judged_anew_when_the_document_changes),
		cmocka_unit_test(the_comparisons_are_many_and_of_every_kind),
	};

	return cmocka_run_group_tests(tests, open_programs, close_programs);
}
