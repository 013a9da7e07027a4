/* SPDX-License-Identifier: BSD-2-Clause */
/* Flows in time: idle timeouts, quotas, and what becomes of them when the policy changes. */
#include "tests/harness/talk.h"

#include <netinet/in.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "bpf/sluice.skel.h"

static const unsigned int idle_seconds[] = {
#define X(identifier, name, seconds, text) seconds,
	FLOW_STATES(X)
#undef X
};

static void udp_flow_lives_longer_once_it_is_answered(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame query = datagram(&alice, &bob, family, 4000, 53);
		struct outcome outcome = send_frame(sw, &alice, query);

		assert_delivered(outcome, &bob);
		assert_int_equal(outcome.trace.state, TRACE_STATE_NEW);
		assert_int_equal(flow_between(sw, &alice, &bob, family)->state, FLOW_UDP_ONE_WAY);
		assert_delivered(send_frame(sw, &alice, query), &bob);
		assert_int_equal(flow_between(sw, &alice, &bob, family)->state, FLOW_UDP_ONE_WAY);
		outcome = send_frame(sw, &bob, datagram(&bob, &alice, family, 53, 4000));
		assert_delivered(outcome, &alice);
		assert_int_equal(outcome.trace.state, TRACE_STATE_ESTABLISHED);
		assert_int_equal(flow_between(sw, &alice, &bob, family)->state, FLOW_UDP);
	}
}

static void icmp_query_and_reply_are_one_flow(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .alice = "nsg: n",
	     .rest = "nsgs: {n: {rules: [{name: no, priority: 100, direction: Inbound,"
		     " access: Deny}]}}");
	FOR_EACH_FAMILY(family) {
		__u8 request = family == AF_INET ? 8 : 128;
		struct outcome outcome;

		assert_delivered(send_frame(sw, &alice,
					    SAY(.from = &alice, .to = &bob, .family = family,
						.protocol = IPPROTO_ICMP, .icmp_type = request,
						.icmp_id = 7)),
				 &bob);
		assert_int_equal(flow_between(sw, &alice, &bob, family)->state, FLOW_ICMP);
		outcome = send_frame(sw, &bob,
				     SAY(.from = &bob, .to = &alice, .family = family,
					 .protocol = IPPROTO_ICMP, .icmp_id = 7,
					 .icmp_type = family == AF_INET ? 0 : 129));
		assert_delivered(outcome, &alice);
		assert_int_equal(outcome.trace.state, TRACE_STATE_ESTABLISHED);
		/* Neither a reply to something else nor a request comes in on it. */
		assert_dropped(send_frame(sw, &bob,
					  SAY(.from = &bob, .to = &alice, .family = family,
					      .protocol = IPPROTO_ICMP, .icmp_id = 8,
					      .icmp_type = family == AF_INET ? 0 : 129)),
			       DROP_NSG_DENY);
		assert_dropped(send_frame(sw, &bob,
					  SAY(.from = &bob, .to = &alice, .family = family,
					      .protocol = IPPROTO_ICMP, .icmp_id = 7,
					      .icmp_type = request)),
			       DROP_NSG_DENY);
	}
}

static void flow_is_found_until_its_idle_time_is_out(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (int of = FLOW_SYN_SENT; of < FLOW_STATE_COUNT; of++) {
			struct frame frame = datagram(&alice, &bob, family, 4000, 53);
			const struct known_flow *flow;

			assert_delivered(send_frame(sw, &alice, frame), &bob);
			flow = known_between(sw, &alice, &bob, family);
			assert_non_null(flow);
			flow->line->state = (__u8)of;
			flows_age(sw, idle_seconds[of] - 2);
			assert_int_equal(peek_frame(sw, &alice, frame).trace.state,
					 TRACE_STATE_ESTABLISHED);
			flows_age(sw, 4);
			assert_int_equal(peek_frame(sw, &alice, frame).trace.state,
					 TRACE_STATE_NEW);
			flows_clear(sw);
		}
}

