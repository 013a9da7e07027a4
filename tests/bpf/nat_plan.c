/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is planned for a packet that is translated: who gets it, and what of it the receiver is to see.
 * The plan is made by a trace that leaves no mark, and read from where it is kept.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <string.h>

#include "bpf/sluice.skel.h"
#include "tests/harness/bpf_switch.h"

#define UPLINK  "uplinks: [{device: p7}]\n"
#define GATEWAY "{name: o, type: gateway, vnet: blue, subnets: [web], ports: 2000-2999, " \
		"addresses: [203.0.113.20, \"2001:db8::20\"]}"
/* carol has public addresses, bob is forwarded to, nobody has bob's own. */
#define WORLD                                                                              \
	UPLINK "nat: [" GATEWAY ", "                                                       \
	"{name: p4, type: public, address: 203.0.113.10, port: carol}, "                   \
	"{name: p6, type: public, address: \"2001:db8::10\", port: carol}, "               \
	"{name: f4, type: forward, address: 203.0.113.20, protocol: Udp, "                 \
	"destinationPort: 2222, to: \"bob:22\"}, "                                         \
	"{name: f6, type: forward, address: \"2001:db8::20\", protocol: Udp, "             \
	"destinationPort: 2222, to: \"bob:22\"}]\n"

/* As struct translation of bpf/nat.h begins. */
struct plan {
	struct ip_address source;
	struct ip_address destination;
	__u8 has_ports, protocol, icmp_type, icmp_code;
	__be16 source_port;
	__be16 destination_port;
	__u32 vni;
	__be16 icmp_identifier;
	__u16 port_low;
	__u16 port_high;
	__u16 port_first;
};

/* The plan that the last trace on this CPU, the first, has left; how: what became of the frame. */
static struct plan plan_for(struct bpf_switch *sw, const struct actor *from, struct frame frame,
			    struct outcome *how)
{
	int map = bpf_map__fd(sw->skeleton->maps.translations);
	size_t size = (bpf_map__value_size(sw->skeleton->maps.translations) + 7) / 8 * 8;
	__u32 test_runs = 1;
	struct plan plan;
	char *values = calloc((size_t)sw->cpus, size);

	assert_non_null(values);
	assert_int_equal(bpf_map_update_elem(map, &test_runs, values, 0), 0);
	*how = peek_frame(sw, from, frame);
	assert_int_equal(bpf_map_lookup_elem(map, &test_runs, values), 0);
	memcpy(&plan, values, sizeof(plan));
	free(values);
	return plan;
}

static void expect_ends(const struct plan *plan, const char *source, __u16 source_port,
			const char *destination, __u16 destination_port)
{
	struct ip_address from = address_from(source), to = address_from(destination);

	assert_memory_equal(&plan->source, &from, sizeof(from));
	assert_memory_equal(&plan->destination, &to, sizeof(to));
	assert_int_equal(ntohs(plan->source_port), source_port);
	assert_int_equal(ntohs(plan->destination_port), destination_port);
}

static const char *of(int family, const char *ipv4, const char *ipv6)
{
	return family == AF_INET ? ipv4 : ipv6;
}

static void inside_a_vnet_nothing_is_planned(void **state)
{
	struct bpf_switch *sw = *state;
	static const struct plan nothing;
	struct outcome how;

	TOWN(sw, .rest = WORLD);
	FOR_EACH_FAMILY(family) {
		struct plan plan = plan_for(sw, &alice, SAY(.from = &alice, .to = &carol,
							    .family = family), &how);

		assert_delivered(how, &carol);
		assert_memory_equal(&plan, &nothing, sizeof(plan));
	}
}

static void a_public_address_is_its_ports_whole(void **state)
{
	struct bpf_switch *sw = *state;
	struct outcome how;

	TOWN(sw, .rest = WORLD);
	FOR_EACH_FAMILY(family) {
		struct plan plan = plan_for(
			sw, &alice,
			SAY(.from = &alice, .to = &carol, .family = family, .source_port = 2500,
			    .destination = of(family, "203.0.113.10", "2001:db8::10")), &how);

		assert_delivered(how, &carol);
		expect_ends(&plan, of(family, "203.0.113.20", "2001:db8::20"), 2500,
			    address_of(&carol, family), 443);
		assert_int_equal(plan.vni, 5001);
		assert_int_equal(plan.port_low, 2000);
		assert_int_equal(plan.port_high, 2999);
		assert_int_equal(plan.port_first, 2500);
	}
}

