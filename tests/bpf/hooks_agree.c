/* SPDX-License-Identifier: BSD-2-Clause */
/* XDP, tc and the trace do the same with the same frame, to the byte. */
#include "tests/harness/talk.h"

#include <bpf/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* Runs the frame through each entry point on a fresh flow table. */
static void expect_agreement(struct bpf_switch *sw, const struct actor *from, struct frame frame,
			     const struct frame *before, const struct actor *before_from)
{
	struct outcome outcome[VIA_COUNT];

	for (enum via via = 0; via < VIA_COUNT; via++) {
		flows_clear(sw);
		if (before)
			send_via(sw, VIA_TC, before_from, *before);
		outcome[via] = send_via(sw, via, from, frame);
		assert_int_equal(outcome[via].reason, DROP_NONE);
		assert_true(outcome[via].counted_once);
		assert_true(checksums_right(&outcome[via].out));
	}
	for (enum via via = 1; via < VIA_COUNT; via++) {
		assert_int_equal(outcome[via].delivered, outcome[0].delivered);
		assert_int_equal(outcome[via].answered, outcome[0].answered);
		if (outcome[0].delivered)
			assert_int_equal(outcome[via].slot, outcome[0].slot);
		assert_frame(outcome[via].out, outcome[0].out);
	}
}

static void on_packets_of_every_protocol(void **state)
{
	static const int protocols[] = { IPPROTO_UDP, IPPROTO_TCP, IPPROTO_SCTP, IPPROTO_ESP,
					 IPPROTO_ICMP };
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (int i = 0; i < 5; i++)
			expect_agreement(sw, &alice,
					 SAY(.from = &alice, .to = i % 2 ? &bob : &carol,
					     .family = family, .protocol = protocols[i],
					     .flags = FLAG_SYN, .payload = 100,
					     .icmp_type = family == AF_INET ? 8 : 128),
					 NULL, NULL);
}

static void on_long_and_short_packets(void **state)
{
	static const size_t payloads[] = { 0, 1, 17, 18, 1400 };
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (int i = 0; i < 5; i++)
			expect_agreement(sw, &alice,
					 SAY(.from = &alice, .to = &carol, .family = family,
					     .payload = payloads[i]),
					 NULL, NULL);
}

static void on_replies_and_errors(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame query = datagram(&alice, &carol, family, 4000, 53);

		expect_agreement(sw, &carol, datagram(&carol, &alice, family, 53, 4000), &query,
				 &alice);
		expect_agreement(sw, &carol,
				 SAY(.from = &carol, .to = &alice, .family = family,
				     .protocol = IPPROTO_ICMP,
				     .icmp_type = family == AF_INET ? 3 : 1, .quote = &query),
				 &query, &alice);
	}
}

static void on_fragments_and_extensions(void **state)
{
	static const unsigned char router_alert[4] = { 148, 4, 0, 0 };
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame whole =
			SAY(.from = &alice, .to = &carol, .family = family, .payload = 1000);
		struct frame first = fragment_of(&whole, 0, 50, 9);

		expect_agreement(sw, &alice, first, NULL, NULL);
		expect_agreement(sw, &alice, fragment_of(&whole, 50, 126, 9), &first, &alice);
	}
	expect_agreement(sw, &alice,
			 SAY(.from = &alice, .to = &carol, .family = AF_INET6,
			     .extension = { EXTENSION_HOPOPTS, IPPROTO_DSTOPTS }),
			 NULL, NULL);
	expect_agreement(sw, &alice,
			 SAY(.from = &alice, .to = &carol, .family = AF_INET,
			     .options = router_alert, .options_length = 4),
			 NULL, NULL);
}

static void on_answers(void **state)
{
	struct bpf_switch *sw = *state;

	expect_agreement(sw, &alice,
			 SAY_ARP(.sender_mac = alice.mac, .sender = alice.address4,
				 .target = carol.address4),
			 NULL, NULL);
	expect_agreement(sw, &alice,
			 SAY_NEIGHBOR(.source_mac = alice.mac, .source = alice.address6,
				      .target = carol.address6, .option_mac = alice.mac),
			 NULL, NULL);
	expect_agreement(sw, &alice,
			 SAY_NEIGHBOR(.source_mac = alice.mac, .source = alice.address6,
				      .target = carol.address6),
			 NULL, NULL);
	FOR_EACH_FAMILY(family) {
		expect_agreement(
			sw, &alice,
			SAY(.from = &alice, .to = &bob, .family = family,
			    .destination = family == AF_INET ? "10.1.1.1" : "fd00:1:0:1::1",
			    .protocol = IPPROTO_ICMP, .payload = 57,
			    .icmp_type = family == AF_INET ? 8 : 128),
			NULL, NULL);
		for (size_t payload = 0; payload < 1400; payload += 233)
			expect_agreement(sw, &alice,
					 SAY(.from = &alice, .to = &carol, .family = family,
					     .ttl = 1, .payload = payload),
					 NULL, NULL);
	}
}

static void on_ports_reached_through_their_peers(void **state)
{
	struct bpf_switch *sw = *state;

	sw->redirect_peer = true;
	TOWN(sw, NULL);
	sw->redirect_peer = false;
	FOR_EACH_FAMILY(family) {
		expect_agreement(sw, &alice, datagram(&alice, &bob, family, 1, 2), NULL, NULL);
		expect_agreement(sw, &alice, datagram(&alice, &carol, family, 1, 2), NULL, NULL);
	}
}

/* Frames of the local stack may be longer than the wire's: tc gets them whole (GSO). */
static void tc_takes_segments_that_are_yet_to_be_cut(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &carol, family);
		struct frame frame, out;
		struct __sk_buff context = { .ifindex = actor_ifindex(&alice),
					     .gso_size = 500,
					     .gso_segs = 3 };
		LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.bytes, .repeat = 1,
			    .data_out = out.bytes, .data_size_out = FRAME_ROOM, .ctx_in = &context,
			    .ctx_size_in = sizeof(context));

		shake_hands(&c);
		frame = SAY(.from = &alice, .to = &carol, .family = family, .protocol = IPPROTO_TCP,
			    .flags = FLAG_ACK, .sequence = c.client_next,
			    .acknowledgment = c.server_next, .payload = 1500);
		options.data_size_in = (__u32)frame.length;
		assert_int_equal(bpf_prog_test_run_opts(program_fd(sw, VIA_TC), &options), 0);
		assert_int_equal(options.retval, TC_ACT_REDIRECT);
		out.length = options.data_size_out;
		assert_frame(out, forwarded(&frame, switch_address, carol.mac, 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(on_packets_of_every_protocol),
		TEST(on_long_and_short_packets),
		TEST(on_replies_and_errors),
		TEST(on_fragments_and_extensions),
		TEST(on_answers),
		TEST(on_ports_reached_through_their_peers),
		TEST(tc_takes_segments_that_are_yet_to_be_cut),
	};

	return RUN_TESTS(tests);
}
