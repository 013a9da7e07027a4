/* SPDX-License-Identifier: BSD-2-Clause */
/* The parse stage: what can not be understood is dropped with its own reason, the rest is read
 * right whatever stands in front of it. */
#include "tests/harness/bpf_switch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* A frame that alice sends to bob with one byte of its IP header changed. */
static struct frame with_ip_byte(int family, size_t offset, unsigned char value)
{
	struct frame frame = SAY(.from = &alice, .to = &bob, .family = family, .payload = 20);

	frame.bytes[14 + offset] = value;
	return frame;
}

static void frame_shorter_than_its_vlan_header_is_dropped(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame frame = SAY(.from = &alice, .to = &bob, .family = AF_INET, .vlans = 2);

	for (frame.length = 15; frame.length < 22; frame.length++)
		assert_dropped(send_frame(sw, &alice, frame), DROP_FRAME_SHORT);
}

static void third_vlan_tag_is_past_the_parse_depth(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		assert_dropped(send_frame(sw, &alice,
					  SAY(.from = &alice, .to = &bob, .family = family,
					      .vlans = 3, .vlan = { 5, 6, 7 })),
			       DROP_VLAN_DEPTH);
}

static void unknown_ethertype_is_dropped(void **state)
{
	static const __u16 types[] = { 0x88cc, 0x8847, 0x0801, 0x05dc, 0x0026, 0 };
	struct bpf_switch *sw = *state;
	struct frame frame = SAY(.from = &alice, .to = &bob, .family = AF_INET);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		frame_set16(&frame, 12, types[i]);
		assert_dropped(send_frame(sw, &alice, frame), DROP_ETHERTYPE);
	}
}

static void threat_08_wrong_ip_header_lengths_are_dropped(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame frame;

	assert_dropped(send_frame(sw, &alice, with_ip_byte(AF_INET, 0, 0x55)), DROP_IP_HEADER);
	assert_dropped(send_frame(sw, &alice, with_ip_byte(AF_INET, 0, 0x44)), DROP_IP_HEADER);
	assert_dropped(send_frame(sw, &alice, with_ip_byte(AF_INET, 0, 0x40)), DROP_IP_HEADER);
	assert_dropped(send_frame(sw, &alice, with_ip_byte(AF_INET, 0, 0x4f)), DROP_IP_HEADER);
	assert_dropped(send_frame(sw, &alice, with_ip_byte(AF_INET, 2, 0x01)), DROP_IP_HEADER);
	assert_dropped(send_frame(sw, &alice, with_ip_byte(AF_INET, 3, 19)), DROP_IP_HEADER);
	assert_dropped(send_frame(sw, &alice, with_ip_byte(AF_INET6, 0, 0x40)), DROP_IP_HEADER);
	assert_dropped(send_frame(sw, &alice, with_ip_byte(AF_INET6, 4, 0x01)), DROP_IP_HEADER);
	FOR_EACH_FAMILY(family) {
		frame = SAY(.from = &alice, .to = &bob, .family = family, .payload = 20);
		while (--frame.length > 14)
			if (runs_as_skb(&frame))
				assert_dropped(send_frame(sw, &alice, frame), DROP_IP_HEADER);
	}
}

static void threat_08_frames_that_end_within_their_ip_header_are_dropped(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame frame = SAY(.from = &alice, .to = &bob, .family = family);

		for (frame.length = 14; !runs_as_skb(&frame); frame.length++)
			assert_dropped(send_via(sw, VIA_XDP, &alice, frame), DROP_IP_HEADER);
	}
}

static void address_that_no_host_has_is_dropped(void **state)
{
	static const char *const sources[] = {
		"127.0.0.1", "224.0.0.5", "255.255.255.255", "0.0.0.0", "239.1.1.1",
		"::",        "::1",       "ff02::1",         "ff0e::5", "::ffff:10.1.1.4",
	};
	static const char *const destinations[] = {
		"127.0.0.1", "0.0.0.0", "::", "::1", "::ffff:10.1.1.5",
	};
	struct bpf_switch *sw = *state;

	TOWN(sw, .alice = "guards: {spoofing: allow}");
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		assert_dropped(
			send_frame(sw, &alice,
				   SAY(.from = &alice, .to = &bob, .source = sources[i],
				       .family = strchr(sources[i], ':') ? AF_INET6 : AF_INET)),
			DROP_IP_ADDRESS);
	for (size_t i = 0; i < sizeof(destinations) / sizeof(destinations[0]); i++)
		assert_dropped(
			send_frame(
				sw, &alice,
				SAY(.from = &alice, .to = &bob, .destination = destinations[i],
				    .family = strchr(destinations[i], ':') ? AF_INET6 : AF_INET)),
			DROP_IP_ADDRESS);
}

