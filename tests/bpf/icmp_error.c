/* SPDX-License-Identifier: BSD-2-Clause */
/* ICMP errors belong to the flow of the packet they quote, and pass only if it exists. */
#include "tests/harness/talk.h"

#include <netinet/in.h>
#include <string.h>

/* `from` tells `to` that the quoted packet's port is unreachable. */
static struct frame unreachable(const struct actor *from, const struct actor *to, int family,
				const struct frame *quote)
{
	return SAY(.from = from, .to = to, .family = family, .protocol = IPPROTO_ICMP,
		   .icmp_type = family == AF_INET ? 3 : 1, .icmp_code = family == AF_INET ? 3 : 4,
		   .quote = quote);
}

#define NOTHING_COMES_IN_TO_ALICE                                                           \
	.alice = "nsg: closed", .rest = "nsgs: {closed: {rules: [{name: no, priority: 100," \
					" direction: Inbound, access: Deny}]}}"

static void error_about_a_live_flow_is_related(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, NOTHING_COMES_IN_TO_ALICE);
	FOR_EACH_FAMILY(family) {
		struct frame query = datagram(&alice, &carol, family, 4000, 53);
		struct frame error = unreachable(&carol, &alice, family, &query);
		struct outcome outcome;

		assert_delivered(send_frame(sw, &alice, query), &carol);
		outcome = send_frame(sw, &carol, error);
		assert_delivered(outcome, &alice);
		assert_int_equal(outcome.trace.state, TRACE_STATE_RELATED);
		assert_frame(outcome.out, forwarded(&error, switch_address, alice.mac, 1));
		assert_int_equal(flow_count(sw), family == AF_INET ? 1 : 2);
	}
}

static void every_kind_of_error_is_understood(void **state)
{
	static const __u8 kinds4[] = { 3, 11, 12 }, kinds6[] = { 1, 2, 3, 4 };
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame query = datagram(&alice, &carol, family, 4000, 53);

		assert_delivered(send_frame(sw, &alice, query), &carol);
		for (int i = 0; i < (family == AF_INET ? 3 : 4); i++)
			assert_delivered(
				send_frame(sw, &carol,
					   SAY(.from = &carol, .to = &alice, .family = family,
					       .protocol = IPPROTO_ICMP, .quote = &query,
					       .icmp_type =
						       family == AF_INET ? kinds4[i] : kinds6[i])),
				&alice);
	}
}

static void error_about_tcp_and_echo_is_related(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, NOTHING_COMES_IN_TO_ALICE);
	FOR_EACH_FAMILY(family) {
		struct frame syn = SAY(.from = &alice, .to = &bob, .family = family,
				       .protocol = IPPROTO_TCP, .flags = FLAG_SYN);
		struct frame echo =
			SAY(.from = &alice, .to = &bob, .family = family, .protocol = IPPROTO_ICMP,
			    .icmp_id = 9, .icmp_type = family == AF_INET ? 8 : 128);

		assert_delivered(send_frame(sw, &alice, syn), &bob);
		assert_delivered(send_frame(sw, &bob, unreachable(&bob, &alice, family, &syn)),
				 &alice);
		assert_delivered(send_frame(sw, &alice, echo), &bob);
		assert_delivered(send_frame(sw, &bob, unreachable(&bob, &alice, family, &echo)),
				 &alice);
	}
}

static void threat_11_error_that_quotes_no_live_flow(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame query = datagram(&alice, &carol, family, 4000, 53);
		struct frame other = datagram(&alice, &carol, family, 4001, 53);
		struct frame reply = datagram(&carol, &alice, family, 53, 4000);

		assert_dropped(send_frame(sw, &carol, unreachable(&carol, &alice, family, &query)),
			       DROP_ICMP_UNRELATED);
		assert_delivered(send_frame(sw, &alice, query), &carol);
		/* Other ports; a packet carol would have sent herself. */
		assert_dropped(send_frame(sw, &carol, unreachable(&carol, &alice, family, &other)),
			       DROP_ICMP_UNRELATED);
		assert_dropped(send_frame(sw, &carol, unreachable(&carol, &alice, family, &reply)),
			       DROP_ICMP_UNRELATED);
		/* To somebody who did not send the quoted packet. */
		assert_dropped(send_frame(sw, &carol, unreachable(&carol, &bob, family, &query)),
			       DROP_ICMP_UNRELATED);
		/* The same words in another vnet. */
		query = datagram(&dave, &erin, family, 4000, 53);
		assert_dropped(send_frame(sw, &erin, unreachable(&erin, &dave, family, &query)),
			       DROP_ICMP_UNRELATED);
	}
}

