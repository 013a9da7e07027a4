/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VFs as ports, at the NIC's own device: a veth here, where frames are as a NIC hands them over and takes
 * them back, each with the VLAN of its VF. alice is VF 0, bob another and carol, in half of the tests, a third.
 */
#include "tests/harness/talk.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <netinet/in.h>
#include <string.h>

#include "bpf/sluice.skel.h"

#define VLAN_OF(number) (FUNCTION_FIRST_VLAN + (number))
#define BOB (1 * FUNCTION_STEP)
#define CAROL (2 * FUNCTION_STEP)

/* How many ports of the town have VFs. */
#define EVERYBODY 3

static struct outcome send_as(struct bpf_switch *sw, const struct actor *from, int number,
			      struct frame frame)
{
	return send_at_nic(sw, from, tagged(&frame, (__u16)VLAN_OF(number)));
}

/* What a guest, or its bond, tells its neighbors when it begins to send by a device. */
static struct frame announcement(const struct actor *from, int family)
{
	if (family == AF_INET)
		return SAY_ARP(.sender_mac = from->mac, .sender = from->address4,
			       .target = from->address4);
	return SAY_NEIGHBOR(.type = 136, .source_mac = from->mac,
			    .source = from->address6, .target = from->address6,
			    .destination = "ff02::1", .option_mac = from->mac);
}

static int town_with_functions(struct bpf_switch *sw, size_t functions, bool idle)
{
	static const struct actor *const all[] = { &alice, &bob, &carol };

	sw->functions = functions;
	sw->functions_idle = idle;
	TOWN(sw, NULL);
	for (size_t i = 0; i < functions; i++)
		send_as(sw, all[i], (int)i * FUNCTION_STEP, announcement(all[i], AF_INET));
	flows_clear(sw);
	sw->functions = 0;
	return 0;
}

static int three_functions(void **state)
{
	return town_with_functions(*state, EVERYBODY, false);
}

static int two_functions(void **state)
{
	return town_with_functions(*state, 2, false);
}

static int idle_functions(void **state)
{
	return town_with_functions(*state, 2, true);
}

/* What the NIC is given for a VF. */
static struct frame for_function(const struct frame *frame, const struct actor *to, int hops,
				 int number)
{
	struct frame untagged = forwarded(frame, switch_address, to->mac, hops);

	return tagged(&untagged, (__u16)VLAN_OF(number));
}

static void expect_returned(struct bpf_switch *sw, struct frame frame, const struct actor *to,
			    int hops, int number)
{
	struct outcome outcome = send_as(sw, &alice, 0, frame);

	assert_delivered(outcome, to);
	assert_true(outcome.sent_back);
	assert_frame(outcome.out, for_function(&frame, to, hops, number));
}

static void a_frame_for_a_function_is_tagged_for_it_and_goes_back_to_the_nic(void **state)
{
	static const int protocols[] = { IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ESP };
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (int i = 0; i < 3; i++) {
			struct sentence sentence = { .from = &alice,
						     .to = &bob,
						     .family = family,
						     .protocol = protocols[i],
						     .flags = FLAG_SYN,
						     .payload = 30 };

			expect_returned(sw, say(&sentence), &bob, 0, BOB);
			sentence.to = &carol;
			expect_returned(sw, say(&sentence), &carol, 1, CAROL);
		}
}

/* The short way takes what follows. */
static void an_established_packet_is_tagged_too(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (int i = 0; i < 3; i++)
			expect_returned(sw, datagram(&alice, &bob, family, 1000, 53), &bob, 0, BOB);
}

static void a_frame_for_a_device_loses_its_tag(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (int i = 0; i < 2; i++) {
			struct frame frame = datagram(&alice, &carol, family, 1000, 53);
			struct outcome outcome = send_as(sw, &alice, 0, frame);

			assert_delivered(outcome, &carol);
			assert_false(outcome.sent_back);
			assert_frame(outcome.out, forwarded(&frame, switch_address, carol.mac, 1));
		}
}

static void a_frame_from_a_device_is_tagged_for_its_function(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame frame = datagram(&carol, &alice, family, 1000, 53);
		struct outcome outcome = send_via(sw, VIA_XDP, &carol, frame);

		assert_delivered(outcome, &alice);
		assert_frame(outcome.out, for_function(&frame, &alice, 1, 0));
		/* tc leaves the tag beside the frame, where a test run does not show it. */
		assert_delivered(send_via(sw, VIA_TC, &carol, frame), &alice);
	}
}

