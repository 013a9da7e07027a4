/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that put packets through a test switch as fast as the kernel runs them, at once. */
#ifndef SLUICE_TESTS_FEEDER_H
#define SLUICE_TESTS_FEEDER_H

#include <pthread.h>

#include "tests/harness/bpf_switch.h"

struct feed; /* the feeding programs, in front of one switch */

struct feed *feed_open(struct bpf_switch *sw, __u32 headers);
void feed_close(struct feed *feed);
/* Lays down a frame's headers; its number, which counts up from 0. Frames have to be as long as
 * that of the feeder that sends them. */
__u32 feed_add(struct feed *feed, const struct frame *frame);
/* Forgets all that was added. */
void feed_clear(struct feed *feed);

/* Whether packets go to the switch, as they do unless told, or are dropped at once. */
void feed_switch(struct feed *feed, bool to_switch);
/* Nanoseconds of the last packet that was timed, by its headers' number. Between two looks at the clock
 * lie the packet's whole way and what the kernel does between two runs. */
const __u64 *feed_times(const struct feed *feed);

struct feeder {
	const struct actor *from;
	enum via via;
	int cpu;
	__u32 first, count; /* which headers, in turn; count is a power of two */
	__u32 step;         /* 0: 1; odd */
	__u32 ports;   /* not 0: offset of the ports, which are another number each time, from */
	__u32 number;  /* this on, */
	__u32 numbers; /* of this many, a power of two; 0: never the same again */
	int repeat;
	size_t length;    /* of its frames */
	bool timed;       /* each of its packets but the last one; feed_times() */
	const bool *stop; /* not NULL: goes on, `repeat` at a time, until this is set */

	double ns; /* a packet, feeding included; after feed_join() */
	int error; /* 0 or -errno */
	__u32 turn;
	struct feed *feed;
	pthread_t thread;
};

/* Starts a feeder in a thread of its own, as the number-th of those that run at once. */
void feed_start(struct feed *feed, struct feeder *feeder, __u32 number);
void feed_join(struct feeder *feeder);
/* How many packets the number-th has sent. */
__u32 feed_sent(const struct feed *feed, __u32 number);
/* Starts all and waits for all. */
void feed_all(struct feed *feed, struct feeder *feeders, int count);
/* Runs one in the calling thread: ns a packet. */
double feed_one(struct feed *feed, struct feeder *feeder, __u32 number);

#endif
