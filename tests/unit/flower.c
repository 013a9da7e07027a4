/* SPDX-License-Identifier: BSD-2-Clause */
/* Which flows are handed over to a NIC, and what keeps others from it. */
#include "tests/harness/unit.h"

#include <netinet/in.h>
#include <string.h>

#include "loader/flower.h"

#define VERSION 7

static const unsigned char own[6] = { 2, 0, 0, 0, 0, 1 };
static struct flower_port port[2];
static struct sluice_flow flow;
static struct flower_rule rules[FLOWER_RULES];
static size_t count;

/* A connection between two ports of one NIC, which is handed over. */
static int begin(void **state)
{
	(void)state;
	for (int end = 0; end < 2; end++)
		port[end] = (struct flower_port){ .offload = true,
						  .ifindex = 10 + (__u32)end,
						  .mac = { 2, 0, 0, 0, 1, (unsigned char)end },
						  .nic = { 1, 2 },
						  .nic_length = 2,
						  .subnet = 5 };
	flow = (struct sluice_flow){ .key = { .port = { 1000, 2000 },
					      .vni_protocol = 9 << 8 | IPPROTO_TCP },
				     .version = VERSION,
				     .state = FLOW_ESTABLISHED,
				     .acl_allowed = 3,
				     .place = 77,
				     .claim = 4 };
	sluice_address_parse("10.0.0.1", &flow.key.address[0]);
	sluice_address_parse("10.0.0.2", &flow.key.address[1]);
	return 0;
}

static enum flower_obstacle obstacle(int direction)
{
	const struct flower_port *const ends[2] = { &port[0], &port[1] };

	return flower_rules(&flow, direction, ends, own, VERSION, rules, &count);
}

static void each_direction_is_matched_from_its_sender(void **state)
{
	(void)state;
	for (int direction = 0; direction < 2; direction++) {
		assert_int_equal(obstacle(direction), FLOWER_NONE);
		assert_int_equal(count, 1);
		assert_int_equal(rules[0].in, port[direction].ifindex);
		assert_int_equal(rules[0].out, port[!direction].ifindex);
		assert_memory_equal(rules[0].sender, port[direction].mac, 6);
		assert_memory_equal(rules[0].receiver, port[!direction].mac, 6);
		assert_memory_equal(&rules[0].source, &flow.key.address[direction], 16);
		assert_int_equal(rules[0].destination_port, flow.key.port[!direction]);
		assert_int_equal(rules[0].ttl_bit, 0);
	}
}

static void no_two_rules_have_one_handle(void **state)
{
	__u32 handle[4];
	size_t used = 0;

	(void)state;
	port[1].subnet = 6;
	for (int direction = 0; direction < 2; direction++) {
		assert_int_equal(obstacle(direction), FLOWER_NONE);
		assert_int_equal(count, 2);
		assert_int_equal(rules[0].ttl_bit | rules[1].ttl_bit, 0xc0);
		for (size_t i = 0; i < count; i++)
			handle[used++] = flower_handle(&rules[i]);
	}
	for (size_t i = 0; i < used; i++) {
		assert_int_not_equal(handle[i], 0);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(handle[i], handle[j]);
	}
}

static void ports_that_do_not_allow_it_say_so(void **state)
{
	(void)state;
	port[0].offload = false;
	assert_int_equal(obstacle(0), FLOWER_SENDER);
	assert_int_equal(obstacle(1), FLOWER_RECEIVER);
	begin(NULL);
	port[1].ifindex = 0;
	assert_int_equal(obstacle(0), FLOWER_DEVICE);
	assert_int_equal(obstacle(1), FLOWER_DEVICE);
	begin(NULL);
	port[1].nic[1] = 3;
	assert_int_equal(obstacle(0), FLOWER_NIC);
	port[1].nic_length = 0;
	assert_int_equal(obstacle(0), FLOWER_NIC);
	port[0].nic_length = 0;
	assert_int_equal(obstacle(0), FLOWER_NONE);
}

static void flows_that_are_not_settled_stay(void **state)
{
	static const __u8 others[] = { FLOW_SYN_SENT, FLOW_SYN_RECEIVED, FLOW_FIN_WAIT, FLOW_CLOSED };

	(void)state;
	for (size_t i = 0; i < sizeof(others); i++) {
		flow.state = others[i];
		assert_int_equal(obstacle(0), FLOWER_STATE);
	}
	flow.key.vni_protocol = 9 << 8 | IPPROTO_UDP;
	flow.state = FLOW_UDP_ONE_WAY;
	assert_int_equal(obstacle(0), FLOWER_STATE);
	flow.state = FLOW_UDP;
	assert_int_equal(obstacle(0), FLOWER_NONE);
	flow.key.vni_protocol = 9 << 8 | IPPROTO_ICMP;
	flow.state = FLOW_ICMP;
	assert_int_equal(obstacle(0), FLOWER_PROTOCOL);
}

static void only_verdicts_of_the_running_version_are_handed_over(void **state)
{
	(void)state;
	flow.version = VERSION - 1;
	assert_int_equal(obstacle(0), FLOWER_VERSION);
	flow.version = VERSION;
	flow.acl_allowed = 1;
	assert_int_equal(obstacle(0), FLOWER_NONE);
	assert_int_equal(obstacle(1), FLOWER_VERDICT);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_direction_is_matched_from_its_sender),
		TEST(no_two_rules_have_one_handle),
		TEST(ports_that_do_not_allow_it_say_so),
		TEST(flows_that_are_not_settled_stay),
		TEST(only_verdicts_of_the_running_version_are_handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