static struct frame with_options(const unsigned char *options, size_t length)
{
	return SAY(.from = &alice, .to = &bob, .family = AF_INET, .options = options,
		   .options_length = length, .payload = 20);
}

static void threat_08_source_routes_and_malformed_options_are_dropped(void **state)
{
	static const unsigned char refused[][8] = {
		{ 131, 7, 4, 10, 1, 1, 1, 0 }, /* loose source route */
		{ 137, 7, 4, 10, 1, 1, 1, 0 }, /* strict source route */
		{ 1, 131, 7, 4, 10, 1, 1, 1 }, /* the same behind a no-operation */
		{ 7, 9, 4, 0, 0, 0, 0, 0 },    /* runs out of the header */
		{ 7, 0, 4, 0, 0, 0, 0, 0 },    /* no length: would never end */
		{ 7, 1, 4, 0, 0, 0, 0, 0 },    /* shorter than itself */
		{ 1, 1, 1, 1, 1, 1, 1, 148 },  /* its length lies behind the header */
	};
	static const unsigned char allowed[][8] = {
		{ 1, 1, 1, 1, 1, 1, 1, 1 },    /* no-operations */
		{ 148, 4, 0, 0, 0, 0, 0, 0 },  /* router alert, end of options */
		{ 7, 7, 4, 0, 0, 0, 0, 0 },    /* record route */
		{ 0, 131, 7, 4, 10, 1, 1, 1 }, /* what follows the end is not read */
	};
	struct bpf_switch *sw = *state;

	for (size_t i = 0; i < sizeof(refused) / 8; i++)
		assert_dropped(send_frame(sw, &alice, with_options(refused[i], 8)),
			       DROP_IP_OPTIONS);
	for (size_t i = 0; i < sizeof(allowed) / 8; i++)
		assert_delivered(send_frame(sw, &alice, with_options(allowed[i], 8)), &bob);
}

static void the_longest_options_are_walked(void **state)
{
	unsigned char options[40];
	struct bpf_switch *sw = *state;

	memset(options, 1, sizeof(options));
	assert_delivered(send_frame(sw, &alice, with_options(options, 40)), &bob);
	options[37] = 131;
	options[38] = 3;
	assert_dropped(send_frame(sw, &alice, with_options(options, 40)), DROP_IP_OPTIONS);
}

#define HOP EXTENSION_HOPOPTS
#define DST IPPROTO_DSTOPTS
#define RTE IPPROTO_ROUTING
#define FRG IPPROTO_FRAGMENT

static void threat_08_extension_chain_is_walked_within_bounds(void **state)
{
	struct bpf_switch *sw = *state;
	struct outcome outcome;

	outcome = send_frame(sw, &alice,
			     SAY(.from = &alice, .to = &bob, .family = AF_INET6,
				 .extension = { HOP, DST, RTE, FRG, DST }));
	assert_delivered(outcome, &bob);
	assert_int_equal(outcome.trace.parsed.protocol, IPPROTO_UDP);
	assert_int_equal(outcome.trace.parsed.destination_port, htons(443));
	assert_int_equal(outcome.trace.parsed.fragment, TRACE_FRAGMENT_NO);
	assert_dropped(send_frame(sw, &alice,
				  SAY(.from = &alice, .to = &bob, .family = AF_INET6,
				      .extension = { DST, DST, DST, DST, DST, DST, DST, DST, DST,
						     DST, DST, DST })),
		       DROP_IPV6_EXTENSIONS);
}

