/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tunnels to remotes, byte by byte: what alice's frames are wrapped in, what is let in at the uplink
 * (NIC), and what of a remote's frames is not.
 */
#include "tests/harness/talk.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bpf/sluice.skel.h"

#define INNER 14 /* bytes of an Ethernet header */
#define VXLAN 16 /* of UDP's and VXLAN's headers */

/* Guests of the remotes "other" and "third". */
static const struct actor nora = { "nora", NIC, { 2, 0, 0, 0, 1, 9 }, "10.1.1.9", "fd00:1:0:1::9" };
static const struct actor theo = { "theo", NIC, { 2, 0, 0, 0, 1, 8 }, "10.1.1.8", "fd00:1:0:1::8" };

static const char *local_of(int outer)
{
	return outer == AF_INET ? "192.0.2.1" : "2001:db8::1";
}

static const char *other_of(int outer)
{
	return outer == AF_INET ? "192.0.2.2" : "2001:db8::2";
}

static size_t outer_ip(int outer)
{
	return outer == AF_INET ? 20 : 40;
}

static size_t outer_bytes(int outer)
{
	return INNER + outer_ip(outer) + VXLAN;
}

#define ADDRESSES(guest, remote)                                                     \
	"      - {address: 10.1.1." guest ", mac: \"02:00:00:00:01:0" guest "\", remote: " \
	remote "}\n"                                                                  \
	"      - {address: \"fd00:1:0:1::" guest "\", mac: \"02:00:00:00:01:0" guest      \
	"\", remote: " remote "}\n"

/* alice's vnet has guests on both remotes, red on none. */
static void town_with_remotes(struct bpf_switch *sw, int outer)
{
	static const char *const ends[] = { "remote/other/blue/web", "remote/third/blue/web" };
	char yaml[4096];

	snprintf(yaml, sizeof(yaml),
		 "apiVersion: sluice/v1\n"
		 "switch: {name: town}\n"
		 "uplinks: [{device: " NIC "}]\n"
		 "tunnel: {local: \"%s\"}\n"
		 "remotes: [{name: other, address: \"%s\"}, {name: third, address: \"%s\"}]\n"
		 "vnets:\n"
		 "  - name: blue\n"
		 "    vni: 5001\n"
		 "    prefixes: [10.1.0.0/16, \"fd00:1::/48\"]\n"
		 "    subnets: [{name: web, prefixes: [10.1.1.0/24, \"fd00:1:0:1::/64\"]}]\n"
		 "    addresses:\n" ADDRESSES("9", "other") ADDRESSES("8", "third")
		 "  - {name: red, vni: 5002, prefixes: [10.1.0.0/16]}\n"
		 "ports:\n"
		 "  - {name: alice, device: %s, vnet: blue, subnet: web, mac: \"%02x:%02x:%02x:%02x:%02x:%02x\","
		 " addresses: [%s, \"%s\"]}\n",
		 local_of(outer), other_of(outer), outer == AF_INET ? "192.0.2.3" : "2001:db8::3",
		 alice.device, alice.mac[0], alice.mac[1], alice.mac[2], alice.mac[3], alice.mac[4],
		 alice.mac[5], alice.address4, alice.address6);
	bpf_switch_apply(sw, yaml);
	flows_clear(sw);
	for (int i = 0; i < 2; i++) {
		__u32 slot = bpf_switch_slot(sw, ends[i]);
		struct bpf_devmap_val device = { .ifindex = actor_ifindex(&nora) };

		assert_int_not_equal(slot, 0);
		if (bpf_map_update_elem(bpf_map__fd(sw->skeleton->maps.devices_tc), &slot, &device,
					BPF_ANY))
			fail_msg("devices_tc");
	}
}

/* The frame as the remote whose address is `from` sends it, and as this host wraps its own: the source
 * port tells nothing. */
