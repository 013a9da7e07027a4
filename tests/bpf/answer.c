/* SPDX-License-Identifier: BSD-2-Clause */
/* What the switch says itself: ARP, neighbor discovery, the gateways' echo. */
#include "tests/harness/bpf_switch.h"

#include <netinet/in.h>
#include <string.h>

#define SOLICITED 0x40000000
#define OVERRIDE  0x20000000
#define ROUTER    0x80000000

static struct frame arp_for(const struct actor *from, const char *target)
{
	return SAY_ARP(.sender_mac = from->mac, .sender = from->address4, .target = target);
}

static struct frame arp_reply_to(const struct actor *to, const char *target)
{
	return SAY_ARP(.operation = 2, .destination_mac = to->mac, .sender_mac = switch_address,
		       .sender = target, .target_mac = to->mac, .target = to->address4);
}

static void arp_is_answered_with_the_switch_s_mac(void **state)
{
	static const char *const targets[] = { "10.1.1.5", "10.1.2.4", "10.1.1.1", "10.1.2.1" };
	struct bpf_switch *sw = *state;

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct outcome outcome = send_frame(sw, &alice, arp_for(&alice, targets[i]));

		assert_answered(outcome);
		assert_frame(outcome.out, arp_reply_to(&alice, targets[i]));
	}
	assert_int_equal(flow_count(sw), 0);
}

static void padded_arp_request_gets_a_padded_reply(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame request = arp_for(&alice, bob.address4);
	struct frame reply = arp_reply_to(&alice, bob.address4);
	struct outcome outcome;

	request.length = 60;
	outcome = send_frame(sw, &alice, request);
	assert_answered(outcome);
	assert_int_equal(outcome.out.length, 60);
	assert_memory_equal(outcome.out.bytes, reply.bytes, reply.length);
}

static void arp_asked_of_the_switch_alone_is_answered(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame request = arp_for(&alice, bob.address4);
	struct outcome outcome;

	memcpy(request.bytes, switch_address, 6);
	outcome = send_frame(sw, &alice, request);
	assert_answered(outcome);
	assert_frame(outcome.out, arp_reply_to(&alice, bob.address4));
}

static void arp_for_what_nobody_in_reach_has_is_dropped(void **state)
{
	static const char *const targets[] = { "10.1.1.77", "192.0.2.1", "10.1.1.255", "0.0.0.0" };
	struct bpf_switch *sw = *state;

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		assert_dropped(send_frame(sw, &alice, arp_for(&alice, targets[i])),
			       DROP_ARP_UNANSWERED);
	/* One's own address: asking for it is how a guest looks for a duplicate. */
	assert_dropped(send_frame(sw, &alice, arp_for(&alice, alice.address4)),
		       DROP_ARP_UNANSWERED);
	assert_dropped(send_frame(sw, &alice,
				  SAY_ARP(.sender_mac = alice.mac, .sender = "0.0.0.0",
					  .target = alice.address4)),
		       DROP_ARP_UNANSWERED);
	/* carol lives in blue only: red's dave does not see her. */
	assert_dropped(send_frame(sw, &dave, arp_for(&dave, carol.address4)), DROP_ARP_UNANSWERED);
}

static void arp_that_asks_nothing_goes_nowhere(void **state)
{
	static const int operations[] = { 2, 3, 4, 8, 9, 65535 };
	struct bpf_switch *sw = *state;

	for (int i = 0; i < 6; i++)
		assert_dropped(
			send_frame(sw, &alice,
				   SAY_ARP(.operation = operations[i], .sender_mac = alice.mac,
					   .sender = alice.address4, .target_mac = bob.mac,
					   .target = bob.address4, .destination_mac = bob.mac)),
			DROP_ARP_UNANSWERED);
}

static void malformed_arp_is_dropped(void **state)
{
	static const struct {
		size_t offset;
		__u16 value;
	} mistakes[] = {
		{ 14, 6 },
		{ 16, 0x86dd },
		{ 18, 0x0804 },
		{ 18, 0x0610 },
	};
	struct bpf_switch *sw = *state;
	struct frame frame;

	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		frame = arp_for(&alice, bob.address4);
		frame_set16(&frame, mistakes[i].offset, mistakes[i].value);
		assert_dropped(send_frame(sw, &alice, frame), DROP_ARP_MALFORMED);
	}
	frame = arp_for(&alice, bob.address4);
	while (--frame.length > 14)
		assert_dropped(send_frame(sw, &alice, frame), DROP_ARP_MALFORMED);
}

