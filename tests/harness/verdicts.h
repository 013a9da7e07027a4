/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Classifiers in the kernel, asked about many headers in one run (verdicts.bpf.c). No switch is
 * needed: it has tables of its own, in which classifier_build() lays what it is to be asked.
 */
#ifndef SLUICE_TESTS_VERDICTS_H
#define SLUICE_TESTS_VERDICTS_H

#include "tests/harness/question.h"
#include "tests/harness/rule_set.h"

struct verdicts {
	struct verdicts_bpf *skeleton;
	struct tables tables;
	struct question *question;
	size_t most; /* questions */
};

/* Whatever fails ends the test. */
void verdicts_open(struct verdicts *verdicts, __u32 lines, size_t most);
void verdicts_close(struct verdicts *verdicts);
/* Forgets the classifiers laid so far. */
void verdicts_clear(struct verdicts *verdicts);
/* Puts headers into question[first], and those behind it. */
void verdicts_put(struct verdicts *verdicts, size_t first, const struct reference_tuple *headers,
		  size_t count);
/* Answers question[first..first + count) by the classifier at a line. */
void verdicts_ask(struct verdicts *verdicts, __u32 line, size_t first, size_t count);
/* The same, but only looks at the clock: what to take off the nanoseconds. */
void verdicts_ask_nothing(struct verdicts *verdicts, size_t first, size_t count);

#endif
