/* SPDX-License-Identifier: BSD-2-Clause */
/* The admit stage: a port sends only as itself, and nothing that a guest has no business to send. */
#include "tests/harness/bpf_switch.h"

#include <netinet/in.h>
#include <string.h>

static const unsigned char broadcast[6] = { 255, 255, 255, 255, 255, 255 };

static void threat_01_spoofed_source_mac(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		assert_dropped(send_frame(sw, &alice,
					  SAY(.from = &alice, .to = &bob, .family = family,
					      .source_mac = bob.mac)),
			       DROP_MAC_SPOOFED);
	assert_dropped(send_frame(sw, &alice,
				  SAY_ARP(.source_mac = bob.mac, .sender_mac = alice.mac,
					  .sender = alice.address4, .target = bob.address4)),
		       DROP_MAC_SPOOFED);
	assert_dropped(send_frame(sw, &alice,
				  SAY_NEIGHBOR(.source_mac = bob.mac, .source = alice.address6,
					       .target = bob.address6, .option_mac = alice.mac)),
		       DROP_MAC_SPOOFED);
}

static void threat_01_spoofed_source_address(void **state)
{
	static const char *const sources[] = { "10.1.1.5",    "10.1.1.1",      "10.1.1.77",
					       "192.0.2.1",   "fd00:1:0:1::5", "fd00:1:0:1::1",
					       "2001:db8::1", "fe80::1" };
	struct bpf_switch *sw = *state;

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		assert_dropped(send_frame(sw, &alice,
					  SAY(.from = &alice, .to = &carol, .source = sources[i],
					      .family = i < 4 ? AF_INET : AF_INET6)),
			       DROP_IP_SPOOFED);
}

static void threat_01_address_of_another_vnet_is_as_foreign(void **state)
{
	struct bpf_switch *sw = *state;

	/* carol's address exists in blue alone, dave lives in red. */
	FOR_EACH_FAMILY(family)
		assert_dropped(send_frame(sw, &dave,
					  SAY(.from = &dave, .to = &erin, .family = family,
					      .source = address_of(&carol, family))),
			       DROP_IP_SPOOFED);
}

static void port_that_may_spoof_sends_from_any_address(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .alice = "guards: {spoofing: allow}");
	assert_delivered(send_frame(sw, &alice,
				    SAY(.from = &alice, .to = &bob, .source = "192.0.2.1",
					.family = AF_INET)),
			 &bob);
	assert_delivered(send_frame(sw, &alice,
				    SAY(.from = &alice, .to = &bob, .source = "2001:db8::1",
					.family = AF_INET6)),
			 &bob);
}

static void threat_01_spoofed_arp_sender(void **state)
{
	struct bpf_switch *sw = *state;

	assert_dropped(send_frame(sw, &alice,
				  SAY_ARP(.sender_mac = alice.mac, .sender = bob.address4,
					  .target = "10.1.1.1")),
		       DROP_ARP_SPOOFED);
	assert_dropped(send_frame(sw, &alice,
				  SAY_ARP(.source_mac = alice.mac, .sender_mac = bob.mac,
					  .sender = alice.address4, .target = bob.address4)),
		       DROP_ARP_SPOOFED);
	/* A gratuitous reply that would take bob's address over. */
	assert_dropped(
		send_frame(sw, &alice,
			   SAY_ARP(.operation = 2, .sender_mac = alice.mac, .sender = bob.address4,
				   .target_mac = broadcast, .target = bob.address4)),
		DROP_ARP_SPOOFED);
	/* dave's double may not speak for blue's carol. */
	assert_dropped(send_frame(sw, &dave,
				  SAY_ARP(.sender_mac = dave.mac, .sender = carol.address4,
					  .target = "10.1.1.1")),
		       DROP_ARP_SPOOFED);
}

static void threat_01_spoofed_nd_source_target_and_option(void **state)
{
	struct bpf_switch *sw = *state;

	assert_dropped(send_frame(sw, &alice,
				  SAY_NEIGHBOR(.source_mac = alice.mac, .source = bob.address6,
					       .target = carol.address6, .option_mac = alice.mac)),
		       DROP_ND_SPOOFED);
	assert_dropped(send_frame(sw, &alice,
				  SAY_NEIGHBOR(.source_mac = alice.mac, .source = alice.address6,
					       .target = carol.address6, .option_mac = bob.mac)),
		       DROP_ND_SPOOFED);
	assert_dropped(send_frame(sw, &alice,
				  SAY_NEIGHBOR(.type = 136, .source_mac = alice.mac,
					       .source = alice.address6, .flags = 0x20000000,
					       .destination = carol.address6,
					       .target = bob.address6, .option_mac = alice.mac)),
		       DROP_ND_SPOOFED);
	assert_dropped(send_frame(sw, &alice,
				  SAY_NEIGHBOR(.type = 136, .source_mac = alice.mac,
					       .source = alice.address6, .flags = 0x20000000,
					       .destination = carol.address6,
					       .target = alice.address6, .option_mac = bob.mac)),
		       DROP_ND_SPOOFED);
}

