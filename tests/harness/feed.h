/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the feeding programs (feed.bpf.c) and those who start them (feeder.c) share.
 *
 * A test run repeats one frame as the program left it. A feeding program writes other headers over
 * it each time and goes on with the switch, so that one system call puts any number of packets of
 * any number of flows through it, at the speed of the kernel.
 */
#ifndef SLUICE_TESTS_FEED_H
#define SLUICE_TESTS_FEED_H

#define FEED_WORDS   10 /* 80 bytes: Ethernet, IPv6 and TCP end within */
#define FEED_NUMBER  80 /* where in a frame the number of its feeder stands */
#define FEED_FEEDERS 16

struct feed_headers {
	__u64 word[FEED_WORDS];
};

/* A feeder's way through the headers: first, first + step, ... modulo count. */
struct feed_turn {
	__u32 first;
	__u32 mask; /* count - 1; count is a power of two */
	__u32 step; /* odd, so that every one has its turn */
	__u32 at;
	/* Not 0: the offset of the ports in the frame, which are number + (at & number_mask). */
	__u32 ports;
	__u32 number;
	__u32 number_mask;
	__u32 timed; /* not 0: what each packet takes is noted in feed_times, by its headers */
	__u64 begun; /* the clock as the last packet was handed over */
	__u32 padding[6]; /* a line of its own: feeders run on several CPUs */
};

_Static_assert(sizeof(struct feed_turn) == 64, "a turn is one line");

#endif
