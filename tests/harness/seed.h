/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What control.hash_seed is in tests: always the same, so that a failure comes again, and drawn by
 * chance. Seeds with a pattern make digests of IPv6 addresses that meet.
 */
#ifndef SLUICE_TESTS_HARNESS_SEED_H
#define SLUICE_TESTS_HARNESS_SEED_H

#include "maps/control.h"

static const __u64 test_seed[] = {
	0xa5d2f346baa9455eULL, 0x4d8f8a7d3c1e92b7ULL, 0x1b6c9e05f7d83a4fULL,
	0xe39a1c5874b20d61ULL, 0x7f04b8d6295ec3a8ULL,
};

_Static_assert(sizeof(test_seed) == sizeof(((struct control *)0)->hash_seed), "all of it");

#endif
