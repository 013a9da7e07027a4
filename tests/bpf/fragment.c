/* SPDX-License-Identifier: BSD-2-Clause */
/* Fragments: later ones follow their first, and nothing is read out of them that is not there. */
#include "tests/harness/talk.h"

#include <netinet/in.h>
#include <string.h>

/* A datagram of 1,208 bytes of IP payload: units 0..151. */
static struct frame whole_datagram(const struct actor *from, const struct actor *to, int family,
				   __u16 port)
{
	return SAY(.from = from, .to = to, .family = family, .source_port = 4000,
		   .destination_port = port, .payload = 1200);
}

static struct frame later(const struct frame *whole, unsigned int begin, unsigned int end, __u32 id)
{
	return fragment_of(whole, begin, end, id);
}

static void fragments_follow_their_first(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame whole = whole_datagram(&alice, &carol, family, 53);
		const struct sluice_flow *flow;

		for (unsigned int unit = 0; unit < 151; unit += 25) {
			struct frame piece = fragment_of(&whole, unit, unit + 25, 7);
			struct outcome outcome = send_frame(sw, &alice, piece);

			assert_delivered(outcome, &carol);
			assert_frame(outcome.out, forwarded(&piece, switch_address, carol.mac, 1));
			assert_int_equal(outcome.trace.parsed.fragment,
					 unit ? TRACE_FRAGMENT_LATER : TRACE_FRAGMENT_FIRST);
		}
		flow = flow_between(sw, &alice, &carol, family);
		assert_non_null(flow);
		assert_int_equal(flow->packets[0] + flow->packets[1], 7);
	}
}

static void later_fragments_come_in_any_order(void **state)
{
	static const unsigned int order[] = { 125, 50, 25, 100, 75 };
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame whole = whole_datagram(&alice, &bob, family, 53);

		assert_delivered(send_frame(sw, &alice, fragment_of(&whole, 0, 25, 7)), &bob);
		for (int i = 0; i < 5; i++)
			assert_delivered(
				send_frame(sw, &alice, later(&whole, order[i], order[i] + 25, 7)),
				&bob);
	}
}

static void echo_in_fragments_passes_both_ways(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame request =
			SAY(.from = &alice, .to = &bob, .family = family, .icmp_id = 5,
			    .protocol = IPPROTO_ICMP, .icmp_type = family == AF_INET ? 8 : 128,
			    .payload = 1000);
		struct frame reply = SAY(.from = &bob, .to = &alice, .family = family, .icmp_id = 5,
					 .protocol = IPPROTO_ICMP,
					 .icmp_type = family == AF_INET ? 0 : 129, .payload = 1000);

		assert_delivered(send_frame(sw, &alice, fragment_of(&request, 0, 64, 1)), &bob);
		assert_delivered(send_frame(sw, &alice, fragment_of(&request, 64, 126, 1)), &bob);
		assert_delivered(send_frame(sw, &bob, fragment_of(&reply, 0, 64, 1)), &alice);
		assert_delivered(send_frame(sw, &bob, fragment_of(&reply, 64, 126, 1)), &alice);
		assert_int_equal(flow_count(sw), family == AF_INET ? 1 : 2);
	}
}

static void threat_04_later_fragment_without_its_first(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame whole = whole_datagram(&alice, &bob, family, 53);
		struct frame other = whole_datagram(&alice, &carol, family, 53);

		assert_dropped(send_frame(sw, &alice, later(&whole, 25, 50, 7)),
			       DROP_FRAGMENT_ORPHAN);
		assert_delivered(send_frame(sw, &alice, fragment_of(&whole, 0, 25, 7)), &bob);
		/* Of another id, to another destination, from another vnet. */
		assert_dropped(send_frame(sw, &alice, later(&whole, 25, 50, 8)),
			       DROP_FRAGMENT_ORPHAN);
		assert_dropped(send_frame(sw, &alice, later(&other, 25, 50, 7)),
			       DROP_FRAGMENT_ORPHAN);
		whole = whole_datagram(&dave, &erin, family, 53);
		assert_dropped(send_frame(sw, &dave, later(&whole, 25, 50, 7)),
			       DROP_FRAGMENT_ORPHAN);
	}
}

