/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules for NICs equal the program's own verdicts. The kernel's flower carries them out in the place of
 * a NIC (skip_hw), without any program of ours beside it: what it delivers the program must deliver
 * too, to the same port and to the byte. What no rule matches is left to the program and needs no look.
 *
 * Flower has no key for some things that the program drops a packet for; those reasons are listed, and
 * such a packet must still be its flow's. It also puts wrong IPv4 header checksums right.
 *
 * Each frame is followed by one that is known to be delivered. All of them run through one CPU's
 * queue, so when that one has come, whatever comes of the frame has come before it.
 */
#include "tests/harness/talk.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/flower.h"
#include "tests/harness/random.h"

#define GUESTS      3
#define MARKER_PORT 4999
#define WAIT_SECONDS 20
#define RANDOM_RUNS  150 /* of each direction of each flow */

/* Nothing but the flows of these tests may pass, so that a rule that matches more is seen. */
#define RULES                                                                              \
	"nsgs: {n: {rules: ["                                                              \
	"{name: tcp, priority: 100, direction: Inbound, access: Allow, protocol: Tcp,"     \
	" sourcePorts: ['40000'], destinationPorts: ['443']},"                             \
	"{name: dns, priority: 110, direction: Inbound, access: Allow, protocol: Udp,"     \
	" sourcePorts: ['53'], destinationPorts: ['53']},"                                 \
	"{name: marker, priority: 120, direction: Inbound, access: Allow, protocol: Udp,"  \
	" sourcePorts: ['4999'], destinationPorts: ['4999']},"                             \
	"{name: rest, priority: 4096, direction: Inbound, access: Deny}]}}"

static const struct actor *const guests[GUESTS] = { &alice, &bob, &carol };
static int sockets[GUESTS]; /* at the guests' ends */
static struct frame marker;

/* What came of all frames. */
static struct {
	unsigned long carried, left, blind, mended;
} tally;

/* The library's weak answer, replaced. */
bool sluice_test_software_flower(void)
{
	return true;
}

/* --- rules of live flows --- */

static struct flower_port port_of(const struct bpf_switch *sw, const struct actor *actor)
{
	const struct port *port = (const struct port *)&sw->tables.lines[bpf_switch_root(sw)->ports] +
				  bpf_switch_slot(sw, actor->name);
	struct flower_port made = { .offload = true,
				    .ifindex = actor_ifindex(actor),
				    .subnet = port->subnet };

	memcpy(made.mac, actor->mac, sizeof(made.mac));
	return made;
}

static void add_rules(const struct bpf_switch *sw, const struct sluice_flow *flow, int direction)
{
	struct flower_port ports[GUESTS];
	const struct flower_port *ends[2] = { NULL, NULL };
	struct flower_rule rules[FLOWER_RULES];
	struct sluice_error error = { 0 };
	size_t count = 0;

	for (int i = 0; i < GUESTS; i++) {
		ports[i] = port_of(sw, guests[i]);
		for (int end = 0; end < 2; end++)
			if (flow->slot[end] == bpf_switch_slot(sw, guests[i]->name))
				ends[end] = &ports[i];
	}
	assert_int_equal(flower_rules(flow, direction, ends, switch_address,
				      bpf_switch_root(sw)->version, rules, &count),
			 FLOWER_NONE);
	for (size_t i = 0; i < count; i++)
		if (flower_add(&rules[i], &error))
			fail_msg("rule refused: %s", error.message);
}

static void make_datagrams(struct bpf_switch *sw, const struct actor *to, int family, __u16 port)
{
	assert_delivered(send_via(sw, VIA_TC, &alice, datagram(&alice, to, family, port, port)), to);
	assert_delivered(send_via(sw, VIA_TC, to, datagram(to, &alice, family, port, port)), &alice);
}

static void hand_all_over(struct bpf_switch *sw)
{
	size_t count;
	struct sluice_flow *flows = flow_entries(sw, &count);

	for (size_t i = 0; i < count; i++) {
		add_rules(sw, &flows[i], 0);
		add_rules(sw, &flows[i], 1);
	}
	free(flows);
}

/* --- the guests' ends --- */

