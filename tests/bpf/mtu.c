/* SPDX-License-Identifier: BSD-2-Clause */
/* What is larger than its way's MTU goes no further, and its sender is told the MTU. */
#include "tests/harness/talk.h"

#include <netinet/in.h>

#define MTU 1400

static size_t ip_header(int family)
{
	return family == AF_INET ? 20 : 40;
}

/* A datagram from alice whose IP packet is `size` bytes long. */
static struct frame packet_of(size_t size, const struct actor *to, int family)
{
	return SAY(.from = &alice, .to = to, .family = family, .source_port = 4000,
		   .destination_port = 53, .payload = size - ip_header(family) - 8);
}

static struct frame too_big(const struct frame *lost, int family, const struct frame *answer)
{
	return error_from_gateway(lost, family, answer, family == AF_INET ? 3 : 2,
				  family == AF_INET ? 4 : 0, MTU);
}

static void narrow(struct bpf_switch *sw, __u32 mtu)
{
	sw->mtu = mtu;
	TOWN(sw);
	sw->mtu = 0;
}

/* Within a subnet and between two, of a flow that is none yet and of one that is known. */
static void the_mtu_is_what_passes_and_no_byte_more(void **state)
{
	const struct actor *const receivers[] = { &bob, &carol };
	struct bpf_switch *sw = *state;

	narrow(sw, MTU);
	FOR_EACH_FAMILY(family)
		for (int i = 0; i < 2; i++)
			for (enum via via = 0; via < VIA_COUNT; via++) {
				const struct actor *to = receivers[i];
				struct frame lost = packet_of(MTU + 1, to, family);

				flows_clear(sw);
				for (int known = 0; known < 2; known++) {
					struct outcome outcome = send_via(sw, via, &alice, lost);

					assert_answered(outcome);
					assert_frame(outcome.out,
						     too_big(&lost, family, &outcome.out));
					assert_int_equal(flow_count(sw), known);
					assert_delivered(send_via(sw, via, &alice,
								  packet_of(MTU, to, family)),
							 to);
				}
			}
}

/* Who allows IPv4 to cut it is told as well: the switch does not cut. */
static void fragments_may_be_forbidden_or_not(void **state)
{
	struct bpf_switch *sw = *state;

	narrow(sw, MTU);
	for (int forbidden = 0; forbidden < 2; forbidden++) {
		struct frame lost = packet_of(MTU + 1, &carol, AF_INET);
		struct outcome outcome;

		lost.bytes[14 + 6] = forbidden ? 0x40 : 0;
		checksums_write(&lost);
		outcome = send_frame(sw, &alice, lost);
		assert_answered(outcome);
		assert_frame(outcome.out, too_big(&lost, AF_INET, &outcome.out));
	}
}

/* A TCP segment on alice's connection with carol, of which no packet has come before. */
static struct frame bulk(int family, size_t payload, __u16 segment)
{
	struct frame frame =
		SAY(.from = &alice, .to = &carol, .family = family, .protocol = IPPROTO_TCP,
		    .flags = FLAG_ACK, .payload = payload, .sequence = 1001, .acknowledgment = 1);

	frame.segment = segment;
	return frame;
}

/* What tc is handed in one piece and cut later is as large as its pieces. */
static void segments_are_measured_not_what_they_come_in(void **state)
{
	struct bpf_switch *sw = *state;

	narrow(sw, MTU);
	FOR_EACH_FAMILY(family) {
		struct connection connection = connection_between(sw, &alice, &carol, family);
		__u16 fits = (__u16)(MTU - ip_header(family) - 20);
		struct frame lost = bulk(family, 1900, fits + 1);
		struct outcome outcome;

		connection.server_next = 0;
		shake_hands(&connection);
		assert_delivered(send_via(sw, VIA_TC, &alice, bulk(family, 1900, fits)), &carol);
		outcome = send_via(sw, VIA_TC, &alice, lost);
		assert_answered(outcome);
		assert_frame(outcome.out, too_big(&lost, family, &outcome.out));
		/* The list of packets that a stack has made; and on the long way, which a lost
		 * verdict leads to. */
		assert_delivered(send_via(sw, VIA_TC, &alice, bulk(family, 1900, 0xffff)), &carol);
		narrow(sw, MTU);
		assert_delivered(send_via(sw, VIA_TC, &alice, bulk(family, 1900, fits)), &carol);
		narrow(sw, MTU);
		assert_answered(send_via(sw, VIA_TC, &alice, lost));
	}
}