static void expired_entry_is_taken_over_and_counted_once(void **state)
{
	struct bpf_switch *sw = *state;
	__u32 slot = bpf_switch_slot(sw, "alice");

	FOR_EACH_FAMILY(family)
		for (int round = 0; round < 3; round++) {
			assert_delivered(
				send_frame(sw, &alice, datagram(&alice, &bob, family, 4000, 53)),
				&bob);
			assert_int_equal(flow_between(sw, &alice, &bob, family)->packets[0] +
						 flow_between(sw, &alice, &bob, family)->packets[1],
					 1);
			assert_int_equal(sw->flow_usage[slot], flow_count(sw));
			flows_age(sw, 10000);
		}
}

static void threat_12_port_at_its_limit_stops_only_itself(void **state)
{
	struct bpf_switch *sw = *state;
	__u32 slot;

	TOWN(sw, .alice = "flowLimit: 5");
	slot = bpf_switch_slot(sw, "alice");
	for (__u16 port = 1; port <= 5; port++)
		assert_delivered(
			send_frame(sw, &alice,
				   datagram(&alice, &bob, port % 2 ? AF_INET : AF_INET6, port, 53)),
			&bob);
	FOR_EACH_FAMILY(family) {
		assert_dropped(send_frame(sw, &alice, datagram(&alice, &bob, family, 6, 53)),
			       DROP_FLOW_LIMIT);
		assert_int_equal(sw->flow_usage[slot], 5);
		/* Its flows live on, its neighbours open new ones, towards it as well. */
		for (__u16 port = 1; port <= 5; port++)
			assert_delivered(
				send_frame(sw, &alice,
					   datagram(&alice, &bob, port % 2 ? AF_INET : AF_INET6,
						    port, 53)),
				&bob);
		for (__u16 port = 1; port <= 20; port++)
			assert_delivered(
				send_frame(sw, &bob, datagram(&bob, &alice, family, port, 80)),
				&alice);
	}
	assert_int_equal(sw->flow_usage[slot], 5);
	assert_int_equal(sw->flow_usage[bpf_switch_slot(sw, "bob")], 40);
	assert_int_equal(flow_count(sw), 45);
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void sweeper_gives_quotas_back_without_a_process(void **state)
{
	struct bpf_switch *sw = *state;
	__u32 slot = bpf_switch_slot(sw, "alice");
	struct frame frame = datagram(&alice, &bob, AF_INET, 1, 53);
	double deadline = seconds_now() + 30;
	size_t count;

	for (__u16 port = 1; port <= 100; port++)
		assert_delivered(send_frame(sw, &alice, datagram(&alice, &bob, AF_INET6, port, 53)),
				 &bob);
	flows_age(sw, 10000);
	assert_delivered(send_frame(sw, &alice, frame), &bob);
	run_tc(bpf_program__fd(sw->skeleton->progs.sluice_start), 0, &frame, NULL);
	while (sw->flow_usage[slot] > 1 && seconds_now() < deadline)
		usleep(20000);
	assert_int_equal(sw->flow_usage[slot], 1);
	/* Also says that the others' tags went with them. */
	free(flow_entries(sw, &count));
	assert_int_equal(count, 1);
	assert_int_equal(peek_frame(sw, &alice, frame).trace.state, TRACE_STATE_ESTABLISHED);
	sw->control->sweep_generation++;
}

/* --- change ------------------------------------------------------------------------------ */

#define DENY_443                                                                             \
	"rules: [{name: no, priority: 100, direction: Inbound, access: Deny, protocol: Tcp," \
	" destinationPorts: ['443']}]"
#define DENY_80                                                                  \
	"rules: [{name: other, priority: 100, direction: Inbound, access: Deny," \
	" protocol: Tcp, destinationPorts: ['80']}]"

static void established_flow_survives_an_unrelated_rule_change(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);
		const struct sluice_flow *flow;

		TOWN(sw, .bob = "nsg: n", .rest = "nsgs: {n: {}}");
		shake_hands(&c);
		TOWN(sw, .bob = "nsg: n", .rest = "nsgs: {n: {" DENY_80 "}}");
		assert_delivered(client_says(&c, FLAG_ACK, 10), &bob);
		assert_delivered(server_says(&c, FLAG_ACK, 10), &alice);
		assert_int_equal(state_of(&c), FLOW_ESTABLISHED);
		flow = flow_between(sw, &alice, &bob, family);
		assert_int_equal(flow->version, sw->version);
		assert_int_equal(flow->packets[0] + flow->packets[1], 5);
		assert_int_equal(sw->flow_usage[bpf_switch_slot(sw, "alice")], 1);
		flows_clear(sw);
	}
}