static struct frame wrapped(const struct frame *inner, int outer, const char *from, const char *to,
			    __u32 vni, __u8 class)
{
	size_t ip = outer_ip(outer), udp = INNER + ip;
	struct frame frame = { .length = inner->length + outer_bytes(outer) };
	struct ip_address source = address_from(from), destination = address_from(to);
	size_t length = inner->length + VXLAN;

	memcpy(frame.bytes + 6, switch_address, 6);
	frame_set16(&frame, 12, outer == AF_INET ? 0x0800 : 0x86dd);
	if (outer == AF_INET) {
		frame_set16(&frame, INNER, (__u16)(0x4500 | class));
		frame_set16(&frame, INNER + 2, (__u16)(20 + length));
		frame_set16(&frame, INNER + 6, 0x4000);
		frame_set16(&frame, INNER + 8, 64 << 8 | IPPROTO_UDP);
		memcpy(frame.bytes + INNER + 12, source.bytes + 12, 4);
		memcpy(frame.bytes + INNER + 16, destination.bytes + 12, 4);
		frame_set16(&frame, INNER + 10,
			    checksum_fold(checksum_add(0, frame.bytes + INNER, 20)));
	} else {
		frame_set32(&frame, INNER, 6U << 28 | (__u32)class << 20);
		frame_set16(&frame, INNER + 4, (__u16)length);
		frame_set16(&frame, INNER + 6, IPPROTO_UDP << 8 | 64);
		memcpy(frame.bytes + INNER + 8, source.bytes, 16);
		memcpy(frame.bytes + INNER + 24, destination.bytes, 16);
	}
	frame_set16(&frame, udp, 40000);
	frame_set16(&frame, udp + 2, 4789);
	frame_set16(&frame, udp + 4, (__u16)length);
	frame_set32(&frame, udp + 8, 0x08000000);
	frame_set32(&frame, udp + 12, vni << 8);
	memcpy(frame.bytes + outer_bytes(outer), inner->bytes, inner->length);
	return frame;
}

/* The same but for what tells flows apart. */
static void same_but_entropy(const struct frame *got, struct frame expected, int outer)
{
	size_t udp = INNER + outer_ip(outer);

	assert_true(frame_get16(got, udp) >= 0xc000);
	frame_set16(&expected, udp, frame_get16(got, udp));
	if (outer == AF_INET6)
		frame_set32(&expected, INNER,
			    (frame_get32(&expected, INNER) & 0xfff00000) |
				    (frame_get32(got, INNER) & 0xfffff));
	assert_frame(*got, expected);
}

static void set_class(struct frame *frame, int family, __u8 class)
{
	if (family == AF_INET)
		frame_set16(frame, INNER, (__u16)(0x4500 | class));
	else
		frame_set32(frame, INNER, 6U << 28 | (__u32)class << 20);
	checksums_write(frame);
}

static void frames_to_a_remote_are_wrapped_to_the_byte(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(outer)
	{
		town_with_remotes(sw, outer);
		FOR_EACH_FAMILY(family)
			/* The first by the long way, the others by the short one. */
			for (int i = 0; i < 3; i++) {
				struct frame frame = SAY(.from = &alice, .to = &nora, .family = family,
							 .payload = 33), out, inner;

				set_class(&frame, family, 0xb9);
				inner = forwarded(&frame, switch_address, nora.mac, 0);
				assert_int_equal(run_tc(program_fd(sw, VIA_TC), actor_ifindex(&alice),
							&frame, &out), TC_ACT_REDIRECT);
				same_but_entropy(&out, wrapped(&inner, outer, local_of(outer),
							       other_of(outer), 5001, 0xb9), outer);
			}
	}
}

static int at_uplink(struct bpf_switch *sw, const struct frame *frame, struct frame *out)
{
	return run_tc(bpf_program__fd(sw->skeleton->progs.sluice_uplink_tc), actor_ifindex(&nora),
		      frame, out);
}

static bool kernel_changes_versions(void)
{
	struct utsname name;
	int major, minor;

	assert_int_equal(uname(&name), 0);
	return sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 3));
}

