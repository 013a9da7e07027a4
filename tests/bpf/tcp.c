/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP connections: what opens, moves and closes them, and what is no part of them. */
#include "tests/harness/talk.h"

#include <netinet/in.h>

static void connection_goes_through_its_states(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &carol, family);

		assert_delivered(client_says(&c, FLAG_SYN, 0), &carol);
		assert_int_equal(state_of(&c), FLOW_SYN_SENT);
		assert_delivered(server_says(&c, FLAG_SYN | FLAG_ACK, 0), &alice);
		assert_int_equal(state_of(&c), FLOW_SYN_RECEIVED);
		assert_delivered(client_says(&c, FLAG_ACK, 0), &carol);
		assert_int_equal(state_of(&c), FLOW_ESTABLISHED);
		assert_delivered(client_says(&c, FLAG_PSH | FLAG_ACK, 100), &carol);
		assert_delivered(server_says(&c, FLAG_PSH | FLAG_ACK, 900), &alice);
		assert_delivered(client_says(&c, FLAG_FIN | FLAG_ACK, 0), &carol);
		assert_int_equal(state_of(&c), FLOW_FIN_WAIT);
		/* Half closed: the other side may still send. */
		assert_delivered(server_says(&c, FLAG_PSH | FLAG_ACK, 500), &alice);
		assert_int_equal(state_of(&c), FLOW_FIN_WAIT);
		assert_delivered(server_says(&c, FLAG_FIN | FLAG_ACK, 0), &alice);
		assert_int_equal(state_of(&c), FLOW_CLOSED);
		assert_delivered(client_says(&c, FLAG_ACK, 0), &carol);
		assert_int_equal(state_of(&c), FLOW_CLOSED);
	}
}

static void entry_counts_both_directions_and_the_rules(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .carol = "nsg: n", .rest = "nsgs: {n: {}}");
	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &carol, family);
		size_t header = family == AF_INET ? 54 : 74;
		const struct sluice_flow *flow;
		int client;

		shake_hands(&c);
		client_says(&c, FLAG_ACK, 100);
		server_says(&c, FLAG_ACK, 700);
		flow = flow_between(sw, &alice, &carol, family);
		assert_non_null(flow);
		client = flow->originator;
		assert_int_equal(flow->slot[client], bpf_switch_slot(sw, "alice"));
		assert_int_equal(flow->slot[!client], bpf_switch_slot(sw, "carol"));
		assert_int_equal(flow->packets[client], 3);
		assert_int_equal(flow->packets[!client], 2);
		assert_int_equal(flow->bytes[client], 3 * header + 100);
		assert_int_equal(flow->bytes[!client], 2 * header + 700);
		assert_int_equal(flow->rule[3], bpf_switch_rule(sw, "nsg/n/in/65000"));
		assert_int_equal(flow->version, sw->version);
	}
}

static void threat_10_segment_in_mid_stream_opens_nothing(void **state)
{
	static const __u8 flags[] = {
		FLAG_ACK, FLAG_PSH | FLAG_ACK, FLAG_SYN | FLAG_ACK, FLAG_FIN | FLAG_ACK,
		FLAG_RST, FLAG_RST | FLAG_ACK
	};
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (size_t i = 0; i < sizeof(flags); i++) {
			struct connection c = connection_between(sw, &alice, &bob, family);

			assert_dropped(client_says(&c, flags[i], 0), DROP_TCP_STATE);
			assert_int_equal(flow_count(sw), 0);
		}
}

static void threat_10_loose_mode_takes_a_connection_in_mid_stream(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .switch_keys = "tcp: loose");
	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);

		assert_delivered(client_says(&c, FLAG_ACK, 10), &bob);
		assert_delivered(server_says(&c, FLAG_ACK, 10), &alice);
		assert_int_equal(state_of(&c), FLOW_ESTABLISHED);
		flows_clear(sw);
		/* A reset out of nowhere ends what its receiver may still have open. */
		assert_delivered(client_says(&c, FLAG_RST, 0), &bob);
		assert_int_equal(state_of(&c), FLOW_CLOSED);
		flows_clear(sw);
	}
}