static void open_guest(int guest)
{
	const struct timeval wait = { .tv_sec = WAIT_SECONDS };
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)actor_ifindex(guests[guest]),
		    .attach_point = BPF_TC_INGRESS);
	char name[IFNAMSIZ];
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	snprintf(name, sizeof(name), "%.8sx", guests[guest]->device);
	address.sll_ifindex = (int)if_nametoindex(name);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(bpf_tc_hook_create(&hook), 0);
	sockets[guest] = fd;
}

/* The next frame that came from the switch; false: there is none. */
static bool receive(int guest, int flags, struct frame *frame)
{
	struct sockaddr_ll from;
	socklen_t size = sizeof(from);
	ssize_t length;

	while ((length = recvfrom(sockets[guest], frame->bytes, FRAME_ROOM, flags,
				  (struct sockaddr *)&from, &size)) >= 0) {
		frame->length = (size_t)length;
		/* Not what this end or its stack sends. */
		if (from.sll_pkttype != PACKET_OUTGOING && !memcmp(frame->bytes + 6, switch_address, 6))
			return true;
	}
	if (errno != EAGAIN)
		fail_msg("receive: %s", strerror(errno));
	return false;
}

static void transmit(int guest, const struct frame *frame)
{
	if (send(sockets[guest], frame->bytes, frame->length, 0) != (ssize_t)frame->length)
		fail_msg("send: %s", strerror(errno));
}

static bool is_marker(const struct frame *frame)
{
	return frame->length == marker.length && frame_get16(frame, 14 + 20 + 2) == MARKER_PORT;
}

/* Who gets the frame from flower, or -1. */
static int carry(int from, const struct frame *frame, struct frame *got)
{
	struct frame next;
	int to = -1;

	transmit(from, frame);
	transmit(0, &marker);
	for (;;) {
		if (!receive(2, 0, &next))
			fail_msg("the marker did not come");
		if (is_marker(&next))
			break;
		assert_int_equal(to, -1);
		*got = next;
		to = 2;
	}
	for (int guest = 0; guest < 2; guest++)
		while (receive(guest, MSG_DONTWAIT, &next)) {
			assert_int_equal(to, -1);
			*got = next;
			to = guest;
		}
	return to;
}

/* --- the comparison --- */

static bool same_but_for_checksum(struct frame a, struct frame b)
{
	frame_set16(&a, 14 + 10, 0);
	frame_set16(&b, 14 + 10, 0);
	return a.length == b.length && !memcmp(a.bytes, b.bytes, a.length);
}

static bool is_blind_spot(enum drop_reason reason)
{
	return reason == DROP_IP_HEADER || reason == DROP_IP_OPTIONS ||
	       reason == DROP_IPV6_EXTENSIONS || reason == DROP_L4_HEADER;
}

static bool ipv4_checksum_wrong(const struct frame *frame)
{
	size_t header = (frame->bytes[14] & 15) * 4U;

	return frame_get16(frame, 12) == ETH_P_IP &&
	       checksum_fold(checksum_add(0, frame->bytes + 14, header)) != 0;
}

static bool is_routed(int from, int to)
{
	return (from == 2) != (to == 2);
}

/* A packet that the program drops for what flower does not see: it must still be its flow's, whose
 * receiver gets it as it is. */
static void expect_blind_spot(int from, int to, const struct frame *frame, const struct frame *got,
			      enum drop_reason reason)
{
	bool ipv4 = frame_get16(frame, 12) == ETH_P_IP;
	struct frame expected = *frame;

	memcpy(expected.bytes, guests[to]->mac, 6);
	memcpy(expected.bytes + 6, switch_address, 6);
	expected.bytes[ipv4 ? 22 : 21] -= is_routed(from, to);
	if (!is_blind_spot(reason))
		fail_msg("flower delivers what the program drops as %s", reason_name(reason));
	tally.blind++;
	if (ipv4 && same_but_for_checksum(expected, *got))
		return;
	assert_frame(*got, expected);
}

/* Returns whether flower carried it. */
static bool compare(struct bpf_switch *sw, int from, const struct frame *frame)
{
	struct outcome ours = peek_frame(sw, guests[from], *frame);
	struct frame got;
	int to = carry(from, frame, &got);

	if (to < 0) {
		tally.left++;
		return false;
	}
	tally.carried++;
	if (!ours.delivered) {
		assert_false(ours.answered);
		expect_blind_spot(from, to, frame, &got, ours.reason);
		return true;
	}
	assert_int_equal(ours.slot, bpf_switch_slot(sw, guests[to]->name));
	if (is_routed(from, to) && ipv4_checksum_wrong(frame)) {
		tally.mended++;
		assert_true(same_but_for_checksum(got, ours.out));
	} else {
		assert_frame(got, ours.out);
	}
	return true;
}