static void threat_01_port_without_addresses_admits_nothing(void **state)
{
	static const struct actor frank = {
		"frank", "p6", { 2, 0, 0, 0, 0, 0xf0 }, "10.1.1.9", "fd00:1:0:1::9"
	};
	struct bpf_switch *sw = *state;

	TOWN(sw, .rest = "  - {name: frank, device: p6, vnet: blue, subnet: web, "
			 "mac: \"02:00:00:00:00:f0\", addresses: []}");
	FOR_EACH_FAMILY(family) {
		struct outcome outcome = send_via(
			sw, VIA_TC, &frank, SAY(.from = &frank, .to = &bob, .family = family));

		assert_true(outcome.reason == DROP_IP_SPOOFED ||
			    outcome.reason == DROP_PORT_UNBOUND);
		assert_int_equal(flow_count(sw), 0);
	}
}

static void threat_20_without_a_version_nothing_passes(void **state)
{
	struct bpf_switch *sw = *state;
	__u32 root = sw->control->root;

	sw->control->root = 0;
	FOR_EACH_FAMILY(family) {
		struct frame frame = SAY(.from = &alice, .to = &bob, .family = family);

		assert_int_equal(
			run_tc(program_fd(sw, VIA_TC), actor_ifindex(&alice), &frame, NULL),
			TC_ACT_SHOT);
		assert_int_equal(
			run_xdp(program_fd(sw, VIA_XDP), actor_ifindex(&alice), &frame, NULL),
			XDP_DROP);
	}
	sw->control->root = root;
}

static void device_that_is_no_port_admits_nothing(void **state)
{
	static const struct actor stranger = {
		"stranger", "p7", { 2, 0, 0, 0, 0, 7 }, "10.1.1.4", "fd00:1:0:1::4"
	};
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (enum via via = VIA_TC; via <= VIA_XDP; via++)
			assert_dropped(send_via(sw, via, &stranger,
						SAY(.from = &alice, .to = &bob, .family = family)),
				       DROP_PORT_UNBOUND);
}

static void threat_02_dhcp_server_message_from_a_guest(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame offer = SAY(.from = &alice, .to = &bob, .family = AF_INET, .source_port = 67,
				 .destination_port = 68, .payload = 240);
	struct frame reply = SAY(.from = &alice, .to = &bob, .family = AF_INET6, .source_port = 547,
				 .destination_port = 546, .payload = 40);

	assert_dropped(send_frame(sw, &alice, offer), DROP_DHCP_SERVER);
	assert_dropped(send_frame(sw, &alice, reply), DROP_DHCP_SERVER);
	assert_dropped(
		send_frame(sw, &alice,
			   SAY(.from = &alice, .to = &bob, .family = AF_INET,
			       .destination_mac = broadcast, .destination = "255.255.255.255",
			       .source_port = 67, .destination_port = 68, .payload = 240)),
		DROP_DHCP_SERVER);
	TOWN(sw, .alice = "guards: {dhcpServer: allow}");
	assert_delivered(send_frame(sw, &alice, offer), &bob);
	assert_delivered(send_frame(sw, &alice, reply), &bob);
}

static void threat_02_router_advertisement_and_redirect_from_a_guest(void **state)
{
	static const unsigned char all_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	struct bpf_switch *sw = *state;
	struct frame advertisement =
		SAY(.from = &alice, .to = &bob, .family = AF_INET6, .protocol = IPPROTO_ICMP,
		    .icmp_type = 134, .ttl = 255, .payload = 8);

	assert_dropped(send_frame(sw, &alice, advertisement), DROP_ROUTER_ADVERT);
	assert_dropped(send_frame(sw, &alice,
				  SAY(.from = &alice, .to = &bob, .family = AF_INET6,
				      .protocol = IPPROTO_ICMP, .icmp_type = 134, .ttl = 255,
				      .destination = "ff02::1", .destination_mac = all_nodes,
				      .payload = 8)),
		       DROP_ROUTER_ADVERT);
	assert_dropped(send_frame(sw, &alice,
				  SAY(.from = &alice, .to = &bob, .family = AF_INET6,
				      .protocol = IPPROTO_ICMP, .icmp_type = 137, .ttl = 255,
				      .payload = 32)),
		       DROP_ROUTER_ADVERT);
	/* IPv4 has both as well: redirect, and router advertisement (RFC 1256). */
	for (int type = 5; type <= 9; type += 4)
		assert_dropped(send_frame(sw, &alice,
					  SAY(.from = &alice, .to = &bob, .family = AF_INET,
					      .protocol = IPPROTO_ICMP, .icmp_type = (__u8)type,
					      .payload = 28)),
			       DROP_ROUTER_ADVERT);
	TOWN(sw, .alice = "guards: {routerAdvert: allow}");
	assert_delivered(send_frame(sw, &alice, advertisement), &bob);
}