static void threat_11_third_party_has_no_say_in_a_flow(void **state)
{
	struct bpf_switch *sw = *state;

	/* No guest is a router between two others: only the switch itself is. */
	FOR_EACH_FAMILY(family) {
		struct frame query = datagram(&alice, &carol, family, 4000, 53);

		assert_delivered(send_frame(sw, &alice, query), &carol);
		assert_dropped(send_frame(sw, &bob, unreachable(&bob, &alice, family, &query)),
			       DROP_ICMP_UNRELATED);
	}
}

/* A burst passes; what a flood sends beyond it does not, and the next flow has its own allowance. */
static void threat_11_errors_about_a_flow_are_rate_limited(void **state)
{
	struct bpf_switch *sw = *state;
	int passed = 0;

	FOR_EACH_FAMILY(family) {
		struct frame query = datagram(&alice, &carol, family, 4000, 53);
		struct frame other = datagram(&alice, &carol, family, 4001, 53);
		struct frame error = unreachable(&carol, &alice, family, &query);
		struct outcome outcome;

		assert_delivered(send_frame(sw, &alice, query), &carol);
		assert_delivered(send_frame(sw, &alice, other), &carol);
		for (passed = 0; passed < 100000; passed++) {
			outcome = send_frame(sw, &carol, error);
			if (outcome.reason == DROP_ICMP_RATE)
				break;
			assert_delivered(outcome, &alice);
		}
		assert_in_range(passed, 64, 99999);
		assert_delivered(send_frame(sw, &carol,
					    unreachable(&carol, &alice, family, &other)),
				 &alice);
	}
}

static void threat_11_error_extends_no_flow(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame query = datagram(&alice, &carol, family, 4000, 53);
		const struct sluice_flow *flow;
		__u32 last_seen;

		assert_delivered(send_frame(sw, &alice, query), &carol);
		flows_age(sw, 20);
		flow = flow_between(sw, &alice, &carol, family);
		assert_non_null(flow);
		last_seen = flow->last_seen;
		assert_delivered(
			send_frame(sw, &carol, unreachable(&carol, &alice, family, &query)),
			&alice);
		flow = flow_between(sw, &alice, &carol, family);
		assert_int_equal(flow->last_seen, last_seen);
		assert_int_equal(flow->state, FLOW_UDP_ONE_WAY);
	}
}

static void error_meets_the_acls(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .alice = "acl: a",
	     .rest = "acls: [{name: a, appliesTo: ports, rules: [{name: no, direction: Inbound,"
		     " access: Deny, protocol: Icmp}]}]");
	FOR_EACH_FAMILY(family) {
		struct frame query = datagram(&alice, &carol, family, 4000, 53);

		assert_delivered(send_frame(sw, &alice, query), &carol);
		assert_dropped(send_frame(sw, &carol, unreachable(&carol, &alice, family, &query)),
			       DROP_ACL_DENY);
	}
}

static void quoted_packet_cut_short(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame query = datagram(&alice, &carol, family, 4000, 53);
		size_t header = family == AF_INET ? 20 : 40;

		assert_delivered(send_frame(sw, &alice, query), &carol);
		/* RFC 792 promises eight bytes behind the IP header: enough. Fewer are not. */
		for (size_t keep = 0; keep <= header + 8; keep++) {
			struct frame error = unreachable(&carol, &alice, family, &query);
			struct outcome outcome;

			error.length = 14 + header + 8 + keep;
			frame_set16(
				&error, family == AF_INET ? 16 : 18,
				(__u16)(family == AF_INET ? error.length - 14 : error.length - 54));
			checksums_write(&error);
			outcome = send_frame(sw, &carol, error);
			if (keep == header + 8)
				assert_delivered(outcome, &alice);
			else
				assert_true(outcome.reason == DROP_ICMP_UNRELATED ||
					    outcome.reason == DROP_L4_HEADER);
		}
	}
}

static void error_about_an_error_passes_nowhere(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family) {
		struct frame query = datagram(&alice, &carol, family, 4000, 53);
		struct frame error = unreachable(&carol, &alice, family, &query);

		assert_delivered(send_frame(sw, &alice, query), &carol);
		assert_delivered(send_frame(sw, &carol, error), &alice);
		assert_dropped(send_frame(sw, &alice, unreachable(&alice, &carol, family, &error)),
			       DROP_ICMP_UNRELATED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(error_about_a_live_flow_is_related),
		TEST(every_kind_of_error_is_understood),
		TEST(error_about_tcp_and_echo_is_related),
		TEST(threat_11_error_that_quotes_no_live_flow),
		TEST(threat_11_third_party_has_no_say_in_a_flow),
		TEST(threat_11_errors_about_a_flow_are_rate_limited),
		TEST(threat_11_error_extends_no_flow),
		TEST(error_meets_the_acls),
		TEST(quoted_packet_cut_short),
		TEST(error_about_an_error_passes_nowhere),
	};

	return RUN_TESTS(tests);
}
