/* SPDX-License-Identifier: BSD-2-Clause */
/* Events: what an observer is told of drops and new flows, and what is left out is counted. */
#include "tests/harness/talk.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "bpf/sluice.skel.h"

#define MOST_EVENTS 4096

static struct event seen[MOST_EVENTS];
static size_t seen_count;

static int collect(void *context, void *data, size_t size)
{
	(void)context;
	assert_int_equal(size, sizeof(struct event));
	if (seen_count < MOST_EVENTS)
		memcpy(&seen[seen_count++], data, size);
	return 0;
}

/* Takes what lies in the ring: seen[0..seen_count). */
static void read_events(struct bpf_switch *sw)
{
	struct ring_buffer *ring =
		ring_buffer__new(bpf_map__fd(sw->skeleton->maps.events), collect, NULL, NULL);

	if (!ring)
		fail_msg("ring buffer: %s", strerror(errno));
	seen_count = 0;
	assert_true(ring_buffer__consume(ring) >= 0);
	ring_buffer__free(ring);
}

static void observe_for(struct bpf_switch *sw, unsigned int seconds, __u32 per_second)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	sw->control->observe_per_second = per_second;
	sw->control->observe_until =
		seconds ? ((__u64)now.tv_sec + seconds) * 1000000000ULL + (__u64)now.tv_nsec : 0;
	read_events(sw);
}

static void nobody_is_told_when_nobody_observes(void **state)
{
	struct bpf_switch *sw = *state;

	observe_for(sw, 0, 1000);
	send_via(sw, VIA_TC, &alice, datagram(&alice, &bob, AF_INET, 1, 2));
	/* And when an observer has died, its time runs out. */
	sw->control->observe_until = 1;
	send_via(sw, VIA_TC, &alice, datagram(&alice, &bob, AF_INET, 3, 4));
	read_events(sw);
	assert_int_equal(seen_count, 0);
}

static void new_flows_and_drops_are_told(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .bob = "nsg: n",
	     .rest = "nsgs: {n: {rules: [{name: no, priority: 100, direction: Inbound,"
		     " access: Deny, destinationPorts: ['9']}]}}");
	observe_for(sw, 60, 100000);
	FOR_EACH_FAMILY(family)
		for (enum via via = VIA_TC; via <= VIA_XDP; via++) {
			struct frame allowed =
				datagram(&alice, &bob, family, (__u16)(100 + via), 53);
			struct frame denied = datagram(&alice, &bob, family, 7, 9);
			struct ip_address source = address_from(address_of(&alice, family));

			send_via(sw, via, &alice, allowed);
			send_via(sw, via, &alice, allowed); /* no longer new */
			send_via(sw, via, &alice, denied);
			read_events(sw);
			assert_int_equal(seen_count, 2);
			assert_int_equal(seen[0].kind, EVENT_NEW_FLOW);
			assert_int_equal(seen[0].reason, DROP_NONE);
			assert_int_equal(seen[0].in_slot, bpf_switch_slot(sw, "alice"));
			assert_int_equal(seen[0].out_slot, bpf_switch_slot(sw, "bob"));
			assert_int_equal(seen[0].rule, bpf_switch_rule(sw, "nsg/n/in/65000"));
			assert_int_equal(seen[0].destination_port, htons(53));
			assert_int_equal(seen[0].length, allowed.length);
			assert_int_equal(seen[0].version, sw->version);
			assert_int_equal(seen[1].kind, EVENT_DROP);
			assert_int_equal(seen[1].reason, DROP_NSG_DENY);
			assert_int_equal(seen[1].rule, bpf_switch_rule(sw, "nsg/n/in/no"));
			assert_int_equal(seen[1].protocol, IPPROTO_UDP);
			assert_memory_equal(&seen[1].source, &source, sizeof(source));
			assert_int_equal(seen[1].left_out, 0);
		}
	observe_for(sw, 0, 0);
}