/* A port that the gateway does not give is replaced by one that is not the same every time. */
static void a_gateway_keeps_ports_of_its_range_and_draws_others(void **state)
{
	struct bpf_switch *sw = *state;
	struct outcome how;

	TOWN(sw, .rest = WORLD);
	FOR_EACH_FAMILY(family) {
		__u16 first = 0;
		bool differ = false;

		for (int i = 0; i < 20; i++) {
			struct plan plan = plan_for(
				sw, &bob,
				SAY(.from = &bob, .to = &carol, .family = family, .source_port = 999,
				    .destination = of(family, "203.0.113.10", "2001:db8::10")), &how);

			assert_in_range(plan.port_first, 2000, 2999);
			differ |= first && plan.port_first != first;
			first = plan.port_first;
		}
		assert_true(differ);
	}
}

/* An echo request's identifier stands for its port; what has neither is told by its addresses. */
static void identifiers_are_planned_as_ports_are(void **state)
{
	struct bpf_switch *sw = *state;
	struct outcome how;

	TOWN(sw, .rest = WORLD);
	FOR_EACH_FAMILY(family) {
		const char *to = of(family, "203.0.113.10", "2001:db8::10");
		struct plan plan = plan_for(
			sw, &alice,
			SAY(.from = &alice, .to = &carol, .family = family, .protocol = IPPROTO_ICMP,
			    .icmp_type = family == AF_INET ? 8 : 128, .icmp_id = 2100,
			    .destination = to), &how);

		assert_delivered(how, &carol);
		assert_int_equal(ntohs(plan.icmp_identifier), 2100);
		assert_int_equal(plan.port_first, 2100);
		plan = plan_for(sw, &alice, SAY(.from = &alice, .to = &carol, .family = family,
						.protocol = 50, .payload = 16, .destination = to), &how);
		assert_delivered(how, &carol);
		assert_int_equal(plan.port_low, 0);
	}
}

static void who_has_a_public_address_is_seen_as_that(void **state)
{
	struct bpf_switch *sw = *state;
	struct outcome how;

	TOWN(sw, .rest = WORLD);
	FOR_EACH_FAMILY(family) {
		struct plan plan = plan_for(
			sw, &carol,
			SAY(.from = &carol, .to = &bob, .family = family, .destination_port = 2222,
			    .destination = of(family, "203.0.113.20", "2001:db8::20")), &how);

		assert_delivered(how, &bob);
		expect_ends(&plan, of(family, "203.0.113.10", "2001:db8::10"), 40000,
			    address_of(&bob, family), 22);
		assert_int_equal(plan.port_low, 0);
	}
}

static void where_nothing_is_asked_for_nobody_is(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .rest = WORLD);
	FOR_EACH_FAMILY(family) {
		const char *gateway = of(family, "203.0.113.20", "2001:db8::20");

		assert_dropped(peek_frame(sw, &carol, SAY(.from = &carol, .to = &bob,
							  .family = family, .destination_port = 2223,
							  .destination = gateway)),
			       DROP_NO_ENDPOINT);
		/* The same number of the other protocol. */
		assert_dropped(peek_frame(sw, &carol, SAY(.from = &carol, .to = &bob,
							  .family = family, .protocol = IPPROTO_TCP,
							  .flags = FLAG_SYN, .destination_port = 2222,
							  .destination = gateway)),
			       DROP_NO_ENDPOINT);
		/* Its own public address. */
		assert_dropped(peek_frame(sw, &carol, SAY(.from = &carol, .to = &bob,
							  .family = family,
							  .destination = of(family, "203.0.113.10",
									    "2001:db8::10"))),
			       DROP_NO_ENDPOINT);
	}
}

static void without_an_address_outside_there_is_no_way_there(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .rest = WORLD);
	FOR_EACH_FAMILY(family) {
		const char *carols = of(family, "203.0.113.10", "2001:db8::10");

		/* dave is in the other vnet, with alice's address. */
		assert_dropped(peek_frame(sw, &dave, SAY(.from = &dave, .to = &erin, .family = family,
							 .destination = carols)), DROP_NO_WAY_OUT);
		/* Inside the vnet's prefixes is not outside. */
		assert_dropped(peek_frame(sw, &alice,
					  SAY(.from = &alice, .to = &bob, .family = family,
					      .destination = of(family, "10.1.1.77",
								"fd00:1:0:1::77"))),
			       DROP_NO_ENDPOINT);
		/* No router hands on what stays on its link. */
		assert_dropped(peek_frame(sw, &alice,
					  SAY(.from = &alice, .to = &bob, .family = family,
					      .destination = of(family, "169.254.1.1", "fe80::77"))),
			       DROP_NO_ROUTE);
	}
}