static void threat_10_syn_in_a_live_flow(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);

		shake_hands(&c);
		assert_dropped(client_forges(&c, FLAG_SYN, c.client_next, 0), DROP_TCP_STATE);
		assert_dropped(client_forges(&c, FLAG_SYN, 77777, 0), DROP_TCP_STATE);
		assert_dropped(server_forges(&c, FLAG_SYN, c.server_next, 0), DROP_TCP_STATE);
		assert_int_equal(state_of(&c), FLOW_ESTABLISHED);
		assert_delivered(client_says(&c, FLAG_ACK, 10), &bob);
	}
}

static void threat_10_blind_reset(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);

		shake_hands(&c);
		client_says(&c, FLAG_ACK, 100);
		server_says(&c, FLAG_ACK, 100);
		client_says(&c, FLAG_ACK, 0);
		assert_dropped(client_forges(&c, FLAG_RST, c.client_next + 0x20000000, 0),
			       DROP_TCP_STATE);
		assert_dropped(client_forges(&c, FLAG_RST, c.client_next - 0x20000000, 0),
			       DROP_TCP_STATE);
		assert_dropped(server_forges(&c, FLAG_RST, c.server_next + 0x20000000, 0),
			       DROP_TCP_STATE);
		assert_int_equal(state_of(&c), FLOW_ESTABLISHED);
		assert_delivered(client_says(&c, FLAG_ACK, 10), &bob);
		assert_delivered(server_says(&c, FLAG_ACK, 10), &alice);
		/* And the honest one. */
		assert_delivered(server_says(&c, FLAG_RST, 0), &alice);
		assert_int_equal(state_of(&c), FLOW_CLOSED);
	}
}

static void refused_connection_is_closed_by_an_acceptable_reset_only(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);

		assert_delivered(client_says(&c, FLAG_SYN, 0), &bob);
		assert_dropped(server_forges(&c, FLAG_RST | FLAG_ACK, 0, c.client_next - 5),
			       DROP_TCP_STATE);
		assert_dropped(
			server_forges(&c, FLAG_RST | FLAG_ACK, 0, c.client_next + 0x20000000),
			DROP_TCP_STATE);
		assert_dropped(server_forges(&c, FLAG_RST, c.server_next, 0), DROP_TCP_STATE);
		assert_int_equal(state_of(&c), FLOW_SYN_SENT);
		assert_delivered(server_forges(&c, FLAG_RST | FLAG_ACK, 0, c.client_next), &alice);
		assert_int_equal(state_of(&c), FLOW_CLOSED);
	}
}

static void threat_10_invalid_segment_never_extends_a_flow(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);
		const struct sluice_flow *flow;
		__u32 last_seen;
		__u64 packets;

		shake_hands(&c);
		flows_age(sw, 100);
		flow = flow_between(sw, &alice, &bob, family);
		assert_non_null(flow);
		last_seen = flow->last_seen;
		packets = flow->packets[0] + flow->packets[1];
		assert_dropped(client_forges(&c, FLAG_SYN, 5, 0), DROP_TCP_STATE);
		assert_dropped(client_forges(&c, FLAG_RST, c.client_next + 0x20000000, 0),
			       DROP_TCP_STATE);
		flow = flow_between(sw, &alice, &bob, family);
		assert_int_equal(flow->last_seen, last_seen);
		assert_int_equal(flow->packets[0] + flow->packets[1], packets);
		assert_delivered(client_says(&c, FLAG_ACK, 1), &bob);
		assert_int_not_equal(flow_between(sw, &alice, &bob, family)->last_seen, last_seen);
	}
}