static void expect_answer(struct bpf_switch *sw, struct frame question)
{
	struct outcome plain = send_via(sw, VIA_XDP, &alice, question);
	struct outcome outcome = send_as(sw, &alice, 0, question);

	assert_answered(plain);
	assert_answered(outcome);
	assert_true(outcome.sent_back);
	assert_frame(outcome.out, tagged(&plain.out, VLAN_OF(0)));
}

/* By its device an answer goes out as ever, also while the port is delivered to by its VF. */
static void an_answer_goes_back_the_way_the_question_came(void **state)
{
	struct bpf_switch *sw = *state;

	expect_answer(sw, SAY_ARP(.sender_mac = alice.mac, .sender = alice.address4,
				  .target = carol.address4));
	expect_answer(sw, SAY_NEIGHBOR(.source_mac = alice.mac, .source = alice.address6,
				       .target = carol.address6, .option_mac = alice.mac));
	FOR_EACH_FAMILY(family) {
		expect_answer(sw, SAY(.from = &alice, .to = &bob, .family = family,
				      .destination = family == AF_INET ? "10.1.1.1" :
									 "fd00:1:0:1::1",
				      .protocol = IPPROTO_ICMP,
				      .icmp_type = family == AF_INET ? 8 : 128));
		expect_answer(sw, SAY(.from = &alice, .to = &carol, .family = family, .ttl = 1));
	}
}

static void expect_refused(struct bpf_switch *sw, struct frame frame, enum drop_reason reason)
{
	assert_dropped(send_as(sw, &alice, 0, frame), reason);
}

/* Whatever the guest sends, the NIC puts the tag of its VF on. */
static void a_function_may_send_what_a_device_may(void **state)
{
	static const unsigned char broadcast[6] = { 255, 255, 255, 255, 255, 255 };
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		expect_refused(sw, SAY(.from = &bob, .to = &carol, .family = family),
			       DROP_MAC_SPOOFED);
		expect_refused(sw, SAY(.from = &alice, .to = &carol, .family = family,
				       .source = address_of(&bob, family)), DROP_IP_SPOOFED);
		expect_refused(sw, SAY(.from = &alice, .to = &carol, .family = family, .vlans = 1,
				       .vlan = { VLAN_OF(BOB) }), DROP_VLAN_TAGGED);
		expect_refused(sw, SAY(.from = &alice, .to = &carol, .family = family, .vlans = 1,
				       .vlan = { VLAN_OF(0) }), DROP_VLAN_TAGGED);
		expect_refused(sw, SAY(.from = &alice, .to = &carol, .family = family, .vlans = 2,
				       .vlan = { 0, VLAN_OF(BOB) }), DROP_VLAN_TAGGED);
		expect_refused(sw, SAY(.from = &alice, .to = &carol, .family = family, .vlans = 3,
				       .vlan = { 1, 2, 3 }), DROP_VLAN_DEPTH);
		expect_refused(sw, SAY(.from = &alice, .to = &bob, .family = family,
				       .destination_mac = broadcast), DROP_L2_BROADCAST);
		expect_refused(sw, SAY(.from = &alice, .to = &bob, .family = family,
				       .destination = family == AF_INET ? "10.9.9.9" : "fd99::1"),
			       DROP_NO_ROUTE);
	}
	expect_refused(sw, SAY_ARP(.sender_mac = alice.mac, .sender = bob.address4,
				   .target = carol.address4), DROP_ARP_SPOOFED);
	expect_refused(sw, SAY_NEIGHBOR(.source_mac = alice.mac, .source = bob.address6,
					.target = carol.address6), DROP_ND_SPOOFED);
}

