/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small generator of numbers: the same seed always gives the same numbers, so that a mismatch can
 * be seen again from the seed that is printed with it.
 */
#ifndef SLUICE_TESTS_RANDOM_H
#define SLUICE_TESTS_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

/* splitmix64 */
static inline uint64_t random_next(struct random *random)
{
	uint64_t mix = (random->state += 0x9e3779b97f4a7c15ULL);

	mix = (mix ^ (mix >> 30)) * 0xbf58476d1ce4e5b9ULL;
	mix = (mix ^ (mix >> 27)) * 0x94d049bb133111ebULL;
	return mix ^ (mix >> 31);
}

/* 0..bound-1; bound 0 gives 0. */
static inline unsigned int random_below(struct random *random, unsigned int bound)
{
	return bound ? (unsigned int)(random_next(random) % bound) : 0;
}

static inline bool random_chance(struct random *random, unsigned int percent)
{
	return random_below(random, 100) < percent;
}

#endif