static struct frame solicitation(const struct actor *from, const char *target)
{
	return SAY_NEIGHBOR(.source_mac = from->mac, .source = from->address6, .target = target,
			    .option_mac = from->mac);
}

/* flags: as the switch chose them; what they must hold is asserted beside. */
static struct frame advertisement_to(const struct actor *to, const char *target, __u32 flags)
{
	return SAY_NEIGHBOR(.type = 136, .source_mac = switch_address, .destination_mac = to->mac,
			    .source = target, .destination = to->address6, .target = target,
			    .flags = flags, .option_mac = switch_address);
}

static void expect_advertisement(struct bpf_switch *sw, struct frame request, const char *target)
{
	struct outcome outcome = send_frame(sw, &alice, request);
	__u32 flags = frame_get32(&outcome.out, 14 + 40 + 4);

	assert_answered(outcome);
	assert_int_equal(flags & SOLICITED, SOLICITED);
	assert_int_equal(flags & ~(SOLICITED | OVERRIDE | ROUTER), 0);
	assert_frame(outcome.out, advertisement_to(&alice, target, flags));
}

static void solicitation_is_answered_with_the_switch_s_mac(void **state)
{
	static const char *const targets[] = { "fd00:1:0:1::5", "fd00:1:0:2::4", "fd00:1:0:1::1",
					       "fd00:1:0:2::1" };
	struct bpf_switch *sw = *state;

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		expect_advertisement(sw, solicitation(&alice, targets[i]), targets[i]);
	assert_int_equal(flow_count(sw), 0);
}

static void solicitation_without_the_option_grows_by_one(void **state)
{
	struct bpf_switch *sw = *state;

	/* A neighbor asked again whether it is still there: unicast, without the option. */
	expect_advertisement(sw,
			     SAY_NEIGHBOR(.source_mac = alice.mac, .source = alice.address6,
					  .destination_mac = switch_address,
					  .destination = bob.address6, .target = bob.address6),
			     bob.address6);
}

static void solicitation_with_more_in_it_gets_a_plain_answer(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame plain = solicitation(&alice, bob.address6), padded = plain, chained = plain;

	memset(padded.bytes + padded.length, 0x5a, 30);
	padded.length += 30;
	expect_advertisement(sw, padded, bob.address6);
	/* Behind a destination options header. */
	memmove(chained.bytes + 62, plain.bytes + 54, plain.length - 54);
	memcpy(chained.bytes + 54, "\x3a\x00\x01\x04\x00\x00\x00\x00", 8);
	chained.length += 8;
	chained.bytes[14 + 6] = IPPROTO_DSTOPTS;
	frame_set16(&chained, 18, 40);
	checksums_write(&chained);
	expect_advertisement(sw, chained, bob.address6);
}

static void solicitation_for_what_nobody_in_reach_has_is_dropped(void **state)
{
	static const char *const targets[] = { "fd00:1:0:1::77", "2001:db8::1", "fd00:1:0:1::4" };
	struct bpf_switch *sw = *state;

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		assert_dropped(send_frame(sw, &alice, solicitation(&alice, targets[i])),
			       DROP_ND_UNANSWERED);
	assert_dropped(send_frame(sw, &alice,
				  SAY_NEIGHBOR(.source_mac = alice.mac,
					       .source = "::", .target = alice.address6)),
		       DROP_ND_UNANSWERED);
	assert_dropped(send_frame(sw, &dave, solicitation(&dave, carol.address6)),
		       DROP_ND_UNANSWERED);
	assert_dropped(send_frame(sw, &alice,
				  SAY_NEIGHBOR(.type = 136, .source_mac = alice.mac,
					       .source = alice.address6, .flags = OVERRIDE,
					       .destination = "ff02::1", .target = alice.address6,
					       .option_mac = alice.mac)),
		       DROP_ND_UNANSWERED);
}

/* A solicitation for bob's address with one byte behind the Ethernet header changed. */
static struct frame solicitation_with(size_t offset, unsigned char value)
{
	struct frame frame = solicitation(&alice, bob.address6);

	frame.bytes[14 + offset] = value;
	checksums_write(&frame);
	return frame;
}