static void errors_and_later_fragments_are_dropped_unanswered(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame asked =
			SAY(.from = &carol, .to = &alice, .family = family, .payload = 1500);
		struct frame whole = packet_of(1900, &carol, family);

		TOWN(sw);
		assert_delivered(send_frame(sw, &carol, asked), &alice);
		assert_delivered(send_frame(sw, &alice, fragment_of(&whole, 0, 10, 9)), &carol);
		narrow(sw, MTU);
		assert_dropped(
			send_frame(sw, &alice,
				   SAY(.from = &alice, .to = &carol, .family = family,
				       .protocol = IPPROTO_ICMP,
				       .icmp_type = family == AF_INET ? 3 : 1,
				       .icmp_code = family == AF_INET ? 3 : 4, .quote = &asked)),
			DROP_TOO_BIG);
		assert_dropped(send_frame(sw, &alice, fragment_of(&whole, 10, 190, 9)),
			       DROP_TOO_BIG);
	}
}

/* RFC 8200, 5: IPv6 has no link with less than 1280. IPv4 has. */
static void a_way_too_narrow_for_ipv6_is_no_way(void **state)
{
	struct bpf_switch *sw = *state;

	narrow(sw, 1279);
	assert_dropped(send_frame(sw, &alice, packet_of(1280, &carol, AF_INET6)), DROP_TOO_BIG);
	assert_dropped(send_frame(sw, &alice, packet_of(1500, &carol, AF_INET6)), DROP_TOO_BIG);
	assert_delivered(send_frame(sw, &alice, packet_of(1279, &carol, AF_INET6)), &carol);
	assert_answered(send_frame(sw, &alice, packet_of(1280, &carol, AF_INET)));
	narrow(sw, 1280);
	assert_answered(send_frame(sw, &alice, packet_of(1281, &carol, AF_INET6)));
}

/* IPv4 options are quoted with the header that they belong to. */
static void options_are_quoted_with_their_header(void **state)
{
	static const unsigned char options[40] = { 1, 1, 1, 1 };
	struct bpf_switch *sw = *state;

	narrow(sw, MTU);
	for (enum via via = 0; via < VIA_COUNT; via++) {
		struct frame lost =
			SAY(.from = &alice, .to = &carol, .family = AF_INET, .options = options,
			    .options_length = sizeof(options), .payload = 1500);
		struct outcome outcome = send_via(sw, via, &alice, lost);

		assert_answered(outcome);
		assert_int_equal(outcome.out.length, 14 + 20 + 8 + 60 + 64);
		assert_frame(outcome.out, too_big(&lost, AF_INET, &outcome.out));
	}
}

/* How many errors come before one does not, for at most `most` packets. */
static unsigned int errors_of(struct bpf_switch *sw, struct frame lost, enum drop_reason reason,
			      unsigned int most)
{
	for (unsigned int passed = 0; passed < most; passed++) {
		struct outcome outcome = send_via(sw, VIA_TC, &alice, lost);

		if (outcome.reason == reason)
			return passed;
		assert_answered(outcome);
	}
	return most;
}

/* A burst is told; of a flood the rest is only counted. Others have an allowance of their own. */
static void errors_to_one_port_are_rate_limited(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame lost = packet_of(MTU + 1, &carol, AF_INET);
	struct frame dead = SAY(.from = &alice, .to = &carol, .family = AF_INET6, .ttl = 1);
	struct frame other = SAY(.from = &carol, .to = &alice, .family = AF_INET, .ttl = 1);

	narrow(sw, MTU);
	pin_to_cpu(0);
	assert_in_range(errors_of(sw, lost, DROP_TOO_BIG, 100000), 50, 99999);
	assert_in_range(errors_of(sw, dead, DROP_HOP_LIMIT, 100000), 0, 99999);
	assert_answered(send_via(sw, VIA_TC, &carol, other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_mtu_is_what_passes_and_no_byte_more),
		TEST(fragments_may_be_forbidden_or_not),
		TEST(segments_are_measured_not_what_they_come_in),
		TEST(errors_and_later_fragments_are_dropped_unanswered),
		TEST(a_way_too_narrow_for_ipv6_is_no_way),
		TEST(options_are_quoted_with_their_header),
		TEST(errors_to_one_port_are_rate_limited),
	};

	return RUN_TESTS(tests);
}
