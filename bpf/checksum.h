/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Internet checksums (RFC 1071): over a few words, and adjusted for a word that changed
 * (RFC 1624). Sums are of words as they lie in memory; the result needs no byte swap.
 */
#ifndef SLUICE_BPF_CHECKSUM_H
#define SLUICE_BPF_CHECKSUM_H

#include "maps/base.h"

static __always_inline __u16 checksum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* Adds size bytes, a multiple of 4 and a constant. */
static __always_inline __u64 checksum_add(__u64 sum, const void *bytes, __u32 size)
{
	const __u32 *word = bytes;

	for (__u32 i = 0; i < size / 4; i++) {
		sum += word[i];
		/* One after the other: the compiler would load all words first, and keep what does
		 * not fit its registers on the stack. */
		barrier_var(sum);
	}
	return sum;
}

/* The checksum after a 16-bit word it covers went from one value to another. */
static __always_inline __u16 checksum_replace(__u16 checksum, __u16 from, __u16 to)
{
	return checksum_fold((__u64)(__u16)~checksum + (__u16)~from + to);
}

#endif