static void threat_04_later_fragment_whose_entry_is_gone(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame whole = whole_datagram(&alice, &bob, family, 53);
		struct frame bobs = whole_datagram(&bob, &carol, family, 53);
		int orphans = 0;

		assert_delivered(send_frame(sw, &bob, fragment_of(&bobs, 0, 25, 1)), &carol);
		for (__u32 id = 1; id <= 200; id++)
			assert_delivered(send_frame(sw, &alice, fragment_of(&whole, 0, 25, id)),
					 &bob);
		for (__u32 id = 1; id <= 200; id++) {
			struct outcome outcome = send_frame(sw, &alice, later(&whole, 25, 50, id));

			if (outcome.reason) {
				assert_dropped(outcome, DROP_FRAGMENT_ORPHAN);
				orphans++;
			}
		}
		assert_in_range(orphans, 200 - 16, 199);
		/* alice's flood has pushed out nothing of bob's. */
		assert_delivered(send_frame(sw, &bob, later(&bobs, 25, 50, 1)), &carol);
	}
}

static void threat_04_denied_first_lets_no_later_pass(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .bob = "nsg: n",
	     .rest = "nsgs: {n: {rules: [{name: no, priority: 100, direction: Inbound,"
		     " access: Deny, destinationPorts: ['53']}]}}");
	FOR_EACH_FAMILY(family) {
		struct frame whole = whole_datagram(&alice, &bob, family, 53);

		assert_dropped(send_frame(sw, &alice, fragment_of(&whole, 0, 25, 7)),
			       DROP_NSG_DENY);
		assert_dropped(send_frame(sw, &alice, later(&whole, 25, 50, 7)),
			       DROP_FRAGMENT_ORPHAN);
	}
}

static void threat_05_later_fragment_is_not_read_as_a_header(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .bob = "nsg: n",
	     .rest = "nsgs: {n: {rules: [{name: no, priority: 100, direction: Inbound,"
		     " access: Deny, destinationPorts: ['53']}]}}");
	FOR_EACH_FAMILY(family) {
		struct frame whole = whole_datagram(&alice, &bob, family, 80);
		struct outcome outcome;
		struct frame piece;

		assert_delivered(send_frame(sw, &alice, fragment_of(&whole, 0, 25, 7)), &bob);
		piece = later(&whole, 25, 50, 7);
		/* What would be the ports, the length and the checksum of a UDP header. */
		frame_set16(&piece, piece.length - 200, 4000);
		frame_set16(&piece, piece.length - 198, 53);
		frame_set16(&piece, piece.length - 196, 1);
		frame_set16(&piece, piece.length - 194, 0xdead);
		outcome = send_frame(sw, &alice, piece);
		assert_delivered(outcome, &bob);
		assert_frame(outcome.out, forwarded(&piece, switch_address, bob.mac, 0));
		assert_false(outcome.trace.parsed.has & PARSED_PORTS);
		assert_int_equal(flow_count(sw), family == AF_INET ? 1 : 2);
	}
}

static void threat_05_later_fragment_is_not_read_as_tcp_flags(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);
		struct frame whole, piece;

		shake_hands(&c);
		whole = SAY(.from = &alice, .to = &bob, .family = family, .protocol = IPPROTO_TCP,
			    .flags = FLAG_ACK, .sequence = c.client_next,
			    .acknowledgment = c.server_next, .payload = 1000);
		assert_delivered(send_frame(sw, &alice, fragment_of(&whole, 0, 50, 7)), &bob);
		piece = later(&whole, 50, 100, 7);
		/* Bytes that would be an Xmas segment, then a reset. */
		piece.bytes[piece.length - 400 + 13] = 0x29;
		assert_delivered(send_frame(sw, &alice, piece), &bob);
		assert_int_equal(state_of(&c), FLOW_ESTABLISHED);
		piece = later(&whole, 100, 127, 7);
		piece.bytes[piece.length - 200 + 13] = FLAG_RST;
		assert_delivered(send_frame(sw, &alice, piece), &bob);
		assert_int_equal(state_of(&c), FLOW_ESTABLISHED);
	}
}