static void the_policy_judges_functions_both_ways(void **state)
{
	struct bpf_switch *sw = *state;
	static const char nsgs[] =
		"nsgs:\n  closed:\n    rules:\n"
		"      - {name: no, priority: 100, direction: Inbound, access: Deny}\n"
		"      - {name: nowhere, priority: 100, direction: Outbound, access: Deny}\n";

	sw->functions = EVERYBODY;
	TOWN(sw, .bob = "nsg: closed", .rest = nsgs);
	sw->functions = 0;
	FOR_EACH_FAMILY(family) {
		expect_refused(sw, datagram(&alice, &bob, family, 1, 2), DROP_NSG_DENY);
		assert_dropped(send_as(sw, &bob, BOB, datagram(&bob, &alice, family, 3, 4)),
			       DROP_NSG_DENY);
	}
}

static void a_vlan_of_no_port_admits_nothing(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame frame = datagram(&alice, &bob, AF_INET, 1, 2);
	static const int numbers[] = { 1, 31, 32, BOB + 1, 254 };

	for (int i = 0; i < 5; i++)
		assert_dropped(send_as(sw, &alice, numbers[i], frame), DROP_PORT_UNBOUND);
	/* 4095 is no VLAN, and VF 255 none of the switch's. */
	assert_true(send_as(sw, &alice, 255, frame).passed);
}

static void expect_passed(struct bpf_switch *sw, struct frame frame)
{
	struct outcome outcome = send_at_nic(sw, &alice, frame);

	assert_true(outcome.passed);
	assert_int_equal(outcome.reason, DROP_NONE);
	assert_frame(outcome.out, frame);
}

static void the_hosts_own_frames_go_up_its_stack_as_they_are(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame frame = datagram(&alice, &bob, AF_INET, 1, 2), service;

	expect_passed(sw, frame);
	expect_passed(sw, tagged(&frame, 1));
	expect_passed(sw, tagged(&frame, FUNCTION_FIRST_VLAN - 1));
	service = tagged(&frame, VLAN_OF(0));
	frame_set16(&service, 12, 0x88a8);
	expect_passed(sw, service);
	frame.length = 16;
	frame_set16(&frame, 12, 0x8100);
	frame_set16(&frame, 14, VLAN_OF(0));
	expect_passed(sw, frame);
}

static void without_functions_every_vlan_is_the_hosts(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame frame = datagram(&alice, &bob, AF_INET, 1, 2);

	expect_passed(sw, tagged(&frame, VLAN_OF(0)));
}

static void switched_off_a_function_still_sends_and_its_device_receives(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame frame = datagram(&alice, &bob, family, 1000, 53);
		struct outcome outcome = send_as(sw, &alice, 0, frame);

		assert_delivered(outcome, &bob);
		assert_false(outcome.sent_back);
		assert_frame(outcome.out, forwarded(&frame, switch_address, bob.mac, 0));
	}
	expect_answer(sw, SAY_ARP(.sender_mac = alice.mac, .sender = alice.address4,
				  .target = carol.address4));
}

/* The kernel empties the element when the NIC goes, before anybody is told. */
static void when_the_nic_goes_the_device_receives_at_once(void **state)
{
	struct bpf_switch *sw = *state;
	__u32 slot = bpf_switch_slot(sw, "alice") + SLUICE_MAX_PORTS;
	struct frame frame = datagram(&carol, &alice, AF_INET, 1000, 53);
	struct outcome outcome;

	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(sw->skeleton->maps.devices), &slot), 0);
	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(sw->skeleton->maps.devices_tc), &slot), 0);
	for (enum via via = VIA_TC; via <= VIA_XDP; via++) {
		outcome = send_via(sw, via, &carol, frame);
		assert_delivered(outcome, &alice);
		assert_frame(outcome.out, forwarded(&frame, switch_address, alice.mac, 1));
	}
}

static __u32 sending_vf(struct bpf_switch *sw, const struct actor *guest, const __u32 *set)
{
	int map = bpf_map__fd(sw->skeleton->maps.sending_vfs);
	__u32 slot = bpf_switch_slot(sw, guest->name), vlan = 0;

	if (set)
		assert_int_equal(bpf_map_update_elem(map, &slot, set, 0), 0);
	assert_int_equal(bpf_map_lookup_elem(map, &slot, &vlan), 0);
	return vlan;
}