static void lost_handshake_segments_are_sent_again(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);

		assert_delivered(client_says(&c, FLAG_SYN, 0), &bob);
		assert_delivered(client_forges(&c, FLAG_SYN, 1000, 0), &bob);
		assert_delivered(server_says(&c, FLAG_SYN | FLAG_ACK, 0), &alice);
		assert_delivered(server_forges(&c, FLAG_SYN | FLAG_ACK, 0xfffffff0, 1001), &alice);
		assert_delivered(client_says(&c, FLAG_ACK, 0), &bob);
		assert_int_equal(state_of(&c), FLOW_ESTABLISHED);
	}
}

static void both_ends_may_open_at_once(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);

		assert_delivered(client_says(&c, FLAG_SYN, 0), &bob);
		assert_delivered(server_says(&c, FLAG_SYN, 0), &alice);
		assert_delivered(client_forges(&c, FLAG_SYN | FLAG_ACK, 1000, c.server_next), &bob);
		assert_delivered(server_forges(&c, FLAG_SYN | FLAG_ACK, 0xfffffff0, c.client_next),
				 &alice);
		assert_delivered(client_says(&c, FLAG_ACK, 10), &bob);
		assert_delivered(server_says(&c, FLAG_ACK, 10), &alice);
		assert_int_equal(state_of(&c), FLOW_ESTABLISHED);
	}
}

static void closed_connection_opens_anew_as_a_new_flow(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);
		struct outcome outcome;

		shake_hands(&c);
		client_says(&c, FLAG_FIN | FLAG_ACK, 0);
		server_says(&c, FLAG_FIN | FLAG_ACK, 0);
		assert_int_equal(state_of(&c), FLOW_CLOSED);
		c.client_next = 90000;
		c.server_next = 5;
		outcome = client_says(&c, FLAG_SYN, 0);
		assert_delivered(outcome, &bob);
		assert_int_equal(outcome.trace.state, TRACE_STATE_NEW);
		assert_int_equal(state_of(&c), FLOW_SYN_SENT);
		assert_delivered(server_says(&c, FLAG_SYN | FLAG_ACK, 0), &alice);
		assert_delivered(client_says(&c, FLAG_ACK, 0), &bob);
		assert_int_equal(state_of(&c), FLOW_ESTABLISHED);
		assert_int_equal(sw->flow_usage[bpf_switch_slot(sw, "alice")],
				 family == AF_INET ? 1 : 2);
	}
}

static void closed_connection_opened_from_the_other_end_is_policed(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .alice = "nsg: n",
	     .rest = "nsgs: {n: {rules: [{name: no, priority: 100, direction: Inbound,"
		     " access: Deny}]}}");
	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);

		shake_hands(&c);
		client_says(&c, FLAG_FIN | FLAG_ACK, 0);
		server_says(&c, FLAG_FIN | FLAG_ACK, 0);
		assert_dropped(server_forges(&c, FLAG_SYN, 5, 0), DROP_NSG_DENY);
	}
}

static void acknowledgment_out_of_nowhere_does_not_establish(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct connection c = connection_between(sw, &alice, &bob, family);

		assert_delivered(client_says(&c, FLAG_SYN, 0), &bob);
		/* No SYN+ACK yet: nobody has anything to acknowledge. */
		assert_dropped(client_forges(&c, FLAG_ACK, c.client_next, 55), DROP_TCP_STATE);
		assert_int_equal(state_of(&c), FLOW_SYN_SENT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(connection_goes_through_its_states),
		TEST(entry_counts_both_directions_and_the_rules),
		TEST(threat_10_segment_in_mid_stream_opens_nothing),
		TEST(threat_10_loose_mode_takes_a_connection_in_mid_stream),
		TEST(threat_10_syn_in_a_live_flow),
		TEST(threat_10_blind_reset),
		TEST(refused_connection_is_closed_by_an_acceptable_reset_only),
		TEST(threat_10_invalid_segment_never_extends_a_flow),
		TEST(lost_handshake_segments_are_sent_again),
		TEST(both_ends_may_open_at_once),
		TEST(closed_connection_opens_anew_as_a_new_flow),
		TEST(closed_connection_opened_from_the_other_end_is_policed),
		TEST(acknowledgment_out_of_nowhere_does_not_establish),
	};

	return RUN_TESTS(tests);
}
