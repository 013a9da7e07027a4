/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames broken at random and at every length: each gets a verdict, and whatever is delivered still
 * comes from its sender and goes to the one who has the address.
 * SLUICE_SEED and SLUICE_MUTATIONS in the environment choose another run.
 */
#include "tests/harness/talk.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define CORPUS 24

static __u64 random_state;

/* xorshift64*: the same numbers everywhere, so that a seed names a run. */
static __u32 random_below(__u32 limit)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (__u32)((random_state * 0x2545f4914f6cdd1dULL) >> 33) % limit;
}

static size_t collect(struct frame *corpus)
{
	static const unsigned char options[8] = { 148, 4, 0, 0, 7, 4, 4, 0 };
	size_t count = 0;

	corpus[count++] =
		SAY_ARP(.sender_mac = alice.mac, .sender = alice.address4, .target = bob.address4);
	corpus[count++] = SAY_NEIGHBOR(.source_mac = alice.mac, .source = alice.address6,
				       .target = bob.address6, .option_mac = alice.mac);
	FOR_EACH_FAMILY(family) {
		struct frame asked = datagram(&bob, &alice, family, 4000, 53);
		struct frame big =
			SAY(.from = &alice, .to = &carol, .family = family, .payload = 600);

		corpus[count++] = datagram(&alice, &bob, family, 4000, 53);
		corpus[count++] = SAY(.from = &alice, .to = &carol, .family = family,
				      .protocol = IPPROTO_TCP, .flags = FLAG_SYN, .payload = 30);
		corpus[count++] = SAY(.from = &alice, .to = &bob, .family = family,
				      .protocol = IPPROTO_SCTP, .payload = 10);
		corpus[count++] =
			SAY(.from = &alice, .to = &bob, .family = family, .protocol = IPPROTO_ICMP,
			    .payload = 30, .icmp_type = family == AF_INET ? 8 : 128);
		corpus[count++] =
			SAY(.from = &alice, .to = &bob, .family = family, .protocol = IPPROTO_ICMP,
			    .quote = &asked, .icmp_type = family == AF_INET ? 3 : 1);
		corpus[count++] = SAY(.from = &alice, .to = &carol, .family = family, .ttl = 1);
		corpus[count++] = fragment_of(&big, 0, 40, 5);
		corpus[count++] = fragment_of(&big, 40, 60, 5);
		corpus[count++] = SAY(.from = &alice, .to = &bob, .family = family, .vlans = 2);
	}
	corpus[count++] = SAY(.from = &alice, .to = &bob, .family = AF_INET, .options = options,
			      .options_length = 8);
	corpus[count++] = SAY(.from = &alice, .to = &bob, .family = AF_INET6,
			      .extension = { EXTENSION_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT,
					     IPPROTO_DSTOPTS });
	assert_true(count <= CORPUS);
	return count;
}

static struct frame mutated(const struct frame *original)
{
	static const unsigned char favourites[] = {
		0, 1, 4, 6, 8, 0x7f, 0x80, 0xff, 43, 44, 60, 58
	};
	struct frame frame = *original;

	for (__u32 changes = 1 + random_below(5); changes; changes--) {
		/* Most of what decides stands in the first hundred bytes. */
		__u32 reach = random_below(4) ? 90 : (__u32)frame.length;
		size_t at = random_below(reach < frame.length ? reach : (__u32)frame.length);

		switch (random_below(4)) {
		case 0:
			frame.bytes[at] = (unsigned char)random_below(256);
			break;
		case 1:
			frame.bytes[at] ^= (unsigned char)(1 << random_below(8));
			break;
		case 2:
			frame.bytes[at] = favourites[random_below(sizeof(favourites))];
			break;
		default:
			if (random_below(3))
				frame.length = 14 + random_below((__u32)frame.length - 13);
			else if (frame.length + 40 < FRAME_ROOM)
				frame.length += random_below(40);
		}
	}
	return frame;
}

static bool address_is(const unsigned char *bytes, int family, const char *text)
{
	unsigned char address[16];

	return inet_pton(family, text, address) == 1 &&
	       !memcmp(bytes, address, family == AF_INET ? 4 : 16);
}