static void threat_06_tiny_first_fragment_and_offset_eight(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame syn = SAY(.from = &alice, .to = &bob, .family = family,
				       .protocol = IPPROTO_TCP, .flags = FLAG_SYN, .payload = 100);
		struct frame sctp;

		for (unsigned int end = 1; end <= 2; end++)
			assert_dropped(send_frame(sw, &alice, fragment_of(&syn, 0, end, 7)),
				       DROP_FRAGMENT_TINY);
		/* The first has the whole header; the second would write over its flags. */
		assert_delivered(send_frame(sw, &alice, fragment_of(&syn, 0, 3, 8)), &bob);
		for (unsigned int begin = 1; begin <= 2; begin++)
			assert_dropped(send_frame(sw, &alice, fragment_of(&syn, begin, 9, 8)),
				       DROP_FRAGMENT_TINY);
		sctp = SAY(.from = &alice, .to = &bob, .family = family, .protocol = IPPROTO_SCTP,
			   .payload = 100);
		assert_dropped(send_frame(sw, &alice, fragment_of(&sctp, 0, 1, 9)),
			       DROP_FRAGMENT_TINY);
	}
}

static void threat_06_overlap_and_duplicate(void **state)
{
	static const unsigned int bad[][2] = { { 25, 50 }, { 0, 25 },  { 24, 30 }, { 49, 60 },
					       { 20, 60 }, { 30, 31 }, { 70, 90 }, { 60, 81 } };
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame whole = whole_datagram(&alice, &bob, family, 53);

		assert_delivered(send_frame(sw, &alice, fragment_of(&whole, 0, 25, 7)), &bob);
		assert_delivered(send_frame(sw, &alice, later(&whole, 25, 50, 7)), &bob);
		assert_delivered(send_frame(sw, &alice, later(&whole, 80, 100, 7)), &bob);
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
			assert_dropped(send_frame(sw, &alice,
						  fragment_of(&whole, bad[i][0], bad[i][1], 7)),
				       DROP_FRAGMENT_OVERLAP);
		assert_delivered(send_frame(sw, &alice, later(&whole, 50, 80, 7)), &bob);
		assert_delivered(send_frame(sw, &alice, later(&whole, 100, 151, 7)), &bob);
	}
}

static void threat_06_fragment_past_the_longest_datagram(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame whole = whole_datagram(&alice, &bob, family, 53);
		struct frame last = fragment_of(&whole, 100, 151, 7);
		size_t word = family == AF_INET ? 14 + 6 : 14 + 40 + 2;

		assert_delivered(send_frame(sw, &alice, fragment_of(&whole, 0, 100, 7)), &bob);
		frame_set16(&last, word, family == AF_INET ? 8189 : 8189 << 3);
		checksums_write(&last);
		assert_true(send_frame(sw, &alice, last).reason);
	}
}

static void threat_06_piece_that_is_no_multiple_of_eight(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame whole = whole_datagram(&alice, &bob, family, 53);
		struct frame piece = fragment_of(&whole, 0, 100, 7);

		piece.length -= 3;
		frame_set16(&piece, family == AF_INET ? 16 : 18,
			    frame_get16(&piece, family == AF_INET ? 16 : 18) - 3);
		checksums_write(&piece);
		assert_true(send_frame(sw, &alice, piece).reason);
	}
}

static void datagram_in_too_many_separate_pieces_is_dropped(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame whole = whole_datagram(&alice, &bob, family, 53);
		int pieces = 1;

		assert_delivered(send_frame(sw, &alice, fragment_of(&whole, 0, 2, 7)), &bob);
		for (unsigned int begin = 4;; begin += 4) {
			struct outcome outcome =
				send_frame(sw, &alice, later(&whole, begin, begin + 2, 7));

			if (outcome.reason) {
				assert_dropped(outcome, DROP_FRAGMENT_LIMIT);
				break;
			}
			assert_delivered(outcome, &bob);
			pieces++;
			assert_true(pieces < 20);
		}
		assert_true(pieces >= 6);
	}
}

