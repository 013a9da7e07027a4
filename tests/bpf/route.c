/* SPDX-License-Identifier: BSD-2-Clause */
/* Routing in a vnet, hop limits, and what the receiver's frame looks like. */
#include "tests/harness/talk.h"

#include <netinet/in.h>
#include <string.h>

static void frame_within_a_subnet_keeps_its_hop_limit(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (int ttl = 1; ttl <= 255; ttl += 127) {
			struct frame frame = SAY(.from = &alice, .to = &bob, .family = family,
						 .payload = 33, .ttl = (__u8)ttl);
			struct outcome outcome = send_frame(sw, &alice, frame);

			assert_delivered(outcome, &bob);
			assert_frame(outcome.out, forwarded(&frame, switch_address, bob.mac, 0));
		}
}

static void frame_to_another_subnet_loses_one_hop(void **state)
{
	struct bpf_switch *sw = *state;

	/* Every TTL: the incremental checksum has its carries. */
	FOR_EACH_FAMILY(family)
		for (int ttl = 2; ttl <= 255; ttl++) {
			struct frame frame = SAY(.from = &alice, .to = &carol, .family = family,
						 .payload = 33, .ttl = (__u8)ttl);
			struct outcome outcome = send_frame(sw, &alice, frame);

			assert_delivered(outcome, &carol);
			assert_frame(outcome.out, forwarded(&frame, switch_address, carol.mac, 1));
		}
}

static void replies_take_the_same_way_back(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame there = SAY(.from = &alice, .to = &carol, .family = family,
					 .source_port = 5000, .destination_port = 53);
		struct frame back = SAY(.from = &carol, .to = &alice, .family = family,
					.source_port = 53, .destination_port = 5000);
		struct outcome outcome;

		assert_delivered(send_frame(sw, &alice, there), &carol);
		outcome = send_frame(sw, &carol, back);
		assert_delivered(outcome, &alice);
		assert_int_equal(outcome.trace.state, TRACE_STATE_ESTABLISHED);
		assert_frame(outcome.out, forwarded(&back, switch_address, alice.mac, 1));
	}
}

static struct frame time_exceeded(const struct frame *lost, int family, const struct frame *answer)
{
	return error_from_gateway(lost, family, answer, family == AF_INET ? 11 : 3, 0, 0);
}

static void last_hop_to_another_subnet_is_answered_with_time_exceeded(void **state)
{
	static const size_t payloads[] = { 0, 1, 20, 56, 57, 300, 1400 };
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
			struct frame lost = SAY(.from = &alice, .to = &carol, .family = family,
						.ttl = 1, .payload = payloads[i]);
			struct outcome outcome = send_frame(sw, &alice, lost);
			size_t quoted = outcome.out.length - 14 - 8 - (family == AF_INET ? 20 : 40);

			assert_answered(outcome);
			/* RFC 792: header and eight bytes at least; never more than there was. */
			assert_true(quoted >= (family == AF_INET ? 28 : 48));
			assert_true(quoted <= lost.length - 14);
			assert_true(outcome.out.bytes[family == AF_INET ? 14 + 8 : 14 + 7] >= 64);
			assert_frame(outcome.out, time_exceeded(&lost, family, &outcome.out));
			assert_int_equal(flow_count(sw), 0);
		}
}

static void hop_limit_of_zero_and_padding_change_nothing_in_the_answer(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame lost = SAY(.from = &alice, .to = &carol, .family = family, .ttl = 1);
		struct outcome outcome;

		lost.bytes[family == AF_INET ? 14 + 8 : 14 + 7] = 0;
		checksums_write(&lost);
		memset(lost.bytes + lost.length, 0x5a, 40);
		lost.length += 40;
		outcome = send_frame(sw, &alice, lost);
		assert_answered(outcome);
		assert_int_equal(outcome.out.length, 14 + 8 + 8 + (family == AF_INET ? 40 : 80));
		assert_frame(outcome.out, time_exceeded(&lost, family, &outcome.out));
	}
}

static void hop_limit_of_an_icmp_error_is_not_answered(void **state)
{
	struct bpf_switch *sw = *state;

	/* An error in answer to an error would go on for ever (RFC 1122, 3.2.2; RFC 4443, 2.4). */
	FOR_EACH_FAMILY(family) {
		struct frame query = SAY(.from = &carol, .to = &alice, .family = family);
		struct outcome outcome;

		assert_delivered(send_frame(sw, &carol, query), &alice);
		outcome = send_frame(sw, &alice,
				     SAY(.from = &alice, .to = &carol, .family = family, .ttl = 1,
					 .protocol = IPPROTO_ICMP,
					 .icmp_type = family == AF_INET ? 3 : 1,
					 .icmp_code = family == AF_INET ? 3 : 4, .quote = &query));
		assert_dropped(outcome, DROP_HOP_LIMIT);
	}
}