static void threat_07_second_fragment_header_is_dropped(void **state)
{
	struct bpf_switch *sw = *state;

	assert_dropped(send_frame(sw, &alice,
				  SAY(.from = &alice, .to = &bob, .family = AF_INET6,
				      .extension = { FRG, FRG })),
		       DROP_IPV6_EXTENSIONS);
	assert_dropped(send_frame(sw, &alice,
				  SAY(.from = &alice, .to = &bob, .family = AF_INET6,
				      .extension = { FRG, DST, FRG })),
		       DROP_IPV6_EXTENSIONS);
}

static void threat_08_cut_extension_header_is_dropped(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame frame = SAY(.from = &alice, .to = &bob, .family = AF_INET6,
				 .extension = { HOP }, .payload = 8);

	frame.bytes[14 + 40 + 1] = 3; /* 32 bytes long, and only 24 are there */
	assert_dropped(send_frame(sw, &alice, frame), DROP_IPV6_EXTENSIONS);
	frame = SAY(.from = &alice, .to = &bob, .family = AF_INET6, .extension = { DST, RTE });
	for (size_t keep = 0; keep < 16; keep++) {
		frame.length = 14 + 40 + keep;
		frame_set16(&frame, 18, (__u16)keep);
		assert_dropped(send_frame(sw, &alice, frame), DROP_IPV6_EXTENSIONS);
	}
}

/* The frame with its IP packet cut to that many bytes behind the IP header, lengths made to fit. */
static struct frame cut_to(struct frame frame, size_t keep)
{
	struct layers layers = layers_of(&frame);

	frame.length = layers.l4 + keep;
	if (layers.family == AF_INET6)
		frame_set16(&frame, layers.l3 + 4, (__u16)keep);
	else
		frame_set16(&frame, layers.l3 + 2, (__u16)(20 + keep));
	checksums_write(&frame);
	return frame;
}

static void transport_header_cut_short_is_dropped(void **state)
{
	static const struct {
		int protocol;
		size_t header;
	} kinds[] = {
		{ IPPROTO_TCP, 20 }, { IPPROTO_UDP, 8 }, { IPPROTO_ICMP, 8 }, { IPPROTO_SCTP, 12 }
	};
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (size_t i = 0; i < 4; i++) {
			struct frame whole = SAY(.from = &alice, .to = &bob, .family = family,
						 .protocol = kinds[i].protocol, .flags = FLAG_SYN,
						 .icmp_type = family == AF_INET ? 8 : 128);

			for (size_t keep = 0; keep < kinds[i].header; keep++)
				assert_dropped(send_frame(sw, &alice, cut_to(whole, keep)),
					       DROP_L4_HEADER);
		}
}

static void transport_lengths_that_disagree_are_dropped(void **state)
{
	static const unsigned char bad_offset[] = { 0, 4, 8, 15 };
	static const __u16 bad_length[] = { 0, 7, 29, 65535 };
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame tcp = SAY(.from = &alice, .to = &bob, .family = family,
				       .protocol = IPPROTO_TCP, .flags = FLAG_SYN);
		struct frame udp = SAY(.from = &alice, .to = &bob, .family = family, .payload = 20);
		struct layers layers = layers_of(&tcp);

		for (size_t i = 0; i < 4; i++) {
			tcp.bytes[layers.l4 + 12] = (unsigned char)(bad_offset[i] << 4);
			assert_dropped(send_frame(sw, &alice, tcp), DROP_L4_HEADER);
			frame_set16(&udp, layers.l4 + 4, bad_length[i]);
			assert_dropped(send_frame(sw, &alice, udp), DROP_L4_HEADER);
		}
	}
}

static void threat_10_flags_that_no_stack_sends_are_dropped(void **state)
{
	static const __u8 flags[] = {
		0,
		FLAG_SYN | FLAG_FIN,
		FLAG_SYN | FLAG_RST,
		FLAG_SYN | FLAG_FIN | FLAG_ACK,
		FLAG_FIN | FLAG_PSH | FLAG_URG,
		FLAG_FIN | FLAG_SYN | FLAG_RST | FLAG_PSH | FLAG_ACK | FLAG_URG,
	};
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (size_t i = 0; i < sizeof(flags); i++)
			assert_dropped(send_frame(sw, &alice,
						  SAY(.from = &alice, .to = &bob, .family = family,
						      .protocol = IPPROTO_TCP, .flags = flags[i])),
				       DROP_TCP_FLAGS);
}