static void malformed_neighbor_discovery_is_dropped(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame frame;

	/* Hop limit: it came from another link. */
	assert_dropped(send_frame(sw, &alice, solicitation_with(7, 254)), DROP_ND_MALFORMED);
	/* Code. */
	assert_dropped(send_frame(sw, &alice, solicitation_with(41, 1)), DROP_ND_MALFORMED);
	/* A multicast target. */
	assert_dropped(send_frame(sw, &alice, solicitation_with(48, 0xff)), DROP_ND_MALFORMED);
	/* An option without length. */
	assert_dropped(send_frame(sw, &alice, solicitation_with(65, 0)), DROP_ND_MALFORMED);
	/* An option longer than the message. */
	assert_dropped(send_frame(sw, &alice, solicitation_with(65, 2)), DROP_ND_MALFORMED);
	/* From the unspecified address with a link-layer option. */
	assert_dropped(send_frame(sw, &alice,
				  SAY_NEIGHBOR(.source_mac = alice.mac, .source = "::",
					       .target = bob.address6, .option_mac = alice.mac)),
		       DROP_ND_MALFORMED);
	/* In a fragment (RFC 6980). */
	frame = solicitation(&alice, bob.address6);
	assert_dropped(send_frame(sw, &alice, fragment_of(&frame, 0, 3, 7)), DROP_ND_MALFORMED);
	/* Shorter than a solicitation. */
	frame = SAY(.from = &alice, .to = &bob, .family = AF_INET6, .protocol = IPPROTO_ICMP,
		    .icmp_type = 135, .ttl = 255, .payload = 12);
	assert_dropped(send_frame(sw, &alice, frame), DROP_ND_MALFORMED);
}

static struct frame echo(int family, const struct actor *from, const char *to)
{
	return SAY(.from = from, .to = from, .family = family, .protocol = IPPROTO_ICMP,
		   .destination = to, .icmp_type = family == AF_INET6 ? 128 : 8, .icmp_id = 77,
		   .icmp_sequence = 3, .payload = 56);
}

static void gateways_answer_echo(void **state)
{
	static const char *const gateways[] = { "10.1.1.1", "10.1.2.1", "fd00:1:0:1::1",
						"fd00:1:0:2::1" };
	struct bpf_switch *sw = *state;

	for (size_t i = 0; i < 4; i++) {
		int family = i < 2 ? AF_INET : AF_INET6;
		struct outcome outcome = send_frame(sw, &alice, echo(family, &alice, gateways[i]));
		__u8 ttl = outcome.out.bytes[family == AF_INET ? 14 + 8 : 14 + 7];
		struct frame expected =
			SAY(.from = &alice, .to = &alice, .family = family, .source = gateways[i],
			    .source_mac = switch_address, .destination_mac = alice.mac,
			    .protocol = IPPROTO_ICMP, .icmp_type = family == AF_INET6 ? 129 : 0,
			    .icmp_id = 77, .icmp_sequence = 3, .payload = 56, .ttl = ttl);

		assert_answered(outcome);
		assert_true(ttl >= 64);
		assert_frame(outcome.out, expected);
	}
}

static void gateways_answer_nothing_else(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		const char *gateway = family == AF_INET ? "10.1.1.1" : "fd00:1:0:1::1";

		assert_dropped(send_frame(sw, &alice,
					  SAY(.from = &alice, .to = &bob, .family = family,
					      .destination = gateway)),
			       DROP_GATEWAY_ONLY_ECHO);
		assert_dropped(send_frame(sw, &alice,
					  SAY(.from = &alice, .to = &bob, .family = family,
					      .destination = gateway, .protocol = IPPROTO_TCP,
					      .flags = FLAG_SYN)),
			       DROP_GATEWAY_ONLY_ECHO);
		assert_int_equal(flow_count(sw), 0);
	}
}

static void odd_echo_lengths_have_right_checksums(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (size_t payload = 0; payload < 9; payload++)
			assert_answered(send_frame(
				sw, &alice,
				SAY(.from = &alice, .to = &bob, .family = family,
				    .destination = family == AF_INET ? "10.1.1.1" : "fd00:1:0:1::1",
				    .protocol = IPPROTO_ICMP, .payload = payload,
				    .icmp_type = family == AF_INET ? 8 : 128)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(arp_is_answered_with_the_switch_s_mac),
		TEST(padded_arp_request_gets_a_padded_reply),
		TEST(arp_asked_of_the_switch_alone_is_answered),
		TEST(arp_for_what_nobody_in_reach_has_is_dropped),
		TEST(arp_that_asks_nothing_goes_nowhere),
		TEST(malformed_arp_is_dropped),
		TEST(solicitation_is_answered_with_the_switch_s_mac),
		TEST(solicitation_without_the_option_grows_by_one),
		TEST(solicitation_with_more_in_it_gets_a_plain_answer),
		TEST(solicitation_for_what_nobody_in_reach_has_is_dropped),
		TEST(malformed_neighbor_discovery_is_dropped),
		TEST(gateways_answer_echo),
		TEST(gateways_answer_nothing_else),
		TEST(odd_echo_lengths_have_right_checksums),
	};

	return RUN_TESTS(tests);
}
