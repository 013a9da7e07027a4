/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests/harness/verdicts.bpf.c is asked and answers, in an array that both sides see.
 */
#ifndef SLUICE_TESTS_QUESTION_H
#define SLUICE_TESTS_QUESTION_H

#include "maps/trace.h"

struct question {
	struct query query; /* slot and direction do not matter */
	__u32 rule;         /* the answer: id, or 0: none matched */
	__u32 access;
	__u32 nanoseconds; /* between two looks at the clock, before and after */
	__u32 padding;
};

_Static_assert(sizeof(struct question) == SLUICE_CACHE_LINE, "a question is one line");

#endif
