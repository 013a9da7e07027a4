/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every drop reason is provoked, in both families where both have it, through sluice_trace,
 * sluice_tc and sluice_xdp, which must agree. A reason that a test run can not provoke names the
 * test that does.
 */
#include "tests/harness/talk.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "bpf/sluice.skel.h"

/* A way to provoke a reason: prepare (may be NULL) brings the switch into the state in which
 * alice's frame is dropped. A frame of length 0: the family has no such thing. */
struct provocation {
	struct town town;
	void (*prepare)(struct bpf_switch *sw, int family);
	struct frame (*frame)(int family);
	const char *elsewhere; /* the test that provokes it, when this file can not */
};

static const unsigned char everybody[6] = { 255, 255, 255, 255, 255, 255 };
static const struct frame no_such_frame;

static struct frame honest(int family)
{
	return datagram(&alice, &bob, family, 4000, 53);
}

static struct frame short_frame(int family)
{
	struct frame frame = SAY(.from = &alice, .to = &bob, .family = family, .vlans = 1);

	frame.length = 16;
	return frame;
}

static struct frame deep_vlans(int family)
{
	return SAY(.from = &alice, .to = &bob, .family = family, .vlans = 3);
}

static struct frame one_vlan(int family)
{
	return SAY(.from = &alice, .to = &bob, .family = family, .vlans = 1, .vlan = { 5 });
}

static struct frame unknown_type(int family)
{
	struct frame frame = honest(family);

	frame_set16(&frame, 12, 0x88cc);
	return frame;
}

static struct frame wrong_version(int family)
{
	struct frame frame = honest(family);

	frame.bytes[14] ^= 0xf0;
	return frame;
}

static struct frame loopback_destination(int family)
{
	return SAY(.from = &alice, .to = &bob, .family = family,
		   .destination = family == AF_INET ? "127.0.0.1" : "::1");
}

static struct frame source_route(int family)
{
	static const unsigned char route[8] = { 131, 7, 4, 10, 1, 1, 1, 0 };

	return family == AF_INET6 ? no_such_frame
				  : SAY(.from = &alice, .to = &bob, .family = family,
					.options = route, .options_length = 8);
}

static struct frame two_fragment_headers(int family)
{
	return family == AF_INET ? no_such_frame
				 : SAY(.from = &alice, .to = &bob, .family = family,
				       .extension = { IPPROTO_FRAGMENT, IPPROTO_FRAGMENT });
}

static struct frame bad_udp_length(int family)
{
	struct frame frame = honest(family);

	frame_set16(&frame, layers_of(&frame).l4 + 4, 3);
	return frame;
}

static struct frame christmas_tree(int family)
{
	return SAY(.from = &alice, .to = &bob, .family = family, .protocol = IPPROTO_TCP,
		   .flags = FLAG_FIN | FLAG_PSH | FLAG_URG);
}

static struct frame tiny_fragment(int family)
{
	struct frame syn = SAY(.from = &alice, .to = &bob, .family = family,
			       .protocol = IPPROTO_TCP, .flags = FLAG_SYN, .payload = 40);

	return fragment_of(&syn, 0, 1, 3);
}

static struct frame arp_of_ten_bytes(int family)
{
	struct frame frame =
		SAY_ARP(.sender_mac = alice.mac, .sender = alice.address4, .target = bob.address4);

	frame.length = 24;
	return family == AF_INET ? frame : no_such_frame;
}

static struct frame far_solicitation(int family)
{
	return family == AF_INET ? no_such_frame
				 : SAY_NEIGHBOR(.source_mac = alice.mac, .source = alice.address6,
						.target = bob.address6, .hop_limit = 64);
}

static struct frame foreign_mac(int family)
{
	return SAY(.from = &alice, .to = &bob, .family = family, .source_mac = bob.mac);
}

static struct frame foreign_address(int family)
{
	return SAY(.from = &alice, .to = &carol, .family = family,
		   .source = address_of(&bob, family));
}

static struct frame foreign_arp(int family)
{
	return family == AF_INET6 ? no_such_frame
				  : SAY_ARP(.sender_mac = alice.mac, .sender = bob.address4,
					    .target = carol.address4);
}

static struct frame foreign_advertisement(int family)
{
	return family == AF_INET
		       ? no_such_frame
		       : SAY_NEIGHBOR(.type = 136, .source_mac = alice.mac,
				      .source = alice.address6, .destination = carol.address6,
				      .target = bob.address6, .option_mac = alice.mac);
}

static struct frame dhcp_offer(int family)
{
	return family == AF_INET ? datagram(&alice, &bob, family, 67, 68)
				 : datagram(&alice, &bob, family, 547, 546);
}