static void threat_26_old_connection_after_a_new_deny(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (int first_from_server = 0; first_from_server < 2; first_from_server++) {
			struct connection c = connection_between(sw, &alice, &bob, family);
			struct outcome outcome;

			TOWN(sw, .bob = "nsg: n", .rest = "nsgs: {n: {}}");
			shake_hands(&c);
			TOWN(sw, .bob = "nsg: n", .rest = "nsgs: {n: {" DENY_443 "}}");
			/* Whichever end speaks first: what is judged is who opened it. */
			outcome = first_from_server ? server_says(&c, FLAG_ACK, 10)
						    : client_says(&c, FLAG_ACK, 10);
			assert_dropped(outcome, DROP_NSG_DENY);
			assert_int_equal(outcome.trace.rule, bpf_switch_rule(sw, "nsg/n/in/no"));
			assert_true(client_says(&c, FLAG_ACK, 10).reason);
			assert_true(server_says(&c, FLAG_ACK, 10).reason);
			assert_int_equal(flow_count(sw), 0);
			assert_int_equal(sw->flow_usage[bpf_switch_slot(sw, "alice")], 0);
		}
}

static void threat_26_keep_lets_old_connections_run(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);

		TOWN(sw, .bob = "nsg: n", .rest = "nsgs: {n: {existingFlows: keep}}");
		shake_hands(&c);
		TOWN(sw, .bob = "nsg: n", .rest = "nsgs: {n: {existingFlows: keep, " DENY_443 "}}");
		assert_delivered(client_says(&c, FLAG_ACK, 10), &bob);
		assert_delivered(server_says(&c, FLAG_ACK, 10), &alice);
		c.client_port++;
		assert_dropped(client_says(&c, FLAG_SYN, 0), DROP_NSG_DENY);
		flows_clear(sw);
	}
}

static void threat_26_keep_that_is_withdrawn_no_longer_holds(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);

		TOWN(sw, .bob = "nsg: n", .rest = "nsgs: {n: {existingFlows: keep}}");
		shake_hands(&c);
		TOWN(sw, .bob = "nsg: n",
		     .rest = "nsgs: {n: {existingFlows: recheck, " DENY_443 "}}");
		assert_dropped(client_says(&c, FLAG_ACK, 10), DROP_NSG_DENY);
		flows_clear(sw);
	}
}

static void keep_of_one_nsg_does_not_speak_for_another(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);

		TOWN(sw, .alice = "nsg: a", .bob = "nsg: n",
		     .rest = "nsgs: {n: {existingFlows: keep}, a: {}}");
		shake_hands(&c);
		TOWN(sw, .alice = "nsg: a", .bob = "nsg: n",
		     .rest = "nsgs: {a: {}, n: {existingFlows: keep, " DENY_443 "}}");
		assert_dropped(client_says(&c, FLAG_ACK, 10), DROP_NSG_DENY);
		flows_clear(sw);
	}
}

static void kept_flow_still_meets_acls_and_routes(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);

		TOWN(sw, .bob = "nsg: n", .rest = "nsgs: {n: {existingFlows: keep}}");
		shake_hands(&c);
		TOWN(sw, .bob = "nsg: n",
		     .rest = "nsgs: {n: {existingFlows: keep}}\n"
			     "acls: [{name: a, appliesTo: switch, rules: [{name: no,"
			     " direction: Outbound, access: Deny, destinationPorts: ['443']}]}]");
		assert_dropped(client_says(&c, FLAG_ACK, 10), DROP_ACL_DENY);
		assert_delivered(server_says(&c, FLAG_ACK, 10), &alice);
		flows_clear(sw);
	}
}

static void new_acl_reaches_each_direction_of_an_old_flow(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);

		TOWN(sw, NULL);
		shake_hands(&c);
		TOWN(sw, .rest = "acls: [{name: a, appliesTo: switch, rules: [{name: no,"
				 " direction: Inbound, access: Deny, sourcePorts: ['443']}]}]");
		/* The direction that is allowed renews the verdict for itself alone. */
		assert_delivered(client_says(&c, FLAG_ACK, 10), &bob);
		assert_dropped(server_says(&c, FLAG_ACK, 10), DROP_ACL_DENY);
		assert_delivered(client_says(&c, FLAG_ACK, 10), &bob);
		assert_dropped(server_says(&c, FLAG_ACK, 10), DROP_ACL_DENY);
		flows_clear(sw);
	}
}