static void hop_limit_of_a_later_fragment_is_not_answered(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame whole =
			SAY(.from = &alice, .to = &carol, .family = family, .payload = 1000);
		struct frame later;

		assert_delivered(send_frame(sw, &alice, fragment_of(&whole, 0, 60, 9)), &carol);
		later = fragment_of(&whole, 60, 130, 9);
		later.bytes[family == AF_INET ? 14 + 8 : 14 + 7] = 1;
		checksums_write(&later);
		assert_dropped(send_frame(sw, &alice, later), DROP_HOP_LIMIT);
	}
}

static void destination_outside_every_prefix_has_no_route(void **state)
{
	static const char *const destinations[] = { "192.0.2.1",   "10.2.0.1",  "9.255.255.255",
						    "2001:db8::1", "fd00:2::1", "fd00::1" };
	struct bpf_switch *sw = *state;

	for (size_t i = 0; i < 6; i++)
		assert_dropped(send_frame(sw, &alice,
					  SAY(.from = &alice, .to = &bob,
					      .family = i < 3 ? AF_INET : AF_INET6,
					      .destination = destinations[i])),
			       DROP_NO_ROUTE);
}

static void address_that_nobody_has_is_no_endpoint(void **state)
{
	static const char *const destinations[] = { "10.1.1.77",        "10.1.2.99",
						    "10.1.1.4",         "fd00:1:0:1::77",
						    "fd00:1:0:2::ffff", "fd00:1:0:1::4" };
	struct bpf_switch *sw = *state;

	/* The last of each family is alice's own. */
	for (size_t i = 0; i < 6; i++)
		assert_dropped(send_frame(sw, &alice,
					  SAY(.from = &alice, .to = &bob,
					      .family = i < 3 ? AF_INET : AF_INET6,
					      .destination = destinations[i])),
			       DROP_NO_ENDPOINT);
}

static void vnets_with_the_same_addresses_do_not_see_each_other(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame blue = SAY(.from = &alice, .to = &bob, .family = family);
		struct frame red = SAY(.from = &dave, .to = &erin, .family = family);
		struct outcome outcome;

		assert_delivered(send_frame(sw, &alice, blue), &bob);
		outcome = send_frame(sw, &dave, red);
		assert_delivered(outcome, &erin);
		assert_int_equal(outcome.trace.state, TRACE_STATE_NEW);
		assert_delivered(send_frame(sw, &bob,
					    SAY(.from = &bob, .to = &alice, .family = family,
						.source_port = 443, .destination_port = 40000)),
				 &alice);
		assert_dropped(
			send_frame(sw, &dave, SAY(.from = &dave, .to = &carol, .family = family)),
			DROP_NO_ENDPOINT);
		assert_int_equal(flow_count(sw), family == AF_INET ? 2 : 4);
	}
}

static void threat_15_tunnel_from_a_guest_stays_data(void **state)
{
	struct bpf_switch *sw = *state;

	/* VXLAN, Geneve and NVGRE with a frame inside that would reach red's erin. */
	FOR_EACH_FAMILY(family)
		for (int i = 0; i < 3; i++) {
			struct frame inner = SAY(.from = &dave, .to = &erin, .family = family);
			struct frame outer = SAY(.from = &alice, .to = &bob, .family = family,
						 .protocol = i == 2 ? IPPROTO_GRE : IPPROTO_UDP,
						 .destination_port = i ? 6081 : 4789,
						 .payload = 8 + inner.length);
			struct outcome outcome;

			memset(outer.bytes + outer.length - inner.length - 8, 0, 8);
			frame_set16(&outer, outer.length - inner.length - 8, 0x0800);
			frame_set32(&outer, outer.length - inner.length - 4, 5002 << 8);
			memcpy(outer.bytes + outer.length - inner.length, inner.bytes,
			       inner.length);
			checksums_write(&outer);
			outcome = send_frame(sw, &alice, outer);
			assert_delivered(outcome, &bob);
			assert_frame(outcome.out, forwarded(&outer, switch_address, bob.mac, 0));
		}
}

static void trace_without_keep_flows_leaves_no_mark(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct outcome outcome =
			peek_frame(sw, &alice, SAY(.from = &alice, .to = &carol, .family = family));

		assert_delivered(outcome, &carol);
		assert_int_equal(outcome.trace.state, TRACE_STATE_NEW);
		assert_int_equal(flow_count(sw), 0);
		assert_int_equal(sw->flow_usage[bpf_switch_slot(sw, "alice")], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frame_within_a_subnet_keeps_its_hop_limit),
		TEST(frame_to_another_subnet_loses_one_hop),
		TEST(replies_take_the_same_way_back),
		TEST(last_hop_to_another_subnet_is_answered_with_time_exceeded),
		TEST(hop_limit_of_zero_and_padding_change_nothing_in_the_answer),
		TEST(hop_limit_of_an_icmp_error_is_not_answered),
		TEST(hop_limit_of_a_later_fragment_is_not_answered),
		TEST(destination_outside_every_prefix_has_no_route),
		TEST(address_that_nobody_has_is_no_endpoint),
		TEST(vnets_with_the_same_addresses_do_not_see_each_other),
		TEST(threat_15_tunnel_from_a_guest_stays_data),
		TEST(trace_without_keep_flows_leaves_no_mark),
	};

	return RUN_TESTS(tests);
}