static struct frame advertised_router(int family)
{
	return family == AF_INET ? no_such_frame
				 : SAY(.from = &alice, .to = &bob, .family = family, .ttl = 255,
				       .protocol = IPPROTO_ICMP, .icmp_type = 134, .payload = 8);
}

static struct frame broadcast_frame(int family)
{
	return SAY(.from = &alice, .to = &bob, .family = family, .destination_mac = everybody);
}

static struct frame arp_for_nobody(int family)
{
	return family == AF_INET6 ? no_such_frame
				  : SAY_ARP(.sender_mac = alice.mac, .sender = alice.address4,
					    .target = "10.1.1.99");
}

static struct frame solicitation_for_nobody(int family)
{
	return family == AF_INET ? no_such_frame
				 : SAY_NEIGHBOR(.source_mac = alice.mac, .source = alice.address6,
						.target = "fd00:1:0:1::99");
}

static struct frame piece(int family, unsigned int begin, unsigned int end)
{
	struct frame whole = SAY(.from = &alice, .to = &bob, .family = family, .payload = 400);

	return fragment_of(&whole, begin, end, 3);
}

static struct frame middle_piece(int family)
{
	return piece(family, 20, 30);
}

static void send_first_piece(struct bpf_switch *sw, int family)
{
	assert_delivered(send_frame(sw, &alice, piece(family, 0, 25)), &bob);
}

static void send_scattered_pieces(struct bpf_switch *sw, int family)
{
	assert_delivered(send_frame(sw, &alice, piece(family, 0, 1)), &bob);
	for (unsigned int begin = 2; begin < 2 + 5 * 2; begin += 2)
		assert_delivered(send_frame(sw, &alice, piece(family, begin, begin + 1)), &bob);
}

static struct frame acknowledgment(int family)
{
	return SAY(.from = &alice, .to = &bob, .family = family, .protocol = IPPROTO_TCP,
		   .flags = FLAG_ACK);
}

static struct frame unrelated_error(int family)
{
	struct frame never_sent = datagram(&bob, &alice, family, 53, 4000);

	return SAY(.from = &alice, .to = &bob, .family = family, .protocol = IPPROTO_ICMP,
		   .icmp_type = family == AF_INET ? 3 : 1, .quote = &never_sent);
}

/* The flow that unrelated_error() quotes lives, and errors about it came for an hour. */
static void use_up_the_errors(struct bpf_switch *sw, int family)
{
	assert_delivered(send_frame(sw, &bob, datagram(&bob, &alice, family, 53, 4000)), &alice);
	known_between(sw, &bob, &alice, family)->detail->error_due += 3600 * FLOW_TICKS_PER_SECOND;
}

/* Every entry belongs to somebody else who was seen just now. */
static void occupy_every_entry(struct bpf_switch *sw, int family)
{
	struct flow seen;

	assert_delivered(send_frame(sw, &bob, datagram(&bob, &carol, family, 1, 2)), &carol);
	seen = *known_between(sw, &bob, &carol, family)->line;
	for (__u32 i = 0; i < sw->flow_buckets * FLOWS_PER_BUCKET; i++) {
		seen.id.port[0] = (__be16)i;
		seen.id.port[1] = (__be16)(i >> 16);
		sw->flows[i / FLOWS_PER_BUCKET].way[i % FLOWS_PER_BUCKET] = seen;
	}
}

static void use_up_the_quota(struct bpf_switch *sw, int family)
{
	assert_delivered(send_frame(sw, &alice, datagram(&alice, &bob, family, 1, 2)), &bob);
}

static struct frame to_nowhere(int family)
{
	return SAY(.from = &alice, .to = &bob, .family = family,
		   .destination = family == AF_INET ? "192.0.2.1" : "2001:db8::1");
}

static struct frame to_nobody(int family)
{
	return SAY(.from = &alice, .to = &bob, .family = family,
		   .destination = family == AF_INET ? "10.1.1.99" : "fd00:1:0:1::99");
}

static struct frame to_the_gateway(int family)
{
	return SAY(.from = &alice, .to = &bob, .family = family,
		   .destination = family == AF_INET ? "10.1.1.1" : "fd00:1:0:1::1");
}

static void let_carol_ask(struct bpf_switch *sw, int family)
{
	assert_delivered(send_frame(sw, &carol, datagram(&carol, &alice, family, 4000, 53)),
			 &alice);
}

static struct frame dying_error(int family)
{
	struct frame asked = datagram(&carol, &alice, family, 4000, 53);

	return SAY(.from = &alice, .to = &carol, .family = family, .protocol = IPPROTO_ICMP,
		   .ttl = 1, .icmp_type = family == AF_INET ? 3 : 1, .quote = &asked);
}