/* --- frames --- */

static struct frame plain(int from, int to, int family, int protocol)
{
	bool opens = from == 0;

	return SAY(.from = guests[from], .to = guests[to], .family = family, .protocol = protocol,
		   .source_port = protocol == IPPROTO_UDP ? 53 : opens ? 40000 : 443,
		   .destination_port = protocol == IPPROTO_UDP ? 53 : opens ? 443 : 40000,
		   .flags = FLAG_ACK, .sequence = 5000, .acknowledgment = 6000, .payload = 30);
}

/* Calls visit for a plain frame of each direction of each flow. */
static void each_direction(struct bpf_switch *sw,
			   void (*visit)(struct bpf_switch *sw, int from, int to, int family,
					 int protocol))
{
	static const int protocols[] = { IPPROTO_TCP, IPPROTO_UDP };

	FOR_EACH_FAMILY(family)
		for (int other = 1; other < GUESTS; other++)
			for (int i = 0; i < 2; i++) {
				visit(sw, 0, other, family, protocols[i]);
				visit(sw, other, 0, family, protocols[i]);
			}
}

static void expect_plain(struct bpf_switch *sw, int from, int to, int family, int protocol)
{
	static const __u8 hops[] = { 64, 65, 127, 128, 200, 255 };

	for (size_t i = 0; i < sizeof(hops); i++) {
		struct frame frame = plain(from, to, family, protocol);

		frame.bytes[family == AF_INET ? 22 : 21] = hops[i];
		checksums_write(&frame);
		if (!compare(sw, from, &frame))
			fail_msg("a plain packet with %u hops left is not carried", hops[i]);
	}
}

static void expect_bits(struct bpf_switch *sw, int from, int to, int family, int protocol)
{
	const struct frame whole = plain(from, to, family, protocol);
	size_t headers = 14 + (family == AF_INET ? 20 : 40) + (protocol == IPPROTO_TCP ? 20 : 8);

	for (size_t bit = 0; bit < headers * 8; bit++) {
		struct frame frame = whole;

		frame.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		if (runs_as_skb(&frame))
			compare(sw, from, &frame);
	}
	for (size_t length = 15; length < whole.length; length++) {
		struct frame frame = whole;

		frame.length = length;
		if (runs_as_skb(&frame))
			compare(sw, from, &frame);
	}
}

static struct random random_state;

static void expect_random(struct bpf_switch *sw, int from, int to, int family, int protocol)
{
	const struct frame whole = plain(from, to, family, protocol);

	for (int run = 0; run < RANDOM_RUNS; run++) {
		struct frame frame = whole;

		for (unsigned int changes = 1 + random_below(&random_state, 3); changes; changes--)
			frame.bytes[12 + random_below(&random_state, (unsigned int)whole.length - 12)] =
				(unsigned char)random_next(&random_state);
		if (random_chance(&random_state, 10))
			frame.length += random_below(&random_state, 40);
		if (random_chance(&random_state, 50))
			checksums_write(&frame);
		if (runs_as_skb(&frame))
			compare(sw, from, &frame);
	}
}