static void threat_02_router_advertisement_in_disguise(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame hidden = SAY(.from = &alice, .to = &bob, .family = AF_INET6, .ttl = 255,
				  .protocol = IPPROTO_ICMP, .icmp_type = 134, .payload = 64,
				  .extension = { EXTENSION_HOPOPTS, IPPROTO_DSTOPTS,
						 IPPROTO_DSTOPTS, IPPROTO_FRAGMENT });
	struct frame plain = SAY(.from = &alice, .to = &bob, .family = AF_INET6, .ttl = 255,
				 .protocol = IPPROTO_ICMP, .icmp_type = 134, .payload = 64);

	/* Behind extension headers, as an atomic fragment, as a real one (RFC 7113). */
	assert_dropped(send_frame(sw, &alice, hidden), DROP_ROUTER_ADVERT);
	assert_dropped(send_frame(sw, &alice, fragment_of(&plain, 0, 4, 7)), DROP_ROUTER_ADVERT);
	assert_dropped(send_frame(sw, &alice, fragment_of(&plain, 4, 9, 7)), DROP_FRAGMENT_ORPHAN);
}

static void threat_03_vlan_tags_on_an_access_port(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		for (int tags = 1; tags <= 2; tags++)
			assert_dropped(send_frame(sw, &alice,
						  SAY(.from = &alice, .to = &bob, .family = family,
						      .vlans = tags, .vlan = { 5, 6 })),
				       DROP_VLAN_TAGGED);
		for (int tags = 3; tags <= 4; tags++)
			assert_dropped(send_frame(sw, &alice,
						  SAY(.from = &alice, .to = &bob, .family = family,
						      .vlans = tags, .vlan = { 5, 6, 7, 8 })),
				       DROP_VLAN_DEPTH);
	}
}

static void broadcast_and_multicast_frames_go_nowhere(void **state)
{
	static const unsigned char groups[2][6] = { { 1, 0, 0x5e, 0, 0, 5 },
						    { 0x33, 0x33, 0, 0, 0, 5 } };
	struct bpf_switch *sw = *state;

	assert_dropped(send_frame(sw, &alice,
				  SAY(.from = &alice, .to = &bob, .family = AF_INET,
				      .destination = "10.1.1.255", .destination_mac = broadcast)),
		       DROP_L2_BROADCAST);
	assert_dropped(send_frame(sw, &alice,
				  SAY(.from = &alice, .to = &bob, .family = AF_INET,
				      .destination = "224.0.0.5", .destination_mac = groups[0])),
		       DROP_L2_BROADCAST);
	assert_dropped(send_frame(sw, &alice,
				  SAY(.from = &alice, .to = &bob, .family = AF_INET6,
				      .destination = "ff02::5", .destination_mac = groups[1])),
		       DROP_L2_BROADCAST);
	/* A unicast packet in a broadcast frame is no way round. */
	FOR_EACH_FAMILY(family)
		assert_dropped(send_frame(sw, &alice,
					  SAY(.from = &alice, .to = &bob, .family = family,
					      .destination_mac = broadcast)),
			       DROP_L2_BROADCAST);
}

static void host_without_an_address_reaches_nobody(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame discover =
		SAY(.from = &alice, .to = &bob, .family = AF_INET, .source = "0.0.0.0",
		    .destination = "255.255.255.255", .destination_mac = broadcast,
		    .source_port = 68, .destination_port = 67, .payload = 240);

	assert_dropped(send_frame(sw, &alice, discover), DROP_L2_BROADCAST);
	memcpy(discover.bytes, switch_address, 6);
	assert_dropped(send_frame(sw, &alice, discover), DROP_IP_SPOOFED);
	/* Router solicitation and listener report, from a link-local address. */
	for (int type = 132; type <= 133; type++)
		assert_dropped(
			send_frame(sw, &alice,
				   SAY(.from = &alice, .to = &bob, .family = AF_INET6,
				       .source = "fe80::1", .destination = "ff02::2",
				       .destination_mac =
					       (const unsigned char[]){ 0x33, 0x33, 0, 0, 0, 2 },
				       .protocol = IPPROTO_ICMP, .icmp_type = (__u8)type,
				       .ttl = 255)),
			DROP_L2_BROADCAST);
}

static void any_unicast_destination_mac_is_routed_by_its_address(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		assert_delivered(send_frame(sw, &alice,
					    SAY(.from = &alice, .to = &bob, .family = family,
						.destination_mac = carol.mac)),
				 &bob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(threat_01_spoofed_source_mac),
		TEST(threat_01_spoofed_source_address),
		TEST(threat_01_address_of_another_vnet_is_as_foreign),
		TEST(port_that_may_spoof_sends_from_any_address),
		TEST(threat_01_spoofed_arp_sender),
		TEST(threat_01_spoofed_nd_source_target_and_option),
		TEST(threat_01_port_without_addresses_admits_nothing),
		TEST(threat_20_without_a_version_nothing_passes),
		TEST(device_that_is_no_port_admits_nothing),
		TEST(threat_02_dhcp_server_message_from_a_guest),
		TEST(threat_02_router_advertisement_and_redirect_from_a_guest),
		TEST(threat_02_router_advertisement_in_disguise),
		TEST(threat_03_vlan_tags_on_an_access_port),
		TEST(broadcast_and_multicast_frames_go_nowhere),
		TEST(host_without_an_address_reaches_nobody),
		TEST(any_unicast_destination_mac_is_routed_by_its_address),
	};

	return RUN_TESTS(tests);
}