static void threat_09_padding_behind_the_packet_is_no_part_of_it(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame frame = SAY(.from = &alice, .to = &bob, .family = family);
		struct outcome outcome;

		memset(frame.bytes + frame.length, 0x5a, 22);
		frame.length += 22;
		outcome = send_frame(sw, &alice, frame);
		assert_delivered(outcome, &bob);
		assert_frame(outcome.out, forwarded(&frame, switch_address, bob.mac, 0));
	}
}

static void threat_09_ip_protocol_zero_is_a_protocol_of_its_own(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame frame = SAY(.from = &alice, .to = &bob, .family = AF_INET, .payload = 20);
	struct outcome outcome;

	assert_delivered(send_frame(sw, &alice, frame), &bob);
	frame.bytes[14 + 9] = 0;
	checksums_write(&frame);
	outcome = send_frame(sw, &alice, frame);
	assert_delivered(outcome, &bob);
	assert_int_equal(outcome.trace.state, TRACE_STATE_NEW);
	assert_false(outcome.trace.parsed.has & PARSED_PORTS);
	assert_int_equal(flow_count(sw), 2);
}

static void threat_09_icmp_of_the_other_family_is_no_icmp(void **state)
{
	struct bpf_switch *sw = *state;

	/* No rule about ICMP and no flow of ICMP may take it for what it is not. */
	TOWN(sw, .bob = "nsg: n",
	     .rest = "nsgs: {n: {rules: [{name: icmp, priority: 100, direction: Inbound,"
		     " access: Allow, protocol: Icmp}, {name: rest, priority: 200,"
		     " direction: Inbound, access: Deny}]}}");
	FOR_EACH_FAMILY(family) {
		struct frame frame =
			SAY(.from = &alice, .to = &bob, .family = family, .protocol = IPPROTO_ICMP,
			    .payload = 20, .icmp_type = family == AF_INET ? 8 : 128);

		assert_delivered(send_frame(sw, &alice, frame), &bob);
		frame.bytes[family == AF_INET ? 14 + 9 : 14 + 6] =
			family == AF_INET ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		checksums_write(&frame);
		assert_dropped(send_frame(sw, &alice, frame), DROP_L4_HEADER);
	}
}

static void other_protocols_have_no_ports(void **state)
{
	static const __u8 protocols[] = { IPPROTO_ESP, IPPROTO_AH, IPPROTO_GRE, 4, 41, 89, 253 };
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (size_t i = 0; i < sizeof(protocols); i++) {
			struct outcome outcome =
				send_frame(sw, &alice,
					   SAY(.from = &alice, .to = &bob, .family = family,
					       .protocol = protocols[i], .payload = 40));

			assert_delivered(outcome, &bob);
			assert_int_equal(outcome.trace.parsed.protocol, protocols[i]);
			assert_false(outcome.trace.parsed.has & PARSED_PORTS);
		}
}

static void trace_tells_what_parse_read(void **state)
{
	struct bpf_switch *sw = *state;
	struct trace_parsed parsed;

	parsed = peek_frame(sw, &alice,
			    SAY(.from = &alice, .to = &bob, .family = AF_INET, .vlans = 2,
				.vlan = { 0x2005, 7 }, .protocol = IPPROTO_TCP, .flags = FLAG_SYN,
				.source_port = 1234, .destination_port = 80))
			 .trace.parsed;
	assert_int_equal(parsed.vlan_count, 2);
	assert_int_equal(parsed.vlan[0], htons(0x2005));
	assert_int_equal(parsed.vlan[1], htons(7));
	assert_int_equal(parsed.ether_type, htons(0x0800));
	assert_int_equal(parsed.source_port, htons(1234));
	assert_int_equal(parsed.destination_port, htons(80));
	assert_int_equal(parsed.tcp_flags, FLAG_SYN);
	assert_int_equal(parsed.source.words[3], htonl(0x0a010104));
	assert_int_equal(parsed.has,
			 PARSED_ETHERNET | PARSED_ADDRESSES | PARSED_PORTS | PARSED_TCP_FLAGS);
	parsed = peek_frame(sw, &alice,
			    SAY(.from = &alice, .to = &bob, .family = AF_INET6,
				.protocol = IPPROTO_ICMP, .icmp_type = 128, .icmp_code = 0,
				.extension = { DST }))
			 .trace.parsed;
	assert_int_equal(parsed.protocol, IPPROTO_ICMPV6);
	assert_int_equal(parsed.icmp_type, 128);
	assert_true(parsed.has & PARSED_ICMP);
}