/* Both hooks, the long way and the short one. */
static void expect_way(struct bpf_switch *sw, const struct actor *to, bool by_vf)
{
	FOR_EACH_FAMILY(family)
		for (int i = 0; i < 3; i++) {
			struct frame frame = datagram(&carol, to, family, 1000, 53);
			struct frame plain = forwarded(&frame, switch_address, to->mac, 1);
			struct outcome outcome = send_via(sw, VIA_XDP, &carol, frame);

			assert_delivered(outcome, to);
			assert_frame(outcome.out, by_vf ? for_function(&frame, to, 1, 0) : plain);
			assert_delivered(send_via(sw, VIA_TC, &carol, frame), to);
			assert_delivered(send_via(sw, VIA_TRACE, &carol, frame), to);
		}
}

/* A VF may have its driver long before its guest hears by it, and may be shut there unseen. */
static void a_port_is_delivered_to_where_its_guest_sends(void **state)
{
	struct bpf_switch *sw = *state;
	const __u32 none = 0;

	sending_vf(sw, &alice, &none);
	expect_way(sw, &alice, false);
	FOR_EACH_FAMILY(family) {
		for (enum via via = VIA_TC; via <= VIA_XDP; via++)
			for (int i = 0; i < 3; i++) {
				struct frame frame = datagram(&alice, &bob, family, 53, 1000);

				assert_delivered(send_as(sw, &alice, 0, frame), &bob);
				expect_way(sw, &alice, true);
				assert_delivered(send_via(sw, via, &alice, frame), &bob);
				expect_way(sw, &alice, false);
			}
		send_as(sw, &alice, 0, announcement(&alice, family));
		expect_way(sw, &alice, true);
		send_via(sw, VIA_TC, &alice, announcement(&alice, family));
		expect_way(sw, &alice, false);
	}
}

/* What stacks say at a device that they do not send by, and what another one pretends. */
static void refused_frames_move_no_port(void **state)
{
	static const unsigned char group[6] = { 1, 0, 0x5e, 0, 0, 0xfb };
	struct bpf_switch *sw = *state;

	expect_way(sw, &alice, true);
	FOR_EACH_FAMILY(family) {
		struct frame forged = announcement(&bob, family);

		for (enum via via = VIA_TC; via <= VIA_XDP; via++) {
			struct frame noise = SAY(.from = &alice, .to = &bob, .family = family,
						 .destination_mac = group);

			assert_dropped(send_via(sw, via, &alice, noise), DROP_L2_BROADCAST);
			assert_dropped(send_via(sw, via, &alice, forged), DROP_MAC_SPOOFED);
			send_via(sw, VIA_TRACE, &alice, datagram(&alice, &bob, family, 53, 1000));
		}
	}
	expect_way(sw, &alice, true);
}

/* Else a frame from before the VF went would count when it is back. */
static void what_comes_by_a_vf_that_does_not_carry_is_not_noted(void **state)
{
	struct bpf_switch *sw = *state;
	const __u32 none = 0;

	sending_vf(sw, &alice, &none);
	assert_delivered(send_as(sw, &alice, 0, datagram(&alice, &bob, AF_INET, 1, 2)), &bob);
	assert_int_equal(sending_vf(sw, &alice, NULL), 0);
}

#define WITH(setup, name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(three_functions, a_frame_for_a_function_is_tagged_for_it_and_goes_back_to_the_nic),
		WITH(three_functions, an_established_packet_is_tagged_too),
		WITH(two_functions, a_frame_for_a_device_loses_its_tag),
		WITH(two_functions, a_frame_from_a_device_is_tagged_for_its_function),
		WITH(two_functions, an_answer_goes_back_the_way_the_question_came),
		WITH(three_functions, a_function_may_send_what_a_device_may),
		WITH(three_functions, the_policy_judges_functions_both_ways),
		WITH(three_functions, a_vlan_of_no_port_admits_nothing),
		WITH(three_functions, the_hosts_own_frames_go_up_its_stack_as_they_are),
		TEST(without_functions_every_vlan_is_the_hosts),
		WITH(idle_functions, switched_off_a_function_still_sends_and_its_device_receives),
		WITH(two_functions, a_port_is_delivered_to_where_its_guest_sends),
		WITH(two_functions, refused_frames_move_no_port),
		WITH(idle_functions, what_comes_by_a_vf_that_does_not_carry_is_not_noted),
		WITH(two_functions, when_the_nic_goes_the_device_receives_at_once),
	};

	return RUN_TESTS(tests);
}