/* --- balancers --- */

#define LBS(affinity)                                                                              \
	"lbs: [{name: l4, vnet: blue, frontend: \"10.1.0.100:443\", protocol: Udp, "              \
	"backends: [bob, carol], backendPort: 8443, affinity: " affinity "}, "                    \
	"{name: l6, vnet: blue, frontend: \"[fd00:1::100]:443\", protocol: Udp, "                 \
	"backends: [bob, carol], backendPort: 8443, affinity: " affinity "}]\n"

/* How many of 64 flows of different source ports come to bob. */
static unsigned int count_bobs(struct bpf_switch *sw, int family)
{
	unsigned int bobs = 0;

	for (int i = 0; i < 64; i++) {
		struct outcome how;
		__u16 port = (__u16)(40000 + i);
		struct plan plan = plan_for(
			sw, &alice,
			SAY(.from = &alice, .to = &bob, .family = family, .source_port = port,
			    .destination = of(family, "10.1.0.100", "fd00:1::100")), &how);
		bool bobs_own = how.slot == bpf_switch_slot(sw, "bob");

		assert_delivered(how, bobs_own ? &bob : &carol);
		/* The sender is who it is, and its port stays. */
		expect_ends(&plan, address_of(&alice, family), port,
			    address_of(bobs_own ? &bob : &carol, family), 8443);
		assert_int_equal(plan.port_low, 0);
		bobs += bobs_own;
	}
	return bobs;
}

static void a_balancer_spreads_flows_as_its_affinity_says(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		unsigned int bobs;

		TOWN(sw, .rest = LBS("5-tuple"));
		assert_in_range(count_bobs(sw, family), 12, 52);
		TOWN(sw, .rest = LBS("3-tuple"));
		bobs = count_bobs(sw, family);
		assert_true(bobs == 0 || bobs == 64);
		TOWN(sw, .rest = LBS("2-tuple"));
		bobs = count_bobs(sw, family);
		assert_true(bobs == 0 || bobs == 64);
	}
}

#define SERVED_BY(backends)                                                            \
	"lbs: [{name: l4, vnet: blue, frontend: \"10.1.0.100:443\", protocol: Udp, "    \
	"backends: [" backends "]}, {name: l6, vnet: blue, frontend: \"[fd00:1::100]:443\", " \
	"protocol: Udp, backends: [" backends "]}]\n"

/* Flows that live go on to the backend they have, whoever joins it, until it is none. */
static void expect_backend(struct bpf_switch *sw, int family, const struct actor *backend)
{
	for (int i = 0; i < 16; i++)
		assert_delivered(send_via(sw, VIA_TC, &alice,
					  SAY(.from = &alice, .to = &bob, .family = family,
					      .source_port = (__u16)(40000 + i),
					      .destination = of(family, "10.1.0.100",
								"fd00:1::100"))),
				 backend);
}

static void a_flow_stays_with_its_backend_while_it_is_one(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		TOWN(sw, .rest = SERVED_BY("bob"));
		expect_backend(sw, family, &bob);
		TOWN(sw, .rest = SERVED_BY("carol, bob"));
		expect_backend(sw, family, &bob);
		TOWN(sw, .rest = SERVED_BY("carol"));
		expect_backend(sw, family, &carol);
	}
}

static void a_frontend_is_one_port_of_its_vnet_alone(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .rest = LBS("5-tuple"));
	FOR_EACH_FAMILY(family) {
		const char *frontend = of(family, "10.1.0.100", "fd00:1::100");

		assert_dropped(peek_frame(sw, &alice, SAY(.from = &alice, .to = &bob,
							  .family = family, .destination_port = 444,
							  .destination = frontend)),
			       DROP_NO_ENDPOINT);
		assert_dropped(peek_frame(sw, &dave, SAY(.from = &dave, .to = &erin,
							 .family = family,
							 .destination = frontend)), DROP_NO_ROUTE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(inside_a_vnet_nothing_is_planned),
		TEST(a_public_address_is_its_ports_whole),
		TEST(a_gateway_keeps_ports_of_its_range_and_draws_others),
		TEST(identifiers_are_planned_as_ports_are),
		TEST(who_has_a_public_address_is_seen_as_that),
		TEST(where_nothing_is_asked_for_nobody_is),
		TEST(without_an_address_outside_there_is_no_way_there),
		TEST(a_balancer_spreads_flows_as_its_affinity_says),
		TEST(a_flow_stays_with_its_backend_while_it_is_one),
		TEST(a_frontend_is_one_port_of_its_vnet_alone),
	};

	return RUN_TESTS(tests);
}