static void threat_07_first_fragment_without_the_whole_chain(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame chained = SAY(.from = &alice, .to = &bob, .family = AF_INET6, .payload = 200,
				   .extension = { IPPROTO_DSTOPTS, IPPROTO_DSTOPTS });

	/* The fragment ends within, and right behind, the chain: the UDP header is elsewhere. */
	for (unsigned int end = 1; end <= 2; end++)
		assert_dropped(send_frame(sw, &alice, fragment_of(&chained, 0, end, 7)),
			       DROP_FRAGMENT_TINY);
	assert_delivered(send_frame(sw, &alice, fragment_of(&chained, 0, 3, 8)), &bob);
}

static void later_fragments_of_a_chain_belong_to_its_transport(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame chained = SAY(.from = &alice, .to = &bob, .family = AF_INET6, .payload = 200,
				   .extension = { IPPROTO_DSTOPTS });
	struct outcome outcome;

	/* Every fragment names the first extension header, not the UDP behind it. */
	assert_delivered(send_frame(sw, &alice, fragment_of(&chained, 0, 10, 7)), &bob);
	outcome = send_frame(sw, &alice, fragment_of(&chained, 10, 27, 7));
	assert_delivered(outcome, &bob);
	assert_int_equal(outcome.trace.state, TRACE_STATE_ESTABLISHED);
	assert_int_equal(flow_count(sw), 1);
}

static void whole_packet_with_a_fragment_header_is_no_fragment(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame frame = SAY(.from = &alice, .to = &bob, .family = AF_INET6,
				 .extension = { IPPROTO_FRAGMENT }, .payload = 20);

	/* RFC 6946: as often as it likes, they are not pieces of one datagram. */
	for (int i = 0; i < 3; i++) {
		struct outcome outcome = send_frame(sw, &alice, frame);

		assert_delivered(outcome, &bob);
		assert_int_equal(outcome.trace.parsed.fragment, TRACE_FRAGMENT_NO);
	}
}

static void policy_change_reaches_later_fragments(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame whole = whole_datagram(&alice, &bob, family, 53);

		TOWN(sw, NULL);
		assert_delivered(send_frame(sw, &alice, fragment_of(&whole, 0, 25, 7)), &bob);
		TOWN(sw, .bob = "nsg: n",
		     .rest = "nsgs: {n: {rules: [{name: no, priority: 100, direction: Inbound,"
			     " access: Deny, destinationPorts: ['53']}]}}");
		assert_dropped(send_frame(sw, &alice, later(&whole, 25, 50, 7)), DROP_NSG_DENY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fragments_follow_their_first),
		TEST(later_fragments_come_in_any_order),
		TEST(echo_in_fragments_passes_both_ways),
		TEST(threat_04_later_fragment_without_its_first),
		TEST(threat_04_later_fragment_whose_entry_is_gone),
		TEST(threat_04_denied_first_lets_no_later_pass),
		TEST(threat_05_later_fragment_is_not_read_as_a_header),
		TEST(threat_05_later_fragment_is_not_read_as_tcp_flags),
		TEST(threat_06_tiny_first_fragment_and_offset_eight),
		TEST(threat_06_overlap_and_duplicate),
		TEST(threat_06_fragment_past_the_longest_datagram),
		TEST(threat_06_piece_that_is_no_multiple_of_eight),
		TEST(datagram_in_too_many_separate_pieces_is_dropped),
		TEST(threat_07_first_fragment_without_the_whole_chain),
		TEST(later_fragments_of_a_chain_belong_to_its_transport),
		TEST(whole_packet_with_a_fragment_header_is_no_fragment),
		TEST(policy_change_reaches_later_fragments),
	};

	return RUN_TESTS(tests);
}