/* The short way of known packets keeps little of what it reads. */
static void a_known_packet_that_is_lost_is_told_like_any_other(void **state)
{
	struct bpf_switch *sw = *state;
	__u32 slot = bpf_switch_slot(sw, "alice");

	FOR_EACH_FAMILY(family)
		for (enum via via = VIA_TC; via <= VIA_XDP; via++) {
			struct frame frame = datagram(&bob, &alice, family, 1000, 53);
			struct ip_address source = address_from(address_of(&bob, family));
			struct ip_address destination = address_from(address_of(&alice, family));

			TOWN(sw, NULL); /* gives alice her device back */
			send_via(sw, via, &bob, frame);
			observe_for(sw, 60, 100000);
			if (bpf_map_delete_elem(bpf_map__fd(sw->skeleton->maps.devices), &slot) ||
			    bpf_map_delete_elem(bpf_map__fd(sw->skeleton->maps.devices_tc), &slot))
				fail_msg("devices: %s", strerror(errno));
			send_via(sw, via, &bob, frame); /* judged anew or known, it is the same */
			send_via(sw, via, &bob, frame);
			read_events(sw);
			assert_true(seen_count >= 2);
			for (size_t i = seen_count - 2; i < seen_count; i++) {
				assert_int_equal(seen[i].reason, DROP_DEVICE_GONE);
				assert_memory_equal(&seen[i].source, &source, sizeof(source));
				assert_memory_equal(&seen[i].destination, &destination,
						    sizeof(destination));
				assert_int_equal(seen[i].source_port, htons(1000));
				assert_int_equal(seen[i].destination_port, htons(53));
				assert_int_equal(seen[i].protocol, IPPROTO_UDP);
				assert_int_equal(seen[i].ethertype,
						 htons(family == AF_INET ? 0x0800 : 0x86dd));
				assert_int_equal(seen[i].length, frame.length);
				assert_int_equal(seen[i].in_slot, bpf_switch_slot(sw, "bob"));
				assert_int_equal(seen[i].out_slot, slot);
				assert_int_equal(seen[i].icmp_type, 0);
			}
		}
	observe_for(sw, 0, 0);
}

static void what_is_over_the_rate_is_counted_not_told(void **state)
{
	struct bpf_switch *sw = *state;
	__u64 told = 0, left_out = 0;

	observe_for(sw, 60, 5);
	/* 400 drops within a few hundredths of a second, then an event that there is room for. */
	for (int i = 0; i < 400; i++)
		send_via(sw, VIA_TC, &alice,
			 SAY(.from = &alice, .to = &bob, .family = AF_INET,
			     .destination = "192.0.2.1"));
	sw->control->observe_per_second = 1000;
	send_via(sw, VIA_TC, &alice, datagram(&alice, &bob, AF_INET, 1, 2));
	read_events(sw);
	for (size_t i = 0; i < seen_count; i++) {
		told++;
		left_out += seen[i].left_out;
	}
	assert_in_range(told, 1, 99);
	assert_int_equal(told + left_out, 401);
	observe_for(sw, 0, 0);
}

static void full_ring_stops_no_packet(void **state)
{
	struct bpf_switch *sw = *state;
	unsigned long delivered = 0;
	int sent = 20000;

	observe_for(sw, 60, 10000000);
	for (int i = 0; i < sent; i++) {
		struct frame frame = datagram(&alice, &bob, AF_INET, (__u16)(1000 + i), 53);
		int verdict = run_tc(program_fd(sw, VIA_TC), actor_ifindex(&alice), &frame, NULL);

		delivered += verdict == TC_ACT_REDIRECT;
		if (i % 1000 == 999)
			flows_clear(sw);
	}
	assert_int_equal(delivered, sent);
	read_events(sw);
	observe_for(sw, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_is_told_when_nobody_observes),
		TEST(new_flows_and_drops_are_told),
		TEST(a_known_packet_that_is_lost_is_told_like_any_other),
		TEST(what_is_over_the_rate_is_counted_not_told),
		TEST(full_ring_stops_no_packet),
	};

	return RUN_TESTS(tests);
}