static struct frame large_error(int family)
{
	struct frame asked = datagram(&carol, &alice, family, 4000, 53);

	return SAY(.from = &alice, .to = &carol, .family = family, .protocol = IPPROTO_ICMP,
		   .icmp_type = family == AF_INET ? 3 : 1, .quote = &asked);
}

/* What carol sends to alice, as a port that may do so sends it on. */
static struct frame sent_on_by(const struct actor *port, int family)
{
	return SAY(.from = port, .to = &alice, .family = family,
		   .source = address_of(&carol, family));
}

static void let_bob_send_on(struct bpf_switch *sw, int family)
{
	assert_delivered(send_frame(sw, &carol, sent_on_by(&carol, family)), &bob);
	assert_delivered(send_frame(sw, &bob, sent_on_by(&bob, family)), &alice);
}

static struct frame sent_on_again(int family)
{
	return sent_on_by(&alice, family);
}

static void narrow_carols_way(struct bpf_switch *sw, int family)
{
	let_carol_ask(sw, family);
	sw->mtu = 68;
	TOWN(sw);
	sw->mtu = 0;
}

static void lose_bobs_device(struct bpf_switch *sw, int family)
{
	__u32 slot = bpf_switch_slot(sw, "bob");

	(void)family;
	/* The kernel does it when the device is unregistered (maps/devices.h). */
	if (bpf_map_delete_elem(bpf_map__fd(sw->skeleton->maps.devices), &slot) ||
	    bpf_map_delete_elem(bpf_map__fd(sw->skeleton->maps.devices_tc), &slot))
		fail_msg("devices: %s", strerror(errno));
}

#define SENDS_ON "guards: {spoofing: allow}"
#define TO_ALICE_BY_BOB \
	"routes: {r: [{prefix: 10.1.1.4/32, nextHop: 10.1.1.5}, " \
	"{prefix: \"fd00:1:0:1::4/128\", nextHop: \"fd00:1:0:1::5\"}]}"
#define BOB_NOWHERE \
	"routes: {r: [{prefix: 10.1.1.5/32, nextHop: none}, " \
	"{prefix: \"fd00:1:0:1::5/128\", nextHop: none}]}"
#define NO_UDP "{name: no, direction: Outbound, access: Deny, protocol: Udp"