static void frames_from_a_remote_are_unwrapped_to_the_byte(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(outer)
	{
		town_with_remotes(sw, outer);
		FOR_EACH_FAMILY(family)
			for (int i = 0; i < 3 && (outer == family || kernel_changes_versions()); i++) {
				struct frame inner = SAY(.from = &nora, .to = &alice, .family = family,
							 .payload = 33), out;
				struct frame frame = wrapped(&inner, outer, other_of(outer),
							     local_of(outer), 5001, 0);

				assert_int_equal(at_uplink(sw, &frame, &out), TC_ACT_REDIRECT);
				assert_frame(out, forwarded(&inner, switch_address, alice.mac, 0));
			}
	}
}

/* Answers go back by the tunnel: the gateway's to a ping. */
static void a_remotes_ping_to_the_gateway_is_answered_by_the_tunnel(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame inner = SAY(.from = &nora, .to = &alice, .family = AF_INET,
				 .protocol = IPPROTO_ICMP, .icmp_type = 8, .destination = "10.1.1.1");
	struct frame answer = SAY(.from = &alice, .to = &nora, .family = AF_INET,
				  .protocol = IPPROTO_ICMP, .source = "10.1.1.1"), out, frame;

	town_with_remotes(sw, AF_INET);
	frame = wrapped(&inner, AF_INET, other_of(AF_INET), local_of(AF_INET), 5001, 0);
	assert_int_equal(at_uplink(sw, &frame, &out), TC_ACT_REDIRECT);
	answer = forwarded(&answer, switch_address, nora.mac, 0);
	same_but_entropy(&out, wrapped(&answer, AF_INET, local_of(AF_INET), other_of(AF_INET), 5001, 0),
			 AF_INET);
}

static void expect_refused(struct bpf_switch *sw, const struct frame *frame,
			   enum drop_reason reason)
{
	__u64 before = counters_of(sw, 0).drops[reason];

	assert_int_equal(at_uplink(sw, frame, NULL), TC_ACT_SHOT);
	assert_int_equal(counters_of(sw, 0).drops[reason], before + 1);
}

static void threat_15_only_remotes_are_let_in_and_only_for_what_is_theirs(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(outer)
	{
		struct frame inner = SAY(.from = &nora, .to = &alice, .family = outer);
		struct frame foreign = SAY(.from = &theo, .to = &alice, .family = outer);
		struct frame local = SAY(.from = &alice, .to = &alice, .family = outer);
		const char *from = other_of(outer), *to = local_of(outer);
		struct frame frame;

		town_with_remotes(sw, outer);
		frame = wrapped(&inner, outer, outer == AF_INET ? "192.0.2.9" : "2001:db8::9", to,
				5001, 0);
		expect_refused(sw, &frame, DROP_TUNNEL_REMOTE);
		frame = wrapped(&inner, outer, from, to, 5002, 0);
		expect_refused(sw, &frame, DROP_TUNNEL_VNI);
		frame = wrapped(&inner, outer, from, to, 5001 + (1 << 23), 0);
		expect_refused(sw, &frame, DROP_TUNNEL_VNI);
		frame = wrapped(&foreign, outer, from, to, 5001, 0);
		expect_refused(sw, &frame, DROP_IP_SPOOFED);
		frame = wrapped(&local, outer, from, to, 5001, 0);
		expect_refused(sw, &frame, DROP_IP_SPOOFED);
	}
}

static void threat_15_headers_that_lie_are_refused(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(outer)
	{
		struct frame inner = SAY(.from = &nora, .to = &alice, .family = outer);
		struct frame good, frame;
		size_t udp = INNER + outer_ip(outer);

		town_with_remotes(sw, outer);
		good = frame = wrapped(&inner, outer, other_of(outer), local_of(outer), 5001, 0);
		frame.bytes[udp + 8] = 0x0c; /* the flag of GPE: another protocol follows */
		expect_refused(sw, &frame, DROP_TUNNEL_HEADER);
		frame = good;
		frame.bytes[udp + 8] = 0; /* no VNI */
		expect_refused(sw, &frame, DROP_TUNNEL_HEADER);
		frame = good;
		frame.bytes[udp + 15] = 1; /* reserved */
		expect_refused(sw, &frame, DROP_TUNNEL_HEADER);
		frame = good;
		frame_set16(&frame, udp + 4, (__u16)(frame_get16(&good, udp + 4) + 1));
		expect_refused(sw, &frame, DROP_TUNNEL_HEADER);
		frame = good;
		frame.length -= 4;
		expect_refused(sw, &frame, DROP_TUNNEL_HEADER);
		frame = good;
		frame_set16(&frame, udp + VXLAN + 12, 0x0806);
		expect_refused(sw, &frame, DROP_ETHERTYPE);
		frame = good;
		assert_int_equal(at_uplink(sw, &frame, NULL), TC_ACT_REDIRECT);
	}
}

