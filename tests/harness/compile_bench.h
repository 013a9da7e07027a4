/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A compiler's surroundings for unit tests: memory for the lines, numbers, a document and the
 * devices of its ports (10, 13, 16...). Failures end the test.
 */
#ifndef SLUICE_TESTS_COMPILE_BENCH_H
#define SLUICE_TESTS_COMPILE_BENCH_H

#include "loader/compile.h"
#include "tests/harness/unit.h"

struct bench {
	struct tables tables;
	struct table_line *lines;
	struct ids *slots;
	struct ids *rules;
	struct sluice_config *config;
	struct placement *placements;
	const struct root *root; /* of what was compiled last */
};

/* The bench owns config from then on. */
void bench_open(struct bench *bench, struct sluice_config *config, __u32 line_count);
void bench_close(struct bench *bench);
/* Compiles into an extent from line 1 on. */
int bench_compile(struct bench *bench, struct sluice_error *error);
/* A document that must be valid. */
struct sluice_config *bench_read(const char *text);
const struct port *bench_port(const struct bench *bench, const char *name);

#endif