static void flow_of_a_removed_port_is_not_delivered(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame frames[2];

	FOR_EACH_FAMILY(family) {
		frames[family == AF_INET6] = datagram(&alice, &bob, family, 4000, 53);
		assert_delivered(send_frame(sw, &alice, frames[family == AF_INET6]), &bob);
	}
	bpf_switch_apply(sw, "apiVersion: sluice/v1\nswitch: {name: town}\n"
			     "vnets: [{name: blue, vni: 5001, prefixes: [10.1.0.0/16,"
			     " 'fd00:1::/48'], subnets: [{name: web, prefixes: [10.1.1.0/24,"
			     " 'fd00:1:0:1::/64']}]}]\n"
			     "ports: [{name: alice, device: p1, vnet: blue, subnet: web,"
			     " mac: '02:00:00:00:00:a1', addresses: [10.1.1.4,"
			     " 'fd00:1:0:1::4']}]\n");
	for (int i = 0; i < 2; i++)
		assert_dropped(send_frame(sw, &alice, frames[i]), DROP_NO_ENDPOINT);
}

static void threat_22_address_given_to_another_port_takes_its_flows_along(void **state)
{
	static const struct actor heir = {
		"heir", "p6", { 2, 0, 0, 0, 0, 0xbb }, "10.1.1.5", "fd00:1:0:1::5"
	};
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		assert_delivered(send_frame(sw, &alice, datagram(&alice, &bob, family, 4000, 53)),
				 &bob);
	bpf_switch_apply(sw, "apiVersion: sluice/v1\nswitch: {name: town}\n"
			     "vnets: [{name: blue, vni: 5001, prefixes: [10.1.0.0/16,"
			     " 'fd00:1::/48'], subnets: [{name: web, prefixes: [10.1.1.0/24,"
			     " 'fd00:1:0:1::/64']}]}]\n"
			     "ports: [{name: alice, device: p1, vnet: blue, subnet: web,"
			     " mac: '02:00:00:00:00:a1', addresses: [10.1.1.4,"
			     " 'fd00:1:0:1::4']},"
			     "{name: heir, device: p6, vnet: blue, subnet: web,"
			     " mac: '02:00:00:00:00:bb', addresses: [10.1.1.5,"
			     " 'fd00:1:0:1::5']}]\n");
	FOR_EACH_FAMILY(family) {
		struct frame frame = datagram(&alice, &heir, family, 4000, 53);
		struct outcome outcome = send_frame(sw, &alice, frame);

		assert_delivered(outcome, &heir);
		assert_frame(outcome.out, forwarded(&frame, switch_address, heir.mac, 0));
		outcome = send_frame(sw, &heir, datagram(&heir, &alice, family, 53, 4000));
		assert_delivered(outcome, &alice);
		assert_int_equal(outcome.trace.state, TRACE_STATE_ESTABLISHED);
		assert_non_null(flow_between(sw, &heir, &alice, family));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(udp_flow_lives_longer_once_it_is_answered),
		TEST(icmp_query_and_reply_are_one_flow),
		TEST(flow_is_found_until_its_idle_time_is_out),
		TEST(expired_entry_is_taken_over_and_counted_once),
		TEST(threat_12_port_at_its_limit_stops_only_itself),
		TEST(sweeper_gives_quotas_back_without_a_process),
		TEST(established_flow_survives_an_unrelated_rule_change),
		TEST(threat_26_old_connection_after_a_new_deny),
		TEST(threat_26_keep_lets_old_connections_run),
		TEST(threat_26_keep_that_is_withdrawn_no_longer_holds),
		TEST(keep_of_one_nsg_does_not_speak_for_another),
		TEST(kept_flow_still_meets_acls_and_routes),
		TEST(new_acl_reaches_each_direction_of_an_old_flow),
		TEST(flow_of_a_removed_port_is_not_delivered),
		TEST(threat_22_address_given_to_another_port_takes_its_flows_along),
	};

	return RUN_TESTS(tests);
}
