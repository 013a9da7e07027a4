/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The switch against the reference model: random documents are compiled into the maps of programs
 * loaded for this alone (no pins, attached to nothing), random questions and frames are run
 * through both, and everything that a person could notice must be the same.
 */
#ifndef SLUICE_TESTS_DIFFERENTIAL_H
#define SLUICE_TESTS_DIFFERENTIAL_H

#include <stdbool.h>
#include <stdint.h>

/* How much of what is done with each document. */
struct differential_size {
	unsigned int changes;   /* of the document, connections living on; 0: it stays as it is */
	unsigned int questions; /* per version */
	unsigned int frames;    /* per version, connections made */
	unsigned int peeks;     /* per version, frames that must leave no trace */
};

struct differential_count {
	unsigned long documents;
	unsigned long versions;
	unsigned long added; /* of them: laid over the one before by sluice_change() */
	unsigned long questions;
	unsigned long frames;
	unsigned long delivered;
	unsigned long answered;
	unsigned long dropped;
	unsigned long on_connections;
	unsigned long reasons[64]; /* by enum drop_reason */
};

struct differential;

/* NULL and a line on standard error when the programs can not be loaded. The calling thread stays
 * on the CPU it is on. */
struct differential *differential_open(void);
void differential_close(struct differential *differential);
/* Everything that follows from one seed. False: a mismatch, told on standard error together with
 * the document. */
bool differential_run(struct differential *differential, uint64_t seed,
		      const struct differential_size *size);
const struct differential_count *differential_counted(const struct differential *differential);

#endif