/* None of these may be carried, though addresses and ports are a flow's: the program must see them. */
static void expect_left(struct bpf_switch *sw, int from, int to, int family, int protocol)
{
	static const __u8 flags[] = { FLAG_SYN, FLAG_SYN | FLAG_ACK, FLAG_FIN | FLAG_ACK, FLAG_RST,
				      FLAG_RST | FLAG_ACK, FLAG_PSH, FLAG_URG };
	struct frame whole = plain(from, to, family, protocol), frame;

	for (size_t i = 0; protocol == IPPROTO_TCP && i < sizeof(flags); i++) {
		frame = whole;
		frame.bytes[(family == AF_INET ? 34 : 54) + 13] = flags[i];
		checksums_write(&frame);
		assert_false(compare(sw, from, &frame));
	}
	for (__u8 hops = 0; is_routed(from, to) && hops < 64; hops += 21) {
		frame = whole;
		frame.bytes[family == AF_INET ? 22 : 21] = hops ?: 1;
		checksums_write(&frame);
		assert_false(compare(sw, from, &frame));
	}
	frame = SAY(.from = guests[from], .to = guests[to], .family = family, .vlans = 1, .vlan = { 7 });
	assert_false(compare(sw, from, &frame));
	frame = SAY(.from = guests[from], .to = guests[to], .family = family, .payload = 30,
		    .protocol = IPPROTO_ICMP, .icmp_type = family == AF_INET ? 8 : 128);
	assert_false(compare(sw, from, &frame));
	frame = SAY(.from = guests[from], .to = guests[to], .family = family, .quote = &whole,
		    .protocol = IPPROTO_ICMP, .icmp_type = family == AF_INET ? 3 : 1);
	assert_false(compare(sw, from, &frame));
	for (unsigned int begin = 0; begin < 4; begin += 3) {
		frame = fragment_of(&whole, begin, begin + 3, 9);
		assert_false(compare(sw, from, &frame));
	}
}

/* --- tests --- */

static int begin(void **state)
{
	static bool begun;
	struct bpf_switch *sw = *state;

	/* Handed over once; peeking leaves the flows what they are. */
	if (begun)
		return 0;
	begun = true;
	flows_clear(sw);
	TOWN(sw, .alice = "nsg: n", .bob = "nsg: n", .carol = "nsg: n", .rest = RULES);
	for (int guest = 0; guest < GUESTS; guest++)
		open_guest(guest);
	FOR_EACH_FAMILY(family)
		for (int other = 1; other < GUESTS; other++) {
			struct connection c = connection_between(sw, &alice, guests[other], family);

			shake_hands(&c);
			make_datagrams(sw, guests[other], family, 53);
		}
	make_datagrams(sw, &carol, AF_INET, MARKER_PORT);
	marker = datagram(&alice, &carol, AF_INET, MARKER_PORT, MARKER_PORT);
	hand_all_over(sw);
	return 0;
}

static void plain_packets_are_carried_as_the_program_carries_them(void **state)
{
	each_direction(*state, expect_plain);
}

static void what_the_program_must_see_is_left_to_it(void **state)
{
	each_direction(*state, expect_left);
}

static void say_tally(void)
{
	print_message("%lu carried, of them %lu dropped by the program for what flower does not see, "
		      "%lu with an IPv4 header checksum put right; %lu left to the program\n",
		      tally.carried, tally.blind, tally.mended, tally.left);
	/* A run that carries nothing, or all, would try nothing. */
	assert_true(tally.carried > 500 && tally.left > 500);
	memset(&tally, 0, sizeof(tally));
}

static void packets_with_one_bit_changed_meet_the_same_verdict(void **state)
{
	memset(&tally, 0, sizeof(tally));
	each_direction(*state, expect_bits);
	say_tally();
}

static void packets_changed_at_random_meet_the_same_verdict(void **state)
{
	const char *seed = getenv("SLUICE_SEED");

	random_state.state = seed ? strtoul(seed, NULL, 0) : 20260101;
	print_message("seed %llu\n", (unsigned long long)random_state.state);
	each_direction(*state, expect_random);
	say_tally();
}

/* In a namespace that the tests leave for their own. */
static bool has_flower(void)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = 1, .attach_point = BPF_TC_INGRESS);
	const struct flower_rule rule = { .in = 1, .out = 1, .protocol = IPPROTO_UDP };
	struct sluice_error error;

	return unshare(CLONE_NEWNET) || bpf_tc_hook_create(&hook) ||
	       flower_add(&rule, &error) != -ENOENT;
}

#define OVER_RULES(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER_RULES(plain_packets_are_carried_as_the_program_carries_them),
		OVER_RULES(what_the_program_must_see_is_left_to_it),
		OVER_RULES(packets_with_one_bit_changed_meet_the_same_verdict),
		OVER_RULES(packets_changed_at_random_meet_the_same_verdict),
	};

	if (!has_flower()) {
		puts("ok - rules_of_nics_equal_verdicts # SKIP this kernel has no flower classifier");
		return 0;
	}
	return RUN_TESTS(tests);
}