static void what_is_not_the_tunnels_is_the_hosts(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(outer)
	{
		struct frame inner = SAY(.from = &nora, .to = &alice, .family = outer);
		struct frame frame, out;

		town_with_remotes(sw, outer);
		frame = wrapped(&inner, outer, other_of(outer), other_of(outer), 5001, 0);
		assert_int_equal(at_uplink(sw, &frame, &out), TC_ACT_UNSPEC);
		assert_frame(out, frame);
		frame = wrapped(&inner, outer, other_of(outer), local_of(outer), 5001, 0);
		frame_set16(&frame, INNER + outer_ip(outer) + 2, 4790);
		assert_int_equal(at_uplink(sw, &frame, NULL), TC_ACT_UNSPEC);
		TOWN(sw, NULL);
		frame_set16(&frame, INNER + outer_ip(outer) + 2, 4789);
		assert_int_equal(at_uplink(sw, &frame, NULL), TC_ACT_UNSPEC);
	}
}

static void congestion_between_hosts_is_told_to_guests(void **state)
{
	/* RFC 6040, figure 4: inner by outer; 4: dropped. */
	static const __u8 merged[4][4] = {
		{ 0, 0, 0, 4 }, { 1, 1, 1, 3 }, { 2, 1, 2, 3 }, { 3, 3, 3, 3 },
	};
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
	{
		town_with_remotes(sw, family);
		for (__u8 inner = 0; inner < 4; inner++)
			for (__u8 outer = 0; outer < 4; outer++) {
				struct frame said = SAY(.from = &nora, .to = &alice, .family = family);
				struct frame frame, out;

				set_class(&said, family, 0xb8 | inner);
				frame = wrapped(&said, family, other_of(family), local_of(family), 5001,
						outer);
				if (merged[inner][outer] == 4) {
					expect_refused(sw, &frame, DROP_TUNNEL_ECN);
					continue;
				}
				assert_int_equal(at_uplink(sw, &frame, &out), TC_ACT_REDIRECT);
				set_class(&said, family, 0xb8 | merged[inner][outer]);
				assert_frame(out, forwarded(&said, switch_address, alice.mac, 0));
			}
	}
}

/* Each remote reaches the other without this host. */
static void a_remotes_frame_to_another_remote_goes_nowhere(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame inner = SAY(.from = &nora, .to = &theo, .family = AF_INET), frame;
	__u32 slot;

	town_with_remotes(sw, AF_INET);
	slot = bpf_switch_slot(sw, "remote/other/blue/web");
	frame = wrapped(&inner, AF_INET, other_of(AF_INET), local_of(AF_INET), 5001, 0);
	assert_int_equal(at_uplink(sw, &frame, NULL), TC_ACT_SHOT);
	assert_int_equal(counters_of(sw, slot).drops[DROP_NO_ENDPOINT], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_to_a_remote_are_wrapped_to_the_byte),
		TEST(frames_from_a_remote_are_unwrapped_to_the_byte),
		TEST(a_remotes_ping_to_the_gateway_is_answered_by_the_tunnel),
		TEST(threat_15_only_remotes_are_let_in_and_only_for_what_is_theirs),
		TEST(threat_15_headers_that_lie_are_refused),
		TEST(what_is_not_the_tunnels_is_the_hosts),
		TEST(congestion_between_hosts_is_told_to_guests),
		TEST(a_remotes_frame_to_another_remote_goes_nowhere),
	};

	return RUN_TESTS(tests);
}