/* What was delivered must be from alice, by her address, and in the hands of whose address it has. */
static void expect_honest_delivery(struct bpf_switch *sw, const struct outcome *outcome)
{
	static const struct actor *const receivers[] = { &bob, &carol };
	const unsigned char *out = outcome->out.bytes;
	int family = frame_get16(&outcome->out, 12) == 0x0800 ? AF_INET : AF_INET6;
	const unsigned char *source = out + 14 + (family == AF_INET ? 12 : 8);
	const unsigned char *destination = source + (family == AF_INET ? 4 : 16);

	assert_memory_equal(out + 6, switch_address, 6);
	if (!address_is(source, family, address_of(&alice, family)))
		check_delivered(sw, *outcome, &alice, __FILE__, __LINE__);
	for (int i = 0; i < 2; i++)
		if (!memcmp(out, receivers[i]->mac, 6)) {
			assert_int_equal(outcome->slot, bpf_switch_slot(sw, receivers[i]->name));
			assert_true(
				address_is(destination, family, address_of(receivers[i], family)));
			return;
		}
	fail_msg("delivered to a MAC that nobody in reach has");
}

static void expect_verdict(struct bpf_switch *sw, struct frame frame)
{
	struct outcome outcome = peek_frame(sw, &alice, frame);

	assert_true(outcome.counted_once);
	assert_true(outcome.trace.verdict <= TRACE_DELIVER);
	assert_true(outcome.reason < DROP_REASON_COUNT);
	assert_int_equal(outcome.trace.verdict == TRACE_DROP, outcome.reason != DROP_NONE);
	if (outcome.delivered)
		expect_honest_delivery(sw, &outcome);
}

static void frames_cut_at_every_byte_get_a_verdict(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame corpus[CORPUS];
	size_t count = collect(corpus);

	for (size_t i = 0; i < count; i++)
		for (size_t length = 15; length <= corpus[i].length; length++) {
			struct frame cut = corpus[i];

			cut.length = length;
			if (runs_as_skb(&cut))
				expect_verdict(sw, cut);
		}
}

static __u32 setting(const char *name, __u32 otherwise)
{
	const char *text = getenv(name);

	return text ? (__u32)strtoul(text, NULL, 0) : otherwise;
}

static void mutated_frames_get_a_verdict(void **state)
{
	struct bpf_switch *sw = *state;
	__u32 seed = setting("SLUICE_SEED", 20240229), runs = setting("SLUICE_MUTATIONS", 50000);
	struct frame corpus[CORPUS];
	size_t count = collect(corpus);
	unsigned long kept = 0;

	print_message("seed %u, %u mutated frames\n", seed, runs);
	random_state = seed | 1;
	for (__u32 run = 0; run < runs; run++) {
		struct frame frame = mutated(&corpus[random_below((__u32)count)]);
		int verdict;

		if (!runs_as_skb(&frame))
			continue;
		/* As a live packet, so that flows and fragments of nonsense come to be; and as a
		 * question, whose answer can be looked into. */
		verdict = run_tc(program_fd(sw, VIA_TC), actor_ifindex(&alice), &frame, NULL);
		assert_true(verdict == TC_ACT_SHOT || verdict == TC_ACT_REDIRECT);
		kept += verdict == TC_ACT_REDIRECT;
		expect_verdict(sw, frame);
	}
	/* A run that delivers nothing, or all, would try nothing. */
	assert_in_range(kept, runs / 50, runs - runs / 50);
}

static void mutated_frames_get_a_verdict_from_xdp(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame corpus[CORPUS];
	size_t count = collect(corpus);

	random_state = setting("SLUICE_SEED", 20240301) | 1;
	for (int run = 0; run < 150; run++) {
		struct frame frame = mutated(&corpus[random_below((__u32)count)]);
		int verdict;

		if (frame.length < 15)
			continue;
		verdict = run_xdp(program_fd(sw, VIA_XDP), actor_ifindex(&alice), &frame, NULL);
		assert_true(verdict == XDP_DROP || verdict == XDP_TX || verdict == XDP_REDIRECT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_cut_at_every_byte_get_a_verdict),
		TEST(mutated_frames_get_a_verdict),
		TEST(mutated_frames_get_a_verdict_from_xdp),
	};

	return RUN_TESTS(tests);
}