static const struct provocation provocations[DROP_REASON_COUNT] = {
	[DROP_FRAME_SHORT] = { .frame = short_frame },
	[DROP_VLAN_DEPTH] = { .frame = deep_vlans },
	[DROP_ETHERTYPE] = { .frame = unknown_type },
	[DROP_IP_HEADER] = { .frame = wrong_version },
	[DROP_IP_ADDRESS] = { .frame = loopback_destination },
	[DROP_IP_OPTIONS] = { .frame = source_route },
	[DROP_IPV6_EXTENSIONS] = { .frame = two_fragment_headers },
	[DROP_L4_HEADER] = { .frame = bad_udp_length },
	[DROP_TCP_FLAGS] = { .frame = christmas_tree },
	[DROP_FRAGMENT_TINY] = { .frame = tiny_fragment },
	[DROP_ARP_MALFORMED] = { .frame = arp_of_ten_bytes },
	[DROP_ND_MALFORMED] = { .frame = far_solicitation },
	[DROP_TUNNEL_HEADER] = { .elsewhere = "tests/bpf/tunnel.c" },
	[DROP_TUNNEL_REMOTE] = { .elsewhere = "tests/bpf/tunnel.c" },
	[DROP_TUNNEL_VNI] = { .elsewhere = "tests/bpf/tunnel.c" },
	[DROP_TUNNEL_ECN] = { .elsewhere = "tests/bpf/tunnel.c" },
	[DROP_PORT_UNBOUND] = { .frame = honest },
	[DROP_VLAN_TAGGED] = { .frame = one_vlan },
	[DROP_MAC_SPOOFED] = { .frame = foreign_mac },
	[DROP_IP_SPOOFED] = { .frame = foreign_address },
	[DROP_ARP_SPOOFED] = { .frame = foreign_arp },
	[DROP_ND_SPOOFED] = { .frame = foreign_advertisement },
	[DROP_DHCP_SERVER] = { .frame = dhcp_offer },
	[DROP_ROUTER_ADVERT] = { .frame = advertised_router },
	[DROP_L2_BROADCAST] = { .frame = broadcast_frame },
	[DROP_ARP_UNANSWERED] = { .frame = arp_for_nobody },
	[DROP_ND_UNANSWERED] = { .frame = solicitation_for_nobody },
	[DROP_FRAGMENT_ORPHAN] = { .frame = middle_piece },
	[DROP_FRAGMENT_OVERLAP] = { .prepare = send_first_piece, .frame = middle_piece },
	[DROP_FRAGMENT_LIMIT] = { .prepare = send_scattered_pieces, .frame = middle_piece },
	[DROP_TCP_STATE] = { .frame = acknowledgment },
	[DROP_ICMP_UNRELATED] = { .frame = unrelated_error },
	[DROP_ICMP_RATE] = { .prepare = use_up_the_errors, .frame = unrelated_error },
	[DROP_FLOW_LEGS] = { .town = { .alice = SENDS_ON, .bob = SENDS_ON, .db = "routes: r",
				       .rest = TO_ALICE_BY_BOB },
			     .prepare = let_bob_send_on,
			     .frame = sent_on_again },
	[DROP_FLOW_TABLE_FULL] = { .prepare = occupy_every_entry, .frame = honest },
	[DROP_FLOW_LIMIT] = { .town = { .alice = "flowLimit: 1" },
			      .prepare = use_up_the_quota,
			      .frame = honest },
	[DROP_ACL_DENY] = { .town = { .rest = "acls: [{name: a, appliesTo: switch,"
					      " rules: [" NO_UDP "}]}]" },
			    .frame = honest },
	[DROP_NSG_DENY] = { .town = { .alice = "nsg: n",
				      .rest = "nsgs: {n: {rules: [" NO_UDP ", priority: 100}]}}" },
			    .frame = honest },
	[DROP_NO_ROUTE] = { .frame = to_nowhere },
	[DROP_ROUTE_NONE] = { .town = { .web = "routes: r", .rest = BOB_NOWHERE },
			      .frame = honest },
	[DROP_NO_ENDPOINT] = { .frame = to_nobody },
	[DROP_NO_WAY_OUT] = { .town = { .rest = "uplinks: [{device: p7}]\n"
						"nat: [{name: n, type: gateway, vnet: red, "
						"addresses: [203.0.113.1, \"2001:db8::1\"]}]" },
			      .frame = to_nowhere },
	[DROP_GATEWAY_ONLY_ECHO] = { .frame = to_the_gateway },
	[DROP_HOP_LIMIT] = { .prepare = let_carol_ask, .frame = dying_error },
	[DROP_TOO_BIG] = { .prepare = narrow_carols_way, .frame = large_error },
	[DROP_DEVICE_GONE] = { .prepare = lose_bobs_device, .frame = honest },
	[DROP_NO_CONSUMER] = { .elsewhere = "tests/system/55_af_xdp.sh" },
	[DROP_REWRITE_FAILED] = { .elsewhere = "none: the kernel runs out of memory" },
};

/* A device that is no port has no slot, so sluice_trace can not stand for it. */
static const struct actor stranger = {
	"stranger", "p7", { 2, 0, 0, 0, 0, 7 }, "10.1.1.4", "fd00:1:0:1::4"
};

static void provoke(struct bpf_switch *sw, enum drop_reason reason, enum via via, int family)
{
	const struct provocation *provocation = &provocations[reason];
	const struct actor *from = reason == DROP_PORT_UNBOUND ? &stranger : &alice;
	struct frame frame = provocation->frame(family);

	if (!frame.length || (from == &stranger && via == VIA_TRACE))
		return;
	town_apply(sw, &provocation->town);
	flows_clear(sw);
	if (provocation->prepare)
		provocation->prepare(sw, family);
	assert_dropped(send_via(sw, via, from, frame), reason);
}

static void every_drop_reason_is_provoked_or_named(void **state)
{
	(void)state;
	for (int reason = 1; reason < DROP_REASON_COUNT; reason++)
		if (!provocations[reason].frame == !provocations[reason].elsewhere)
			fail_msg("%s has no provocation", reason_name((enum drop_reason)reason));
}

static void provoke_all(struct bpf_switch *sw, enum via via)
{
	for (int reason = 1; reason < DROP_REASON_COUNT; reason++) {
		if (!provocations[reason].frame)
			continue;
		FOR_EACH_FAMILY(family)
			provoke(sw, (enum drop_reason)reason, via, family);
	}
}

static void trace_drops_for_every_reason(void **state)
{
	provoke_all(*state, VIA_TRACE);
}

static void tc_drops_for_every_reason(void **state)
{
	provoke_all(*state, VIA_TC);
}

static void xdp_drops_for_every_reason(void **state)
{
	provoke_all(*state, VIA_XDP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_drop_reason_is_provoked_or_named),
		TEST(trace_drops_for_every_reason),
		TEST(tc_drops_for_every_reason),
		TEST(xdp_drops_for_every_reason),
	};

	return RUN_TESTS(tests);
}