/* What is wrong with a packet hides nothing that can be read all the same. */
static void what_a_dropped_frame_holds_is_read(void **state)
{
	static const unsigned char loose_route[8] = { 131, 7, 4, 10, 1, 1, 1, 0 };
	const int all = PARSED_ETHERNET | PARSED_ADDRESSES | PARSED_PORTS | PARSED_TCP_FLAGS;
	const struct {
		struct frame frame;
		int reason;
	} cases[] = {
		{ SAY(.from = &alice, .to = &bob, .family = AF_INET, .source = "127.0.0.1",
		      .protocol = IPPROTO_TCP, .flags = FLAG_SYN),
		  DROP_IP_ADDRESS },
		{ SAY(.from = &alice, .to = &bob, .family = AF_INET6, .source = "::1",
		      .protocol = IPPROTO_TCP, .flags = FLAG_SYN),
		  DROP_IP_ADDRESS },
		{ SAY(.from = &alice, .to = &bob, .family = AF_INET, .options = loose_route,
		      .options_length = sizeof(loose_route), .protocol = IPPROTO_TCP,
		      .flags = FLAG_SYN),
		  DROP_IP_OPTIONS },
		{ SAY(.from = &alice, .to = &bob, .family = AF_INET6,
		      .extension = { DST, EXTENSION_HOPOPTS }, .protocol = IPPROTO_TCP,
		      .flags = FLAG_SYN),
		  DROP_IPV6_EXTENSIONS },
		{ SAY(.from = &alice, .to = &bob, .family = AF_INET, .protocol = IPPROTO_TCP,
		      .flags = FLAG_SYN | FLAG_FIN),
		  DROP_TCP_FLAGS },
	};
	struct bpf_switch *sw = *state;

	TOWN(sw, .alice = "guards: {spoofing: allow}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome outcome = send_frame(sw, &alice, cases[i].frame);

		assert_dropped(outcome, cases[i].reason);
		assert_int_equal(outcome.trace.parsed.has, all);
		assert_int_equal(outcome.trace.parsed.destination_port, htons(443));
	}
	FOR_EACH_FAMILY(family) {
		struct frame frame = SAY(.from = &alice, .to = &bob, .family = family,
					 .protocol = IPPROTO_TCP, .flags = FLAG_SYN, .payload = 99);
		struct outcome outcome;

		frame.length -= 60;
		outcome = send_frame(sw, &alice, frame);
		assert_dropped(outcome, DROP_IP_HEADER);
		assert_int_equal(outcome.trace.parsed.has, all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frame_shorter_than_its_vlan_header_is_dropped),
		TEST(third_vlan_tag_is_past_the_parse_depth),
		TEST(unknown_ethertype_is_dropped),
		TEST(threat_08_wrong_ip_header_lengths_are_dropped),
		TEST(threat_08_frames_that_end_within_their_ip_header_are_dropped),
		TEST(address_that_no_host_has_is_dropped),
		TEST(threat_08_source_routes_and_malformed_options_are_dropped),
		TEST(the_longest_options_are_walked),
		TEST(threat_08_extension_chain_is_walked_within_bounds),
		TEST(threat_07_second_fragment_header_is_dropped),
		TEST(threat_08_cut_extension_header_is_dropped),
		TEST(transport_header_cut_short_is_dropped),
		TEST(transport_lengths_that_disagree_are_dropped),
		TEST(threat_10_flags_that_no_stack_sends_are_dropped),
		TEST(threat_09_padding_behind_the_packet_is_no_part_of_it),
		TEST(threat_09_ip_protocol_zero_is_a_protocol_of_its_own),
		TEST(threat_09_icmp_of_the_other_family_is_no_icmp),
		TEST(other_protocols_have_no_ports),
		TEST(trace_tells_what_parse_read),
		TEST(what_a_dropped_frame_holds_is_read),
	};

	return RUN_TESTS(tests);
}
